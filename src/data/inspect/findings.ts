import { describeRows } from '../preprocessing/missing.ts';
import type { Finding, InspectedColumns, LabelInspection } from './inspection.ts';
import type { LabelConflict, Leakage } from './repeats.ts';
import { type SplitSigns, shownRows, type TextSign } from './signs.ts';

/** What each sign in a text means, and what to do. */
const signs: Readonly<Record<TextSign, Pick<Finding, 'severity' | 'advice'> & { readonly what: string }>> = {
  'replacement-characters': {
    severity: 'warning',
    what: 'hold U+FFFD (�), which stands for bytes that could not be read',
    advice: 'what stood there is lost in this file: load the original with its own encoding (the option encoding)',
  },
  mojibake: {
    severity: 'warning',
    what: 'look like UTF-8 that was read in another encoding',
    advice: 'load the original as UTF-8; if the file itself is so, undo it there (for é, Ã© was written)',
  },
  'nul-characters': {
    severity: 'warning',
    what: 'hold NUL characters, which no text has',
    advice: 'the file may be UTF-16 (load it with the option encoding), or damaged; --clean whitespace takes them out',
  },
  html: {
    severity: 'note',
    what: 'hold HTML',
    advice: 'if it says nothing about the label: --clean html',
  },
};

/** Splits whose rows are trained on. */
const isTraining = (split: string) => /^train/i.test(split);

/** A rare label has fewer rows than this: nothing much can be learned of it. */
const fewRows = 10;

/** All that was seen, as findings; warnings first. */
export function findingsOf(
  columns: InspectedColumns,
  splits: readonly SplitSigns[],
  leaks: readonly Leakage[],
  conflicts: readonly LabelConflict[],
): Finding[] {
  const all = [
    ...splits.flatMap((split) => [
      ...aboutRows(columns, split),
      ...aboutTexts(columns, split),
      ...aboutDuplicates(split),
      ...aboutLabels(split),
      ...aboutLengths(split),
    ]),
    ...leaks.map(aboutLeakage),
    ...aboutConflicts(conflicts),
    ...aboutUnknownLabels(splits),
  ];
  return [
    ...all.filter(({ severity }) => severity === 'warning'),
    ...all.filter(({ severity }) => severity === 'note'),
  ];
}

function finding(
  parts: Pick<Finding, 'code' | 'severity' | 'split' | 'message' | 'advice'> & Partial<Finding>,
): Finding {
  return { column: undefined, count: 0, rows: [], example: undefined, ...parts };
}

function aboutRows({ texts }: InspectedColumns, { inspection }: SplitSigns): Finding[] {
  const { name: split, rows } = inspection;
  if (rows === 0) {
    const advice = 'look whether the file is the right one';
    return [finding({ code: 'no-rows', severity: 'warning', split, message: `${split} has no rows`, advice })];
  }
  if (texts.length > 0) return [];
  return [
    finding({
      code: 'no-texts',
      severity: 'warning',
      split,
      message: `no column of ${split} holds texts`,
      advice: 'look at the columns above; name one with --text-column, or give the right delimiter or header',
    }),
  ];
}

