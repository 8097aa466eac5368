import { ArgumentError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import type { Head, ModelParts } from '../head.ts';
import { loadModel, type PretrainedOptions } from '../loading.ts';
import { PreTrainedModel } from '../pretrained.ts';
import { type BertConfig, defaultLabels } from './configuration.ts';

/** What the labels of a classifier are. */
export interface LabelNames {
  /** How many. Default: as the checkpoint says, or the data. */
  readonly numLabels?: number | undefined;
  /** Their names, by number. */
  readonly id2label?: readonly string[] | Readonly<Record<number, string>> | undefined;
}

/** A model whose head, `classifier`, has a score for each of `config.id2label`. */
export abstract class LabelledModel<Output> extends PreTrainedModel<BertConfig, Output> {
  readonly #owner: string;
  #labelsOpen: boolean;

  protected constructor(parts: ModelParts<BertConfig>, labelsOpen: boolean) {
    super(parts);
    this.#owner = parts.head.className;
    this.#labelsOpen = labelsOpen;
  }

  /** How many labels the head has. */
  get numLabels(): number {
    return this.config.id2label.length;
  }

  /** Whether the labels may still come from the data: the head is new, and nobody said how many there are. */
  get labelsOpen(): boolean {
    return this.#labelsOpen;
  }

  /**
   * Takes the labels' names from a data set. A head that is new, and whose size nobody gave, gets that size.
   * @throws ArgumentError where the head has another number of labels, or other names of its own.
   */
  async useLabels(names: readonly string[], options: { readonly seed?: number | undefined } = {}): Promise<void> {
    await this.takeLabels({ ...this.config, id2label: names }, options.seed);
  }

  /** {@link useLabels} with all of the new configuration. */
  protected async takeLabels(config: BertConfig, seed = 42): Promise<void> {
    const { id2label } = this.config;
    const names = config.id2label;
    if (names.length !== id2label.length) {
      if (!this.#labelsOpen) {
        throw new ArgumentError('ERR_LABELS', {
          owner: this.#owner,
          what: 'the data and the model disagree about the labels',
          got: `${names.length} labels in the data (${names.join(', ')})`,
          expected: `${id2label.length} (${id2label.join(', ')})`,
          hint: `load the model with numLabels: ${names.length}`,
        });
      }
      this.#labelsOpen = false;
      await this.reconfigure(config, seed);
      return;
    }
    const unnamed = id2label.every((label, id) => label === `LABEL_${id}`);
    if (!unnamed && id2label.join('\n') !== names.join('\n')) {
      throw new ArgumentError('ERR_LABELS', {
        owner: this.#owner,
        what: "the data's labels have other names than the model's",
        got: names.join(', '),
        expected: id2label.join(', '),
        hint: "rename the data's labels, or load the model with id2label",
      });
    }
    this.#labelsOpen = false;
    this.relabel(config);
  }
}

/**
 * {@link loadModel} for a model with labels.
 * @returns the parts, and whether the labels may still come from the data.
 */
export async function loadLabelled(
  head: Head<BertConfig>,
  nameOrPath: string,
  options: PretrainedOptions & LabelNames,
  adapt: (config: BertConfig) => BertConfig = (config) => config,
): Promise<{ readonly parts: ModelParts<BertConfig>; readonly labelsOpen: boolean }> {
  const labels = labelNames(head.className, options);
  const parts = await loadModel(head, nameOrPath, options, (config) =>
    adapt({
      ...config,
      id2label:
        labels === undefined || (labels.length === config.id2label.length && options.id2label === undefined)
          ? config.id2label
          : labels,
    }),
  );
  warnOfOtherClassifier(parts);
  return { parts, labelsOpen: parts.fresh.includes('classifier.weight') && labels === undefined };
}

/** Says where a head was taken over from another class's: their names are the same, and their shapes may be; Hugging Face does it too. */
export function warnOfOtherClassifier({
  head: { className },
  config,
  fresh,
}: ModelParts<BertConfig> & { readonly fresh: readonly string[] }): void {
  const [from] = (config.rest['architectures'] as string[] | undefined) ?? [];
  if (fresh.includes('classifier.weight') || from === undefined || from === className) return;
  log.warn(`${className} starts from the classifier of ${from}, which the checkpoint was trained as`);
}

function labelNames(owner: string, { numLabels, id2label }: LabelNames): readonly string[] | undefined {
  const names =
    id2label === undefined ? undefined : Array.isArray(id2label) ? (id2label as string[]) : Object.values(id2label);
  if (numLabels !== undefined && (!Number.isInteger(numLabels) || numLabels < 1)) {
    throw new ArgumentError('ERR_NUM_LABELS', {
      owner,
      what: 'numLabels is no number of labels',
      got: numLabels,
      expected: 'a whole number of at least 1',
    });
  }
  if (names !== undefined && numLabels !== undefined && names.length !== numLabels) {
    throw new ArgumentError('ERR_NUM_LABELS', {
      owner,
      what: 'numLabels and id2label disagree',
      got: numLabels,
      expected: `${names.length}, as id2label has`,
    });
  }
  return names ?? (numLabels === undefined ? undefined : defaultLabels(numLabels));
}
