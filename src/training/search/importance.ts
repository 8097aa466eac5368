import type { ParameterValue } from './space.ts';
import type { Trial } from './trial.ts';

/** How much of the objective's variance one hyperparameter explains. */
export interface Importance {
  readonly name: string;
  /** From 0, nothing that chance would not, to 1, all of it. */
  readonly share: number;
}

/** Fewer complete trials say nothing. */
export const fewestTrials = 6;

/**
 * Ranks hyperparameters by how much of the variance of the objective's rank each explains alone: a one-way analysis of
 * variance over its values, numbers in bins that hold as many trials each. The share is ε² (Kelley 1935, "An unbiased
 * correlation ratio measure"), which chance brings to about 0 whatever the number of bins; below 0 is shown as 0. Ranks, so that a
 * trial that diverged does not outweigh all others (Kruskal and Wallis 1952).
 *
 * It is a main effect, like the first-order shares of fANOVA (Hutter et al. 2014) but without its forest: what two
 * hyperparameters do only together is not seen, and trials that a sampler has gathered in one place tell of that place.
 *
 * @returns the most important first; none for fewer than {@link fewestTrials} complete trials, and none of a hyperparameter that some of
 * them lack or that has one value in all of them.
 */
export function importances(trials: readonly Trial[]): Importance[] {
  const complete = trials.filter(({ state, value }) => state === 'complete' && value !== undefined);
  if (complete.length < fewestTrials) return [];
  const ranks = ranksOf(complete.map(({ value }) => Number(value)));
  const names = Object.keys(complete[0].params).filter((name) => complete.every(({ params }) => name in params));
  return names
    .map((name) => ({ name, groups: groupsOf(complete.map(({ params }) => params[name])) }))
    .filter(({ groups }) => new Set(groups).size > 1)
    .map(({ name, groups }) => ({ name, share: explainedShare(groups, ranks) }))
    .sort((a, b) => b.share - a.share);
}

/** ε² = (SS_between − (k − 1) · MS_within) / SS_total; 0 where it would be less. */
function explainedShare(groups: readonly number[], values: readonly number[]): number {
  const sums = new Map<number, { count: number; sum: number }>();
  for (const [i, group] of groups.entries()) {
    const { count, sum } = sums.get(group) ?? { count: 0, sum: 0 };
    sums.set(group, { count: count + 1, sum: sum + values[i] });
  }
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const total = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (total === 0 || values.length <= sums.size) return 0;
  let between = 0;
  for (const { count, sum } of sums.values()) between += count * (sum / count - mean) ** 2;
  const within = (total - between) / (values.length - sums.size);
  return Math.max(0, (between - (sums.size - 1) * within) / total);
}

/**
 * A group for each value: the value itself where it is no number or there are few, else its bin. Bins hold as many trials
 * each, about as many bins as trials in a bin, but at most 6.
 */
function groupsOf(values: readonly ParameterValue[]): number[] {
  const distinct = [...new Set(values)];
  const most = Math.min(6, Math.floor(Math.sqrt(values.length)));
  if (distinct.length <= most || !values.every((value) => typeof value === 'number'))
    return values.map((value) => distinct.indexOf(value));
  // Equal values have the mean of their ranks, and so one bin.
  return ranksOf(values as number[]).map((rank) => Math.min(most - 1, Math.floor((rank / values.length) * most)));
}

/** Ranks from 0.5 on; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value) + 1) / 2);
}
