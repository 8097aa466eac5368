import { classLabel, type Feature, type Features, isClassLabel, listOf, structOf } from './features.ts';

/** Hugging Face's names of plain types, as far as they are ours. */
function scalarOf(dtype: string): Feature | undefined {
  if (/^(large_)?string$|^null$|^(timestamp|date|time|duration)/.test(dtype)) return 'string';
  if (/^u?int(8|16|32|64)$/.test(dtype)) return 'int64';
  if (/^(float(16|32|64)|double|decimal)/.test(dtype)) return 'float64';
  return dtype === 'bool' || dtype === 'boolean' ? 'bool' : undefined;
}

type Json = unknown;

function isRecord(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The features that Hugging Face's `datasets` writes into a Parquet file (key `huggingface`: `{"info": {"features": …}}`) or
 * into `dataset_info.json`. Columns of kinds that are not ours (images, audio) are left out.
 */
export function featuresOfInfo(features: Json): Features {
  return fieldsOf(isRecord(features) ? Object.entries(features) : [], featureOfInfo);
}

function featureOfInfo(value: Json): Feature | undefined {
  // An array of one feature is an old way to write a list.
  if (Array.isArray(value)) return listed(featureOfInfo(value[0]));
  if (!isRecord(value)) return undefined;
  switch (value['_type']) {
    case 'Value':
      return scalarOf(String(value['dtype']));
    case 'ClassLabel':
      return Array.isArray(value['names']) ? classLabel(value['names'].map(String)) : undefined;
    case 'Sequence': {
      const inside = featureOfInfo(value['feature']);
      // A Sequence of named features is stored as an object of lists, not as a list of objects.
      if (typeof inside !== 'object' || inside.type !== 'struct') return listed(inside);
      return structOf(Object.fromEntries(Object.entries(inside.fields).map(([name, field]) => [name, listOf(field)])));
    }
    case 'List':
    case 'LargeList':
      return listed(featureOfInfo(value['feature']));
    case undefined:
      return structured(Object.entries(value), featureOfInfo);
    default:
      return undefined;
  }
}

/** The features that a repository's README.md tells in its front matter (`dataset_info: features:`, a list of names and types). */
export function featuresOfCard(features: Json): Features {
  return fieldsOf(namedEntries(features), featureOfCard);
}

function namedEntries(list: Json): [string, Json][] {
  return Array.isArray(list) ? list.filter(isRecord).map((entry) => [String(entry['name']), entry]) : [];
}

/** One entry: `{ dtype }`, `{ sequence }`, `{ list }` or `{ struct }`, whose value is a type's name or more of the same. */
function featureOfCard(entry: Json): Feature | undefined {
  if (typeof entry === 'string') return scalarOf(entry);
  if (Array.isArray(entry)) return structured(namedEntries(entry), featureOfCard);
  if (!isRecord(entry)) return undefined;
  if ('class_label' in entry && isRecord(entry['class_label'])) {
    const names = entry['class_label']['names'];
    if (Array.isArray(names)) return classLabel(names.map(String));
    if (!isRecord(names)) return undefined;
    const numbers = Object.keys(names).sort((a, b) => Number(a) - Number(b));
    return classLabel(numbers.map((number) => String(names[number])));
  }
  if ('dtype' in entry) return featureOfCard(entry['dtype']);
  if ('struct' in entry) return featureOfCard(entry['struct']);
  if ('list' in entry) return listed(featureOfCard(entry['list']));
  if (!('sequence' in entry)) return undefined;
  const inside = featureOfCard(entry['sequence']);
  if (typeof inside !== 'object' || inside.type !== 'struct') return listed(inside);
  return structOf(Object.fromEntries(Object.entries(inside.fields).map(([name, field]) => [name, listOf(field)])));
}

function listed(feature: Feature | undefined): Feature | undefined {
  return feature === undefined ? undefined : listOf(feature);
}

function structured(
  entries: readonly (readonly [string, Json])[],
  read: (value: Json) => Feature | undefined,
): Feature | undefined {
  const fields = fieldsOf(entries, read);
  return Object.keys(fields).length === entries.length ? structOf(fields) : undefined;
}

function fieldsOf(entries: readonly (readonly [string, Json])[], read: (value: Json) => Feature | undefined): Features {
  const fields: Record<string, Feature> = {};
  for (const [name, value] of entries) {
    const feature = read(value);
    if (feature !== undefined) fields[name] = feature;
  }
  return fields;
}

/** Whether values stored as `stored` are values of `told`: whole numbers are class labels too. */
export function fitsFeature(stored: Feature, told: Feature): boolean {
  if (typeof told === 'string') return stored === told || (stored === 'int64' && told === 'float64');
  if (isClassLabel(told)) return stored === 'int64' || isClassLabel(stored);
  if (typeof stored === 'string' || stored.type !== told.type) return false;
  if (told.type === 'list') return stored.type === 'list' && fitsFeature(stored.feature, told.feature);
  const fields = stored.type === 'struct' ? stored.fields : {};
  const names = Object.keys(told.fields);
  return (
    names.length === Object.keys(fields).length &&
    names.every((name) => Object.hasOwn(fields, name) && fitsFeature(fields[name], told.fields[name]))
  );
}