function aboutTexts({ texts, label }: InspectedColumns, seen: SplitSigns): Finding[] {
  const { name: split, rows } = seen.inspection;
  const found: Finding[] = [];
  for (const column of texts) {
    const missing = seen.missing.get(column) ?? [];
    if (missing.length > 0) {
      found.push(
        finding({
          code: 'missing-values',
          severity: 'warning',
          split,
          column,
          count: missing.length,
          rows: missing.slice(0, shownRows),
          message: `'${column}' of ${split} has no value in ${describeRows(missing)}`,
          advice: 'training stops at such a row: --missing drop leaves it out, --missing fill=… puts a text in',
        }),
      );
    }
    const empty = seen.empty.get(column) ?? [];
    if (empty.length > 0) {
      found.push(
        finding({
          code: 'empty-texts',
          severity: 'warning',
          split,
          column,
          count: empty.length,
          rows: empty.slice(0, shownRows),
          message: `'${column}' of ${split} is empty in ${describeRows(empty)}`,
          advice: 'the model would learn a label from nothing: take these rows out of the file, or fill them in',
        }),
      );
    }
    for (const [code, { count, rows: first, example }] of seen.signs.get(column)?.seen ?? []) {
      const { what, severity, advice } = signs[code];
      const texts = count === 1 ? `a text of '${column}'` : `${count} texts of '${column}'`;
      const message = `${texts} in ${split} ${count === 1 ? what.replace(/^(hold|look)/, '$1s') : what}, first in row ${first[0]}`;
      found.push(finding({ code, severity, split, column, count, rows: first, example, message, advice }));
    }
  }
  const unlabelled = label === undefined ? [] : (seen.missing.get(label) ?? []);
  if (label !== undefined && unlabelled.length > 0) {
    const all = unlabelled.length === rows;
    found.push(
      finding({
        code: 'missing-values',
        severity: all && !isTraining(split) ? 'note' : 'warning',
        split,
        column: label,
        count: unlabelled.length,
        rows: unlabelled.slice(0, shownRows),
        message: all
          ? `no row of ${split} has a label`
          : `'${label}' of ${split} has no value in ${describeRows(unlabelled)}`,
        advice: all
          ? 'it can be predicted, but neither trained on nor judged'
          : 'neither training nor evaluation takes such a row: label it, or --missing drop',
      }),
    );
  }
  return found;
}

function aboutDuplicates({ inspection, duplicateRows, duplicateExample }: SplitSigns): Finding[] {
  const { name: split, rows, duplicates } = inspection;
  if (duplicates === undefined || duplicates.normalized === 0) return [];
  const { exact, normalized } = duplicates;
  const same = exact === normalized ? 'exactly' : `${exact} of them exactly, the others but for case and white space`;
  return [
    finding({
      code: 'duplicates',
      severity: normalized / rows > 0.05 ? 'warning' : 'note',
      split,
      count: normalized,
      rows: duplicateRows.slice(0, shownRows),
      example: duplicateExample,
      message: `${normalized} of ${rows} rows of ${split} repeat the texts of an earlier row (${same}), first in row ${duplicateRows[0]}`,
      advice: isTraining(split)
        ? `they count several times: --drop-duplicates ${exact === normalized ? 'exact' : 'normalized'} keeps the first of each`
        : 'what is repeated counts several times in the metrics; take the repetitions out if that is not meant',
    }),
  ];
}

function aboutLabels({ inspection: { name: split, labels, rows } }: SplitSigns): Finding[] {
  if (labels === undefined || rows === 0) return [];
  const { counts, column, distinct } = labels;
  const present = counts.filter(({ count }) => count > 0);
  if (present.length === 0 || distinct > counts.length) return [];
  const [most] = present;
  const least = present[present.length - 1];
  const shared = { split, column, count: least.count };
  if (present.length === 1) {
    const message = `every label of ${split} is '${most.label}'`;
    const advice = 'there is nothing to tell apart: look whether the data was cut or sorted before it was split';
    return [finding({ ...shared, code: 'one-label', severity: 'warning', message, advice })];
  }
  const found: Finding[] = [];
  const ratio = most.count / least.count;
  if (isTraining(split) && ratio >= 3) {
    found.push(
      finding({
        ...shared,
        code: 'imbalance',
        severity: ratio >= 10 ? 'warning' : 'note',
        message: `'${most.label}' is ${ratio.toFixed(ratio < 10 ? 1 : 0)} times as frequent in ${split} as '${least.label}'`,
        advice:
          'judge by F1 or the confusion matrix rather than accuracy; --class-weights balanced or --balance oversample makes rare labels count more',
      }),
    );
  }
  const rare = present.filter(({ count }) => count < fewRows);
  if (isTraining(split) && rare.length > 0) {
    found.push(
      finding({
        ...shared,
        code: 'few-rows',
        severity: 'warning',
        message: `${rare
          .map(({ label, count }) => `'${label}' stands ${count === 1 ? 'once' : `${count} times`}`)
          .slice(0, 5)
          .join(', ')}${rare.length > 5 ? ', …' : ''} in ${split}`,
        advice: 'a label that rare is hardly learned: gather more rows, or join it with a similar label',
      }),
    );
  }
  return found;
}

