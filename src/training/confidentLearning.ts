import { ArgumentError } from '../core/errors.ts';

/** A row whose given label the models confidently disagree with. */
export interface LabelSuspect {
  /** From 0. */
  readonly row: number;
  /** The class that the data says, and its probability. */
  readonly given: number;
  readonly givenProbability: number;
  /** The class that the models say, and its probability. */
  readonly suggested: number;
  readonly suggestedProbability: number;
}

/**
 * Finds labels that are likely wrong by confident learning (Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating
 * Uncertainty in Dataset Labels", section 3.1): a class counts as said of a row where its probability is at least the mean
 * probability that rows with this label give it, so that classes which a model is less sure of need less; of several, the
 * likeliest. A row of which another class than its own is said is a suspect.
 *
 * @param probabilities a row of probabilities for each row of data, from models that did not learn from it.
 * @param labels the given class of each row, from 0.
 * @returns the suspects, those first whose suggested class is likeliest compared with the given one.
 * @throws ArgumentError where there are not as many labels as rows of probabilities, or a label is no class.
 */
export function suspectLabels(probabilities: readonly ArrayLike<number>[], labels: ArrayLike<number>): LabelSuspect[] {
  const thresholds = meanSelfConfidence(probabilities, labels);
  const suspects: LabelSuspect[] = [];
  probabilities.forEach((own, row) => {
    const given = labels[row];
    let suggested = -1;
    for (let k = 0; k < own.length; k++) {
      if (own[k] < thresholds[k]) continue;
      // A row of which its own class is as likely as another keeps it.
      if (suggested < 0 || own[k] > own[suggested] || (own[k] === own[suggested] && k === given)) suggested = k;
    }
    if (suggested < 0 || suggested === given) return;
    suspects.push({ row, given, givenProbability: own[given], suggested, suggestedProbability: own[suggested] });
  });
  const margin = (one: LabelSuspect) => one.suggestedProbability - one.givenProbability;
  return suspects.sort((a, b) => margin(b) - margin(a) || a.row - b.row);
}

/** By class: the mean probability of the class over the rows with its label; infinite where there are none. */
function meanSelfConfidence(probabilities: readonly ArrayLike<number>[], labels: ArrayLike<number>): number[] {
  const classes = probabilities[0]?.length ?? 0;
  const sums = new Array<number>(classes).fill(0);
  const counts = new Array<number>(classes).fill(0);
  if (probabilities.length !== labels.length) {
    throw new ArgumentError('ERR_METRIC_LENGTHS', {
      owner: 'suspectLabels',
      what: 'probabilities and labels have different lengths',
      got: labels.length,
      expected: `${probabilities.length} labels`,
    });
  }
  probabilities.forEach((own, row) => {
    const label = labels[row];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new ArgumentError('ERR_METRIC_LABEL', {
        owner: 'suspectLabels',
        what: 'a label is no class',
        got: label,
        expected: `a whole number from 0 to ${classes - 1}`,
        row: row + 1,
      });
    }
    sums[label] += own[label];
    counts[label]++;
  });
  return sums.map((sum, k) => (counts[k] === 0 ? Infinity : sum / counts[k]));
}
