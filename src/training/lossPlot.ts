import { type EvaluationPoint, type LossPoint, lossCurves, lowestOf } from './lossCurves.ts';
import type { LogEntry } from './trainerState.ts';

/** How {@link plotLosses} draws. */
export interface PlotOptions {
  /** Columns of the whole drawing. Default 72, at least 30. */
  readonly width?: number | undefined;
  /** Lines of the curves, without axis and legend. Default 10, at least 3. */
  readonly height?: number | undefined;
  /** Plain ASCII in place of Braille dots and circles. Default false. */
  readonly ascii?: boolean | undefined;
}

/**
 * Training and validation loss over steps, as text: the training loss as a line, each evaluation as a circle, the lowest
 * one filled. Every line ends with a line feed; '' where there is no curve to draw (fewer than two points, or one step).
 *
 * @param logHistory `trainer.state.logHistory`, or `log_history` of a `trainer_state.json`.
 */
export function plotLosses(logHistory: readonly LogEntry[], options: PlotOptions = {}): string {
  const { ascii = false } = options;
  const { training, validation } = lossCurves(logHistory);
  const points: readonly LossPoint[] = [...training, ...validation];
  const frame = frameOf(points);
  if (frame === undefined) return '';
  const height = Math.max(3, Math.floor(options.height ?? 10));
  const labels = tickLabels(frame, height);
  const margin = Math.max(...[...labels.values()].map((label) => label.length)) + 2;
  const width = Math.max(30, Math.floor(options.width ?? 72)) - margin;
  const place = (point: LossPoint, columns: number, rows: number) => ({
    x: Math.round(((point.step - frame.first) / (frame.last - frame.first)) * (columns - 1)),
    y: Math.round(((frame.high - point.loss) / (frame.high - frame.low)) * (rows - 1)),
  });
  const cells = ascii ? drawAscii(training, place, width, height) : drawBraille(training, place, width, height);
  const lowest = lowestOf(validation);
  const signs = ascii
    ? { training: '.', validation: 'o', lowest: '@' }
    : { training: '⠒', validation: '○', lowest: '●' };
  // The lowest last, so that no neighbour hides it.
  for (const point of [...validation.filter((each) => each !== lowest), ...(lowest === undefined ? [] : [lowest])]) {
    const { x, y } = place(point, width, height);
    cells[y][x] = point === lowest ? signs.lowest : signs.validation;
  }
  const [tick, side, corner, floor] = ascii ? ['+', '|', '+', '-'] : ['┤', '│', '└', '─'];
  const lines = cells.map((row, y) => {
    const label = labels.get(y);
    return `${(label ?? '').padStart(margin - 2)} ${label === undefined ? side : tick}${row.join('')}`;
  });
  const left = `step ${frame.first}`;
  const steps = `${left}${`${frame.last}`.padStart(width - left.length)}`;
  return [
    ...lines,
    `${' '.repeat(margin - 1)}${corner}${floor.repeat(width)}`,
    `${' '.repeat(margin)}${steps}`,
    `${' '.repeat(margin)}${legend(training, lowest, signs)}`,
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

interface Frame {
  readonly first: number;
  readonly last: number;
  readonly low: number;
  readonly high: number;
}

type Place = (point: LossPoint, columns: number, rows: number) => { x: number; y: number };

function frameOf(points: readonly LossPoint[]): Frame | undefined {
  if (points.length < 2) return undefined;
  // Not `Math.min(...steps)`: a long log has more entries than a call may have arguments.
  const frame = points.reduce(
    (all, { step, loss }) => ({
      first: Math.min(all.first, step),
      last: Math.max(all.last, step),
      low: Math.min(all.low, loss),
      high: Math.max(all.high, loss),
    }),
    { first: Infinity, last: -Infinity, low: Infinity, high: -Infinity },
  );
  if (frame.first === frame.last) return undefined;
  // A level curve stands in the middle.
  const pad = frame.high === frame.low ? Math.max(1e-6, Math.abs(frame.high) * 0.05) : 0;
  return { ...frame, low: frame.low - pad, high: frame.high + pad };
}

/** The loss at the top, in the middle and at the bottom, by line. */
function tickLabels({ low, high }: Frame, height: number): Map<number, string> {
  const lines = height < 5 ? [0, height - 1] : [0, Math.floor((height - 1) / 2), height - 1];
  // As many digits as tell the ends apart.
  const digits = Math.min(8, Math.max(2, Math.ceil(-Math.log10((high - low) / 2)) + 1));
  return new Map(lines.map((y) => [y, (high - ((high - low) * y) / (height - 1)).toFixed(digits)]));
}

/** Each character has 2 × 4 dots; bits as in Unicode's block "Braille Patterns" (U+2800). */
const brailleBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

function drawBraille(line: readonly LossPoint[], place: Place, width: number, height: number): string[][] {
  const bits = Array.from({ length: height }, () => new Uint8Array(width));
  trace(
    line.map((point) => place(point, 2 * width, 4 * height)),
    (x, y) => {
      bits[y >> 2][x >> 1] |= brailleBits[y & 3][x & 1];
    },
  );
  return bits.map((row) => Array.from(row, (dots) => (dots === 0 ? ' ' : String.fromCodePoint(0x2800 + dots))));
}

function drawAscii(line: readonly LossPoint[], place: Place, width: number, height: number): string[][] {
  const cells = Array.from({ length: height }, () => new Array<string>(width).fill(' '));
  trace(
    line.map((point) => place(point, width, height)),
    (x, y) => {
      cells[y][x] = '.';
    },
  );
  return cells;
}

/** Dots from each point to the next. */
function trace(points: readonly { x: number; y: number }[], dot: (x: number, y: number) => void): void {
  points.forEach((to, i) => {
    const from = points[Math.max(0, i - 1)];
    const dots = Math.max(1, Math.abs(to.x - from.x), Math.abs(to.y - from.y));
    for (let k = 0; k <= dots; k++) {
      dot(Math.round(from.x + ((to.x - from.x) * k) / dots), Math.round(from.y + ((to.y - from.y) * k) / dots));
    }
  });
}

function legend(
  training: readonly LossPoint[],
  lowest: EvaluationPoint | undefined,
  signs: { readonly training: string; readonly validation: string; readonly lowest: string },
): string {
  return [
    training.length === 0 ? undefined : `${signs.training} training loss`,
    lowest === undefined
      ? undefined
      : `${signs.validation} validation loss, ${signs.lowest} lowest: ${lowest.loss.toPrecision(4)}, step ${lowest.step}`,
  ]
    .filter((part) => part !== undefined)
    .join('   ');
}
