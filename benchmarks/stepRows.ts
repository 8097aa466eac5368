import type { BenchPart, BenchRow } from './benchReport.ts';
import { names } from './contenders.ts';
import type { TrainReport } from './report.ts';
import type { Precision } from './steps.ts';

const python: { readonly [precision in Precision]: string } = {
  default: names.python,
  medium: names.medium,
  bf16: names.half,
};

/** The reports of training steps (train.ts), in float32 and in bfloat16, as one part of the whole comparison. */
export function stepsPart(reports: readonly TrainReport[]): BenchPart {
  const [first] = reports;
  const engines = reports.map(({ engine }) => [engine.name, engine.version] as const);
  return {
    date: first.date,
    machine: first.machine,
    loadOfOthers: Math.max(...reports.map(({ loadOfOthers }) => loadOfOthers)),
    versions: { ...first.python, ...Object.fromEntries(engines) },
    rows: reports.flatMap(rowsOfReport),
  };
}

function rowsOfReport({ engine, cases }: TrainReport): BenchRow[] {
  return cases.flatMap(({ name, ours, python: theirs, ratios, check }) =>
    (Object.keys(python) as Precision[])
      // In half the precision float32 at 'medium' is nobody's alternative.
      .filter(
        (precision) => ratios[precision] !== undefined && (engine.precision === 'float32' || precision !== 'medium'),
      )
      .filter((precision) => engine.precision !== 'float32' || precision !== 'bf16')
      .map((precision) => {
        const { step, limit } = ratios[precision]!;
        return {
          work: name,
          ours: engine.precision === 'bf16' ? names.openvino : names.ort,
          theirs: python[precision],
          unit: 'ms',
          oursValue: ours.step,
          theirsValue: theirs[precision]!.step,
          ratio: step,
          ...(limit === undefined ? {} : { floor: limit }),
          agrees: check.agrees,
        };
      }),
  );
}
