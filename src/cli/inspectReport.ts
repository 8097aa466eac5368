import type {
  ColumnInspection,
  DatasetInspection,
  Finding,
  LabelInspection,
  LengthInspection,
  SplitInspection,
} from '../data/index.ts';

/** Labels of a split that a chart shows. */
const charted = 12;
const widestName = 28;

/** An inspection as a person reads it: each split's columns, labels and lengths, then what to look into. @param width of the terminal. */
export function renderInspection(inspection: DatasetInspection, width = 100): string {
  const { columns, splits, findings } = inspection;
  const room = Math.max(60, Math.min(width, 120));
  const chosen =
    columns.texts.length === 0
      ? 'no column of texts was found'
      : `texts: ${columns.texts.map((name) => `'${name}'`).join(' and ')}; ${columns.label === undefined ? 'no label' : `label: '${columns.label}'`}`;
  const lines = [
    ...wrapped(`${splits.map(({ name, rows }) => `${name} ${grouped(rows)}`).join(', ')} rows; ${chosen}`, room, '  '),
    ...splits.flatMap((split) => ['', ...renderSplit(split, room)]),
    '',
    ...renderFindings(findings, room),
  ];
  const inWords = splits.some(({ lengths }) => lengths?.unit === 'words');
  if (inWords) {
    const note = 'Lengths are in words; a word is one to two tokens of BERT. --model tells how many rows would be cut.';
    lines.push('', ...wrapped(note, room, ''));
  }
  return lines.join('\n');
}

function renderSplit({ name, rows, columns, labels, lengths, duplicates }: SplitInspection, width: number): string[] {
  const title = `── ${name}, ${grouped(rows)} rows `;
  const repeated =
    duplicates === undefined || duplicates.normalized === 0
      ? []
      : [`  repeated texts: ${grouped(duplicates.normalized)} rows (${grouped(duplicates.exact)} exactly)`];
  return [
    title + '─'.repeat(Math.max(0, width - title.length)),
    ...renderColumns(columns),
    ...(labels === undefined ? [] : ['', ...renderLabels(labels, width)]),
    ...(lengths === undefined ? [] : ['', ...renderLengths(lengths, rows, width)]),
    ...repeated,
  ];
}

function renderColumns(columns: readonly ColumnInspection[]): string[] {
  const cells = columns.map(({ name, type, missing, empty, range }) => [
    shortened(name, widestName),
    shortened(type, 44),
    [
      missing > 0 ? `${grouped(missing)} missing` : '',
      empty !== undefined && empty > 0 ? `${grouped(empty)} empty` : '',
      range === undefined ? '' : `${number(range.min)} to ${number(range.max)}, mean ${number(range.mean)}`,
    ]
      .filter((part) => part !== '')
      .join(', '),
  ]);
  const widths = [0, 1].map((k) => Math.max(0, ...cells.map((row) => row[k].length)));
  return cells.map(([name, type, notes]) =>
    `  ${name.padEnd(widths[0])}  ${type.padEnd(widths[1])}  ${notes}`.trimEnd(),
  );
}

function renderLabels({ column, counts, distinct, missing }: LabelInspection, width: number): string[] {
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  if (counts.length === 0) return [`  ${column}: numbers, not classes`];
  if (total === 0) return [`  labels ('${column}'): no row has one`];
  const shown = counts.slice(0, charted);
  const most = Math.max(1, shown[0].count);
  const names = shown.map(({ label }) => shortened(label, widestName));
  const nameWidth = Math.max(...names.map((label) => label.length));
  const countWidth = grouped(most).length;
  const room = Math.max(10, Math.min(40, width - nameWidth - countWidth - 16));
  const lines = shown.map(({ count }, i) => {
    const share = total === 0 ? 0 : (100 * count) / total;
    return `  ${names[i].padEnd(nameWidth)}  ${bar(count / most, room)}  ${grouped(count).padStart(countWidth)}  ${share.toFixed(1).padStart(5)} %`;
  });
  const more = distinct - shown.length;
  if (more > 0) lines.push(`  and ${grouped(more)} labels more`);
  if (missing > 0) lines.push(`  ${grouped(missing)} without a label`);
  return [`  labels ('${column}'):`, ...lines];
}

function renderLengths(lengths: LengthInspection, rows: number, width: number): string[] {
  const { unit, mean, percentiles, max, maxLength, truncated } = lengths;
  const all = [
    ...Object.entries(percentiles).map(([percent, length]) => [`${percent} %`, length] as const),
    ['longest', max] as const,
  ];
  const top = Math.max(1, max);
  const countWidth = grouped(max).length;
  const room = Math.max(10, Math.min(40, width - 26));
  const cut =
    maxLength === undefined || truncated === undefined
      ? ''
      : `; ${truncated === 0 ? 'none has' : `${grouped(truncated)} (${((100 * truncated) / Math.max(1, rows)).toFixed(1)} %) have`} more than ${maxLength}`;
  return [
    ...wrapped(`  lengths in ${unit}: mean ${mean.toFixed(1)}${cut}; so many of the rows have at most:`, width, '  '),
    ...all.map(
      ([name, length]) => `  ${name.padStart(7)}  ${bar(length / top, room)}  ${grouped(length).padStart(countWidth)}`,
    ),
  ];
}

function renderFindings(findings: readonly Finding[], width: number): string[] {
  if (findings.length === 0) return ['Nothing stands out.'];
  const warnings = findings.filter(({ severity }) => severity === 'warning').length;
  const notes = findings.length - warnings;
  const counted = [
    warnings === 0 ? '' : `${warnings} warning${warnings === 1 ? '' : 's'}`,
    notes === 0 ? '' : `${notes} note${notes === 1 ? '' : 's'}`,
  ].filter((part) => part !== '');
  return [
    `${counted.join(' and ')}:`,
    ...findings.flatMap(({ severity, message, example, advice }) => [
      '',
      ...wrapped(`${severity === 'warning' ? '!' : '·'} ${message}`, width, '  '),
      ...(example === undefined ? [] : [`    “${example}”`]),
      ...wrapped(`  → ${advice}`, width, '    '),
    ]),
  ];
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `share` of so many characters, in eighths of one; what is not nothing shows. */
export function bar(share: number, characters: number): string {
  const units = share <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, share) * characters * 8));
  return ('█'.repeat(Math.floor(units / 8)) + eighths[units % 8]).padEnd(characters);
}

/** A line in several, broken at spaces; all but the first begin with `indent`. */
function wrapped(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ (?! )/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function shortened(text: string, width: number): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ');
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function number(value: number): string {
  return Number.isInteger(value) ? grouped(value) : value.toPrecision(4);
}
