import { ArgumentError, didYouMean } from '../core/errors.ts';
import type { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import type { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import type { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import type { BertModel } from '../models/bert/bertModel.ts';
import { FeatureExtractionPipeline } from './featureExtraction.ts';
import { FillMaskPipeline } from './fillMask.ts';
import type { PipelineOptions } from './parts.ts';
import { QuestionAnsweringPipeline } from './questionAnswering.ts';
import { TextClassificationPipeline } from './textClassification.ts';
import { TokenClassificationPipeline } from './tokenClassification.ts';

const loaders = {
  'text-classification': TextClassificationPipeline.load,
  'sentiment-analysis': TextClassificationPipeline.load,
  'question-answering': QuestionAnsweringPipeline.load,
  'token-classification': TokenClassificationPipeline.load,
  ner: TokenClassificationPipeline.load,
  'fill-mask': FillMaskPipeline.load,
  'feature-extraction': FeatureExtractionPipeline.load,
};

/** What a pipeline is for: Hugging Face's names. */
export type PipelineTask = keyof typeof loaders;

interface Models {
  'text-classification': BertForSequenceClassification;
  'sentiment-analysis': BertForSequenceClassification;
  'question-answering': BertForQuestionAnswering;
  'token-classification': BertForTokenClassification;
  ner: BertForTokenClassification;
  'fill-mask': BertForMaskedLM;
  'feature-extraction': BertModel;
}

/**
 * Text in, answers out, with tokenizer and model together (Hugging Face's function of the same name): a string, an array
 * of strings, which is answered in batches of like lengths, or an async iterable, which is answered as it comes.
 *
 * @param model a directory, a name, or a model; its tokenizer is found beside it.
 * @throws ArgumentError for a task that there is not; ModelError where the model's files are missing or do not fit.
 * @example
 * const classify = await pipeline('sentiment-analysis', './results');
 * await classify('This is an amazing experience!'); // [{ label: 'positive', score: 0.99 }]
 */
export async function pipeline<Task extends PipelineTask>(
  task: Task,
  model: string | Models[Task],
  options: PipelineOptions = {},
): Promise<Awaited<ReturnType<(typeof loaders)[Task]>>> {
  const names = Object.keys(loaders);
  if (!Object.hasOwn(loaders, task)) {
    const near = didYouMean(task, names);
    throw new ArgumentError('ERR_PIPELINE', {
      owner: 'pipeline',
      what: 'there is no such pipeline',
      got: task,
      expected: names.join(', '),
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
  if (model === undefined) {
    throw new ArgumentError('ERR_NO_MODEL', {
      owner: 'pipeline',
      what: 'there is no model',
      hint: `name one: pipeline('${task}', './results')`,
    });
  }
  const load = loaders[task] as (model: unknown, options: PipelineOptions) => Promise<unknown>;
  return (await load(model, options)) as Awaited<ReturnType<(typeof loaders)[Task]>>;
}
