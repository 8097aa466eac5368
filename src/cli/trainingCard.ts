import { log } from '../core/log.ts';
import type { Metrics } from '../tasks/task.ts';
import type { TaskName } from '../tasks/taskFor.ts';
import type { TrainingArguments } from '../training/trainingArguments.ts';

/** What a run's card is made of. */
export interface TrainingCardParts {
  readonly task: TaskName;
  readonly model: { readonly config: { readonly id2label: readonly string[] }; readonly adapter: unknown };
  readonly baseModel: string;
  /** The data set as it was named, and the configuration where that was named apart. */
  readonly dataset: string;
  readonly datasetConfig: string | undefined;
  readonly evalSplit: string | undefined;
  readonly trainRows: number | undefined;
  readonly metrics: Metrics;
  readonly args: TrainingArguments;
}

/** Writes a run's model card beside its model, unless a README.md stands there; that is said. */
export async function writeTrainingCard(directory: string, parts: TrainingCardParts): Promise<void> {
  const { task, model, baseModel, evalSplit, trainRows, metrics, args } = parts;
  const glue = /^(?:nyu-mll\/)?glue\/(\w+)$/.exec(parts.dataset);
  const [name, config] = glue === null ? [parts.dataset, parts.datasetConfig] : ['nyu-mll/glue', glue[1]];
  const hasLabels = task === 'text-classification' || task === 'token-classification';
  // With what writes YAML, which nothing before the end of a training needs.
  const { writeModelCard } = await import('../export/index.ts');
  const written = await writeModelCard(directory, {
    task,
    baseModel,
    dataset: { name: name === 'glue' ? 'nyu-mll/glue' : name, config, evalSplit, trainRows },
    metrics,
    hyperparameters: args.toJSON(),
    labels: hasLabels ? model.config.id2label : undefined,
    adapter: model.adapter !== undefined,
  });
  if (written === undefined) log.info(`README.md stands in ${directory} already and was left as it is`);
}
