import { Dataset } from '../data/index.ts';
import type { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import type { QuestionAnswer } from '../tasks/questionAnswers.ts';
import { Trainer } from '../training/trainer.ts';
import { type Predictor, refuseQuestion } from './predictor.ts';

/** Questions, and the spans of their contexts that answer them. */
export const answerPredictor: Predictor<BertForQuestionAnswering> = {
  takes: ['question', 'context'],
  prepare({ question: questions = [], context: contexts = [] }, settings) {
    if (questions.length === 0) throw refuseQuestion('there is no question', 'pass --question "…" --context "…"');
    if (contexts.length !== 1 && contexts.length !== questions.length)
      throw refuseQuestion(
        'questions and contexts do not go together',
        'pass --context once for all, or once for each --question',
      );
    const rows = questions.map((question, i) => ({
      question,
      context: contexts.length === 1 ? contexts[0] : contexts[i],
    }));
    return async (model, tokenizer) => {
      const columns = { question: 'question', context: 'context' };
      const trainer = new Trainer({ model, tokenizer, columns, taskOptions: settings });
      const { answers = [] } = await trainer.predict(Dataset.fromRows(rows) as unknown as Dataset);
      return {
        predictions: answers.map((answer, i) => ({ ...rows[i], ...summary(answer) })),
        lines: answers.map((answer, i) => describe(answer, rows[i].question)),
      };
    };
  },
};

function summary({ predictionText, start, end, nullScoreDiff, nBest }: QuestionAnswer): object {
  const score = nBest.find(({ text }) => text === predictionText)?.probability ?? 0;
  return { answer: predictionText, start, end, score, ...(nullScoreDiff === undefined ? {} : { nullScoreDiff }) };
}

function describe({ predictionText, nBest }: QuestionAnswer, question: string): string {
  const score = nBest.find(({ text }) => text === predictionText)?.probability ?? 0;
  return `${predictionText === '' ? '(no answer)' : predictionText}\t${score.toFixed(4)}\t${question}`;
}
