import type { Metrics } from '../../tasks/task.ts';
import type { Parameters, SearchSpace } from './space.ts';
import type { Direction, Trial, TrialReport } from './trial.ts';

/** What a study is about; the first line of its file. */
export interface StudyHeader {
  readonly type: 'study';
  readonly version: 1;
  readonly direction: Direction;
  /** In words: `eval_loss`. */
  readonly objective: string;
  readonly sampler: string;
  readonly pruner: string;
  readonly seed: number;
  /** null where a function asks for each parameter itself. */
  readonly space: SearchSpace | null;
  /** The training options that all trials share. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** A trial begins, for the first time or anew. */
interface BeginRecord {
  readonly type: 'begin';
  readonly number: number;
  readonly attempt: number;
  readonly params: Parameters;
  readonly process: number;
  readonly host: string;
  /** When, as ISO 8601. */
  readonly time: string;
}

/** One evaluation of a trial. */
interface ReportRecord extends TrialReport {
  readonly type: 'report';
  readonly number: number;
  readonly attempt: number;
}

/** A trial ends. */
interface EndRecord {
  readonly type: 'end';
  readonly number: number;
  readonly attempt: number;
  readonly state: 'complete' | 'pruned' | 'failed' | 'interrupted';
  readonly value?: number | undefined;
  readonly metrics?: Metrics | undefined;
  readonly seconds: number;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** One line of a study's file. */
export type StudyRecord = StudyHeader | BeginRecord | ReportRecord | EndRecord;

/**
 * The trials that records tell of, by number. What belongs to an earlier attempt of a trial is passed over, as is a second
 * end: of a process that was thought dead and was not.
 */
export function trialsOf(records: readonly StudyRecord[]): Trial[] {
  const trials: Trial[] = [];
  for (const record of records) {
    if (record.type === 'study') continue;
    const { number, attempt } = record;
    if (record.type === 'begin') {
      trials[number] = { number, attempt, params: record.params, state: 'running', reports: [] };
      continue;
    }
    const trial = trials[number];
    if (trial?.attempt !== attempt || trial.state !== 'running') continue;
    if (record.type === 'report') {
      const { evaluation, step, value } = record;
      trials[number] = { ...trial, reports: [...trial.reports, { evaluation, step, value }] };
    } else {
      const { state, value, metrics, seconds, error } = record;
      trials[number] = { ...trial, state, value, metrics, seconds, error };
    }
  }
  // A line that was lost leaves a gap.
  return trials.filter((trial) => trial !== undefined);
}
