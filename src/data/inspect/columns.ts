import { DataError, didYouMean } from '../../core/errors.ts';
import type { Dataset } from '../dataset.ts';
import { type Feature, isClassLabel } from '../features.ts';
import { glueTasks } from '../readers/glue.ts';
import type { InspectedColumns } from './inspection.ts';

/** Names that columns of labels mostly have, the usual first. */
const labelNames = ['label', 'labels', 'target', 'class', 'category', 'ner_tags', 'tags', 'pos_tags'];
/** Columns that tell rows apart, though they may be strings. */
const numbering = /^(?:id|idx|index|guid|uuid|key|title|.*[_ #]?id)$/i;

/**
 * Which columns hold the texts and which the label: those that are named, or else those that names and types speak of. A
 * guess, which the result shows; no error where none is found.
 * @throws DataError ERR_UNKNOWN_COLUMN for a named column that is not there.
 */
export function inspectedColumns(
  dataset: Dataset,
  named: { readonly texts?: readonly string[] | undefined; readonly label?: string | undefined } = {},
): InspectedColumns {
  const { features, info } = dataset;
  const columns = Object.keys(features);
  const wrong = [...(named.texts ?? []), named.label].find((name) => name !== undefined && !columns.includes(name));
  if (wrong !== undefined) {
    const near = didYouMean(wrong, columns);
    throw new DataError('ERR_UNKNOWN_COLUMN', {
      owner: 'inspectDataset',
      what: `there is no column '${wrong}'`,
      expected: `one of ${columns.join(', ')}`,
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
  const label =
    named.label ??
    labelNames.find((name) => columns.includes(name) && isLabelLike(features[name])) ??
    onlyOne(columns.filter((name) => isClassLabel(features[name])));
  if (named.texts !== undefined && named.texts.length > 0) return { texts: named.texts, label };
  const glue = info.name === 'glue' ? glueTasks.get(info.config ?? '')?.texts.map(([column]) => column) : undefined;
  if (glue?.every((column) => columns.includes(column))) return { texts: glue, label };
  if (features['question'] === 'string' && features['context'] === 'string') {
    return { texts: ['question', 'context'], label: undefined };
  }
  const words = columns.filter((name) => isListOf(features[name], 'string'));
  if (words.length === 1) return { texts: words, label };
  const strings = columns.filter((name) => features[name] === 'string' && name !== label);
  // As training does: among more than two the one called `text`.
  if (strings.length > 2 && strings.includes('text')) return { texts: ['text'], label };
  const texts = strings.filter((name) => !numbering.test(name));
  return { texts: texts.length > 0 ? texts : strings, label };
}

function isLabelLike(feature: Feature): boolean {
  return typeof feature === 'string' || feature.type !== 'struct';
}

function isListOf(feature: Feature, type: Feature): boolean {
  return typeof feature === 'object' && feature.type === 'list' && feature.feature === type;
}

function onlyOne(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}
