import { type ClassOrLabels, checkRow } from './classTally.ts';
import { checkLabels, defineMetric, type Metric } from './metric.ts';

/**
 * The share of rows whose predicted class is the true one. Where rows have several labels (lists of 0 and 1), the share of rows whose labels
 * are all right, as scikit-learn's accuracy_score.
 */
export const accuracy: Metric<object, { readonly accuracy: number }, ClassOrLabels, ClassOrLabels> = defineMetric(
  'accuracy',
  () => {
    let right = 0;
    let rows = 0;
    let several: boolean | undefined;
    return {
      add(predictions, references, rowsBefore) {
        if (references.length === 0) return;
        several ??= typeof references[0] === 'object';
        if (several) {
          for (let i = 0; i < references.length; i++) {
            if (sameLabels(predictions[i], references[i], rowsBefore + i + 1)) right++;
          }
        } else {
          // What is no number is refused here, with its row.
          checkLabels('accuracy', predictions as ArrayLike<number>, references as ArrayLike<number>, rowsBefore);
          for (let row = 0; row < references.length; row++) if (predictions[row] === references[row]) right++;
        }
        rows += references.length;
      },
      compute: () => ({ accuracy: right / rows }),
    };
  },
);

function sameLabels(prediction: ClassOrLabels, reference: ClassOrLabels, row: number): boolean {
  const lists = checkRow('accuracy', prediction, reference, row);
  for (let k = 0; k < lists.reference.length; k++) if (lists.prediction[k] !== lists.reference[k]) return false;
  return true;
}
