import type { FeatureExtractionPipeline } from '../pipelines/featureExtraction.ts';
import type { FillMaskPipeline } from '../pipelines/fillMask.ts';
import type { QuestionAndContext, QuestionAnsweringPipeline } from '../pipelines/questionAnswering.ts';
import type { TextClassificationPipeline, TextOrPair } from '../pipelines/textClassification.ts';
import type { TokenClassificationPipeline } from '../pipelines/tokenClassification.ts';
import { requireText } from './inputs.ts';
import type { ParameterRules } from './parameters.ts';
import { kindOfValue, Refusal } from './refusal.ts';

/** What can be served, by its task. */
export interface ServedPipelines {
  'text-classification': TextClassificationPipeline;
  'question-answering': QuestionAnsweringPipeline;
  'token-classification': TokenClassificationPipeline;
  'fill-mask': FillMaskPipeline;
  'feature-extraction': FeatureExtractionPipeline;
}

/** The task of a pipeline that can be served. */
export type ServedTask = keyof ServedPipelines;

/** A pipeline that can be served: what `pipeline()` gives. */
export type ServedPipeline = ServedPipelines[ServedTask];

/** How a task is asked over HTTP: what a request may hold, and what its answer looks like. */
export interface Service {
  readonly parameters: ParameterRules;
  /** A question as the pipeline takes it, from one of `inputs`. @throws Refusal 422. */
  readonly read: (input: unknown, place: number | undefined) => unknown;
  /** Text of a question, to hold it to a bound. */
  readonly textsOf: (question: never) => readonly string[];
  /** The answers, one for each question, as JSON is to have them. */
  readonly answer: (
    pipeline: never,
    questions: readonly never[],
    parameters: Readonly<Record<string, unknown>>,
  ) => Promise<readonly unknown[]>;
  /** A single question's answer in the form that Hugging Face's clients read; default: as it is. */
  readonly single?: (answer: unknown) => unknown;
  /** An example of `inputs`. */
  readonly example: unknown;
}

interface TypedService<Pipeline, Question> extends Omit<Service, 'read' | 'answer' | 'textsOf'> {
  readonly read: (input: unknown, place: number | undefined) => Question;
  readonly textsOf: (question: Question) => readonly string[];
  readonly answer: (
    pipeline: Pipeline,
    questions: readonly Question[],
    parameters: Readonly<Record<string, unknown>>,
  ) => Promise<readonly unknown[]>;
}

const service = <Pipeline, Question>(typed: TypedService<Pipeline, Question>): Service => typed;

const ofText = (text: string) => [text];

/** Every task that is served. Defaults are those of Hugging Face's Inference API where they differ from the pipelines'. */
export const services: Readonly<Record<ServedTask, Service>> = {
  'text-classification': service({
    parameters: {
      rules: {
        topK: { kind: 'count', max: 10_000, orNull: true },
        functionToApply: { kind: 'choice', choices: ['softmax', 'sigmoid', 'none'] },
      },
    },
    read: (input, place): TextOrPair => {
      if (typeof input !== 'object' || input === null || Array.isArray(input)) return requireText(input, place);
      const { text, text_pair, textPair = text_pair } = input as Record<string, unknown>;
      const first = requireText(text, place, 'text');
      return textPair === undefined ? first : { text: first, textPair: requireText(textPair, place, 'textPair') };
    },
    textsOf: (question) => (typeof question === 'string' ? [question] : [question.text, question.textPair]),
    answer: async (pipeline: TextClassificationPipeline, questions, { topK = null, ...parameters }) => {
      const answers = await pipeline(questions, { topK: topK as number | null, ...parameters });
      // With one label a text the pipeline gives no lists.
      return topK === 1 ? answers.map((answer) => [answer]) : answers;
    },
    single: (answer) => [answer],
    example: 'The room was clean.',
  }),
  'token-classification': service({
    parameters: {
      rules: {
        aggregationStrategy: { kind: 'choice', choices: ['none', 'simple', 'first', 'average', 'max'] },
        ignoreLabels: { kind: 'texts', max: 1000 },
        // A window goes forward by at least one token only where it is longer than what it repeats.
        stride: { kind: 'count', min: 0, max: 128 },
      },
    },
    read: (input, place) => requireText(input, place),
    textsOf: ofText,
    answer: (pipeline: TokenClassificationPipeline, questions, parameters) =>
      pipeline(questions, { aggregationStrategy: 'simple', ...parameters }),
    example: 'Ada Lovelace lived in London.',
  }),
  'question-answering': service({
    parameters: {
      rules: {
        topK: { kind: 'count', max: 100 },
        maxAnswerLength: { kind: 'count', max: 512 },
        maxLength: { kind: 'count', max: 512 },
        docStride: { kind: 'count', min: 0, max: 511 },
        handleImpossibleAnswer: { kind: 'boolean' },
      },
      aliases: { maxAnswerLen: 'maxAnswerLength', maxSeqLen: 'maxLength' },
    },
    read: (input, place): QuestionAndContext => {
      if (typeof input !== 'object' || input === null || Array.isArray(input)) {
        throw new Refusal(422, 'ERR_INPUTS', {
          what: `an input is ${kindOfValue(input)}`,
          expected: '{"question": "…", "context": "…"}',
          row: place,
        });
      }
      const { question, context } = input as Record<string, unknown>;
      return {
        question: requireText(question, place, 'question'),
        context: requireText(context, place, 'context'),
      };
    },
    textsOf: ({ question, context }) => [question, context],
    answer: (pipeline: QuestionAnsweringPipeline, questions, parameters) => pipeline(questions, parameters),
    example: { question: 'What was clean?', context: 'The room was clean.' },
  }),
  'fill-mask': service({
    parameters: { rules: { topK: { kind: 'count', max: 1000 }, targets: { kind: 'texts', max: 1000 } } },
    read: (input, place) => requireText(input, place),
    textsOf: ofText,
    answer: (pipeline: FillMaskPipeline, questions, parameters) => pipeline(questions, parameters),
    example: 'The room was [MASK].',
  }),
  'feature-extraction': service({
    parameters: {
      rules: { pooling: { kind: 'choice', choices: ['none', 'mean', 'cls'] }, normalize: { kind: 'boolean' } },
    },
    read: (input, place) => requireText(input, place),
    textsOf: ofText,
    answer: async (pipeline: FeatureExtractionPipeline, questions, { pooling = 'mean', ...parameters }) => {
      if (pooling !== 'none') {
        return (
          await pipeline(questions, { pooling: pooling as 'mean' | 'cls', ...parameters })
        ).tolist() as number[][];
      }
      // A vector a token: each text by itself, so that none has a longer one's padding.
      const answers: unknown[] = [];
      for (const question of questions) answers.push(((await pipeline(question, parameters)).tolist() as unknown[])[0]);
      return answers;
    },
    example: 'The room was clean.',
  }),
};

/** The name of every task that is served. */
export const servedTasks = Object.keys(services) as readonly ServedTask[];

/** An example of `inputs` for a task. */
export function exampleInputs(task: ServedTask): unknown {
  return services[task].example;
}
