import { fewestTrials, type Importance, importances } from './importance.ts';
import { describeValue } from './runTrials.ts';
import { bestTrial, type Direction, type Trial } from './trial.ts';

/** What a search comes to: its trials, the best of them, and what mattered. */
export class SearchSummary {
  readonly direction: Direction;
  /** The objective in words: `eval_loss`. */
  readonly objective: string;
  readonly trials: readonly Trial[];
  /** See {@link importances}. */
  readonly importances: readonly Importance[];

  constructor(direction: Direction, objective: string, trials: readonly Trial[]) {
    this.direction = direction;
    this.objective = objective;
    this.trials = trials;
    this.importances = importances(trials);
  }

  /** The best complete trial; undefined where there is none. */
  get best(): (Trial & { readonly value: number }) | undefined {
    return bestTrial(this.trials, this.direction);
  }

  /** A table of the trials, the best first, and the ranking of the hyperparameters, as text. */
  toString(): string {
    return `${this.#table()}\n\n${this.#ranking()}`;
  }

  #table(): string {
    const names = [...new Set(this.trials.flatMap(({ params }) => Object.keys(params)))];
    const sign = this.direction === 'minimize' ? 1 : -1;
    const order = ['complete', 'pruned', 'running', 'interrupted', 'failed'];
    const sorted = [...this.trials].sort(
      (a, b) =>
        order.indexOf(a.state) - order.indexOf(b.state) ||
        sign * ((a.value ?? 0) - (b.value ?? 0)) ||
        a.number - b.number,
    );
    const best = this.best?.number;
    const rows = sorted.map((trial) => [
      `${trial.number}${trial.number === best ? ' *' : ''}`,
      trial.state,
      trial.value === undefined ? '' : describeValue(trial.value),
      ...names.map((name) => (name in trial.params ? describeValue(trial.params[name]) : '')),
      trial.seconds === undefined ? '' : trial.seconds.toFixed(1),
    ]);
    return table(['trial', 'state', this.objective, ...names, 'seconds'], rows);
  }

  #ranking(): string {
    const count = this.trials.filter(({ state }) => state === 'complete').length;
    if (this.importances.length === 0) {
      const why =
        count < fewestTrials
          ? `${count} complete trials are too few, it takes ${fewestTrials}`
          : 'no parameter has more than one value in them';
      return `What mattered cannot be said: ${why}.`;
    }
    const rows = this.importances.map(({ name, share }) => [
      name,
      `${Math.round(100 * share)} %`,
      '█'.repeat(Math.round(20 * share)),
    ]);
    return [
      `What each explains alone of the variance of the objective's rank (ε² over ${count} complete trials):`,
      table(['parameter', 'share', ''], rows),
    ].join('\n');
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  return [head, widths.map((width) => '-'.repeat(width)), ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
