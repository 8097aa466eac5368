import { ArgumentError } from '../core/errors.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import { readArchitectures } from '../models/loading.ts';
import type { PipelineOptions } from '../pipelines/parts.ts';
import { pipeline } from '../pipelines/pipeline.ts';
import { taskOfArchitecture, tasks } from '../tasks/taskFor.ts';
import { type ServedPipeline, type ServedTask, servedTasks } from './services.ts';

/**
 * The pipeline of a saved model: the one that is asked for, or that the checkpoint's head is for.
 * @throws ArgumentError ERR_NO_TASK where the checkpoint does not say what it is for, ERR_PIPELINE where there is no
 * such task; ModelError where its files are missing or damaged.
 */
export async function loadPipeline(
  model: string,
  asked: ServedTask | undefined,
  options: PipelineOptions,
): Promise<ServedPipeline> {
  return pipeline(asked ?? (await taskOf(model, options)), model, options);
}

async function taskOf(model: string, options: PipelineOptions): Promise<ServedTask> {
  const [className] = await readArchitectures(model, options);
  if (className === BertModel.name) return 'feature-extraction';
  const found = className === undefined ? undefined : taskOfArchitecture(className);
  const served = servedTasks.find((task) => task === found);
  if (served !== undefined) return served;
  const heads = servedTasks.map((task) => (task === 'feature-extraction' ? BertModel.name : tasks[task].model.name));
  throw new ArgumentError('ERR_NO_TASK', {
    owner: 'createPredictHandler',
    what: 'the checkpoint does not say what its model is for',
    got: className ?? 'no architectures in config.json',
    expected: heads.join(', '),
    hint: `name the task: task, or --task, one of ${servedTasks.join(', ')}`,
  });
}
