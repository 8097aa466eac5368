/** All that {@link inspectDataset} found, as plain data: it can be written as JSON. Rows are counted from 1, as in a file. */
export interface DatasetInspection {
  readonly columns: InspectedColumns;
  readonly splits: readonly SplitInspection[];
  readonly findings: readonly Finding[];
}

/** Which columns were taken for what. */
export interface InspectedColumns {
  readonly texts: readonly string[];
  readonly label: string | undefined;
}

/** One split, looked at by itself. */
export interface SplitInspection {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly ColumnInspection[];
  /** Rows whose texts stand in an earlier row: unit by unit, and but for case and white space. */
  readonly duplicates: { readonly exact: number; readonly normalized: number } | undefined;
  readonly labels: LabelInspection | undefined;
  /** How long the rows are: all texts of a row together. */
  readonly lengths: LengthInspection | undefined;
}

export interface ColumnInspection {
  readonly name: string;
  /** As an error message shows it: `string`, `classLabel("no", "yes")`. */
  readonly type: string;
  /** Rows without a value. */
  readonly missing: number;
  /** Of texts: rows with nothing but white space. */
  readonly empty: number | undefined;
  /** Of numbers; undefined where there is none. */
  readonly range: { readonly min: number; readonly max: number; readonly mean: number } | undefined;
}

/** How often each label stands there, the most frequent first. Tags of words are counted word by word. */
export interface LabelInspection {
  readonly column: string;
  readonly counts: readonly { readonly label: string; readonly count: number }[];
  /** How many labels there are, where `counts` has only the most frequent; numbers with a fraction are no classes. */
  readonly distinct: number;
  readonly missing: number;
}

/** Lengths of rows in tokens of a model, with its special tokens; or in words, where no tokenizer was given. */
export interface LengthInspection {
  readonly unit: 'tokens' | 'words';
  readonly mean: number;
  /** The length that so many percent of the rows do not exceed. */
  readonly percentiles: { readonly [percent: string]: number };
  readonly max: number;
  /** What a row may have at most; undefined for words. */
  readonly maxLength: number | undefined;
  /** Rows with more; undefined for words. */
  readonly truncated: number | undefined;
}

/** What a finding is about. */
export type FindingCode =
  | 'no-rows'
  | 'few-rows'
  | 'no-texts'
  | 'missing-values'
  | 'empty-texts'
  | 'duplicates'
  | 'leakage'
  | 'label-conflicts'
  | 'label-missing-in-training'
  | 'one-label'
  | 'imbalance'
  | 'too-long'
  | 'replacement-characters'
  | 'mojibake'
  | 'nul-characters'
  | 'html';

/** Something that a careful person would look into, and what to do about it. */
export interface Finding {
  readonly code: FindingCode;
  /** `warning`: training on it as it is would likely go wrong or mislead. `note`: worth knowing. */
  readonly severity: 'warning' | 'note';
  readonly split: string;
  readonly column: string | undefined;
  /** Rows it is about. */
  readonly count: number;
  /** The first of them, from 1. */
  readonly rows: readonly number[];
  /** A row's text, cut, or what shows it best. */
  readonly example: string | undefined;
  readonly message: string;
  /** What to do. */
  readonly advice: string;
}