function aboutLengths({ inspection: { name: split, lengths, rows }, longRows }: SplitSigns): Finding[] {
  if (lengths?.truncated === undefined || lengths.truncated === 0) return [];
  const { truncated, maxLength, max } = lengths;
  const share = ((100 * truncated) / rows).toFixed(truncated / rows < 0.01 ? 2 : 0);
  return [
    finding({
      code: 'too-long',
      severity: truncated / rows > 0.1 ? 'warning' : 'note',
      split,
      count: truncated,
      rows: longRows,
      message: `${truncated} of ${rows} rows of ${split} (${share} %) have more than ${maxLength} tokens and would be cut; the longest has ${max}`,
      advice: '--long-texts head-tail keeps beginning and end, --long-texts windows makes several rows of one',
    }),
  ];
}

function aboutLeakage({ from, to, count, rows, example, exampleFrom }: Leakage): Finding {
  const trained = isTraining(from);
  return finding({
    code: 'leakage',
    severity: trained ? 'warning' : 'note',
    split: to,
    count,
    rows,
    example,
    message: `${count === 1 ? 'a row' : `${count} rows`} of ${to} stand${count === 1 ? 's' : ''} in ${from}, too: row ${rows[0]} is row ${exampleFrom} there`,
    advice: trained
      ? `metrics on ${to} would be too good: --drop-held-out leaves such rows out of training`
      : 'the two are no independent judges; take the rows out of one of them',
  });
}

function aboutConflicts(conflicts: readonly LabelConflict[]): Finding[] {
  if (conflicts.length === 0) return [];
  const [{ text, labels }] = conflicts;
  const places = labels.slice(0, 3).map(({ split, row, label }) => `'${label}' (${split}, row ${row})`);
  return [
    finding({
      code: 'label-conflicts',
      severity: 'warning',
      split: labels[0].split,
      count: conflicts.length,
      rows: conflicts.slice(0, shownRows).map((conflict) => conflict.labels[0].row),
      example: text,
      message: `${conflicts.length === 1 ? 'a text has' : `${conflicts.length} texts have`} different labels in different rows: ${places.join(' and ')}`,
      advice: 'one of the labels is likely wrong: read these rows and correct them',
    }),
  ];
}

/** Labels that stand in another split but not in the training data. */
function aboutUnknownLabels(splits: readonly SplitSigns[]): Finding[] {
  const present = ({ counts }: LabelInspection) => counts.filter(({ count }) => count > 0).map(({ label }) => label);
  const training = splits.find(({ inspection }) => isTraining(inspection.name))?.inspection.labels;
  if (training === undefined || training.distinct > training.counts.length || training.counts.length === 0) return [];
  const known = new Set(present(training));
  return splits.flatMap(({ inspection: { name: split, labels } }) => {
    if (labels === undefined) return [];
    const unknown = present(labels).filter((label) => !known.has(label));
    if (unknown.length === 0 || isTraining(split)) return [];
    return [
      finding({
        code: 'label-missing-in-training',
        severity: 'warning',
        split,
        column: labels.column,
        count: unknown.length,
        message: `${split} has labels that the training data has not: ${unknown.slice(0, 5).join(', ')}${unknown.length > 5 ? ', …' : ''}`,
        advice: 'the model cannot learn them: look for other spellings, or split the data anew, stratified by label',
      }),
    ];
  });
}
