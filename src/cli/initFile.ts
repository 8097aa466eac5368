import { stringify } from 'yaml';
import type { TaskName } from '../tasks/taskFor.ts';
import type { HeldBack, InitColumns } from './initData.ts';

/** What `fettle init` was told. */
export interface InitChoices {
  readonly task: TaskName;
  readonly dataset: string;
  readonly rows: number;
  /** All columns of the data. */
  readonly columnNames: readonly string[];
  readonly columns: InitColumns;
  /** The labels in the data, where they are few. */
  readonly labels: readonly string[] | undefined;
  readonly heldBack: HeldBack;
  readonly model: string;
  readonly numTrainEpochs: number;
  readonly outputDir: string;
}

/** Labels that a comment lists. */
const shownLabels = 10;

/** The YAML that `fettle train --config` takes, with comments for who changes it. @param path where it will stand. */
export function composeConfig(choices: InitChoices, path: string): string {
  const { columns, heldBack, labels } = choices;
  const line = (key: string, value: string | number | undefined, comment?: string) =>
    value === undefined ? [] : [`${key}: ${scalar(value)}${comment === undefined ? '' : ` # ${oneLine(comment)}`}`];
  const listed = labels
    ?.slice(0, shownLabels)
    .concat(labels.length > shownLabels ? ['…'] : [])
    .join(', ');
  return [
    `# Made by 'fettle init'. To train: npx fettle train --config ${oneLine(path)}`,
    '# Any option of docs/training-arguments.md may stand here; a flag on the line goes before it.',
    '',
    ...line('task', choices.task),
    '# A name on the Hub, or the directory of a saved model.',
    ...line('model', choices.model),
    '',
    ...line('dataset', choices.dataset, `${choices.rows} rows; columns: ${choices.columnNames.join(', ')}`),
    ...line('text_column', columns.text),
    ...line('text_pair_column', columns.textPair),
    ...line('label_column', columns.label, listed === undefined ? undefined : `labels: ${listed}`),
    `# ${oneLine(heldBack.note)}`,
    ...line('train_split', heldBack.trainSplit),
    ...line('eval_split', heldBack.evalSplit),
    '',
    '# The model, its checkpoints and the log go here.',
    ...line('output_dir', choices.outputDir),
    ...line('num_train_epochs', choices.numTrainEpochs, 'times that all rows are learned from'),
    ...line('per_device_train_batch_size', 16),
    '# Lower it where the loss jumps about; small models learn well with up to 3e-4.',
    'learning_rate: 5e-5',
    '# The learning rate rises over the first tenth of the steps.',
    ...line('warmup_steps', 0.1),
    ...(heldBack.evaluated ? ['# Judge after every epoch.', ...line('eval_strategy', 'epoch')] : []),
    ...line('seed', 42),
    '',
  ].join('\n');
}

function scalar(value: string | number): string {
  // In one line, whatever the text: a line that is broken inside quotes would end up without its indent.
  return stringify(value, {
    lineWidth: 0,
    blockQuote: false,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  }).trim();
}

/** What stands in a comment, whatever a file's columns are called. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
