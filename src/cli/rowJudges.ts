import type { ModelOf, TaskName, TrainableModel } from '../tasks/taskFor.ts';
import { answerJudge } from './answerRows.ts';
import type { RowJudge } from './judgedRows.ts';
import { labelJudge } from './labelRows.ts';
import { tagJudge } from './tagRows.ts';

const judges: { readonly [Name in TaskName]?: RowJudge<ModelOf<Name>> } = {
  'text-classification': labelJudge,
  'question-answering': answerJudge,
  'token-classification': tagJudge,
};

/** How a task's answers stand beside the rows of a data set; undefined for a task whose rows have no answer. */
export function rowJudgeOf(task: TaskName): RowJudge<TrainableModel> | undefined {
  return judges[task] as RowJudge<TrainableModel> | undefined;
}
