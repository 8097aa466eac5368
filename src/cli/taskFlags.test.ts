import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { gatherLog, temporaryFolder, toyDataset, writeTinyModel } from '../../test/testing/tiny.ts';
import { Dataset } from '../data/index.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { answerPredictor } from './predictAnswers.ts';
import { addTaskFlag, addTaskOptionFlags, taskOfCheckpoint, taskOfDataset, taskSettings } from './taskFlags.ts';

/** The options that a command with the tasks' flags reads from a line. */
function parse(...line: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addTaskFlag(command, 'found');
  addTaskOptionFlags(command);
  return command.parse(line, { from: 'user' }).opts();
}

describe('--task', () => {
  test('goes before what the columns of the data say; a guess is said', () => {
    const log = gatherLog();
    const questions = Dataset.fromRows([{ question: 'a', context: 'b' }]) as unknown as Dataset;
    expect(taskOfDataset(undefined, questions)).toBe('question-answering');
    expect(taskOfDataset(undefined, toyDataset(2))).toBe('text-classification');
    expect(log).toEqual([
      "info: task: question-answering, by the data's columns",
      "info: task: text-classification, by the data's columns",
    ]);
    expect(taskOfDataset('text-classification', questions)).toBe('text-classification');
    expect(log).toHaveLength(2);
  });

  test('goes before what the checkpoint says, and is asked for where that says nothing', async () => {
    gatherLog();
    const folder = await temporaryFolder();
    await writeTinyModel(folder);
    expect(await taskOfCheckpoint(undefined, folder)).toBe('text-classification');
    expect(await taskOfCheckpoint('question-answering', folder)).toBe('question-answering');
    const headless = await BertModel.fromConfig(
      bertConfig({ vocabSize: 8, hiddenSize: 4, intermediateSize: 4, numAttentionHeads: 1, numHiddenLayers: 1 }),
      {
        threads: 1,
      },
    );
    await headless.savePretrained(folder);
    await headless.dispose();
    await expect(taskOfCheckpoint(undefined, folder)).rejects.toThrow(
      /does not say what its model is for, got 'BertModel'.*pass --task, one of text-classification/,
    );
  });

  test('is one of the tasks', () => {
    expect(parse('--task', 'question-answering')).toMatchObject({ task: 'question-answering' });
    expect(() => parse('--task', 'qa')).toThrow(/Allowed choices are text-classification, question-answering/);
  });
});

describe('flags of one task', () => {
  test('are read as their kind says, and go to that task alone', () => {
    const flags = parse('--doc-stride', '64', '--null-score-diff-threshold', '-1.5', '--version-two-with-negative');
    expect(taskSettings('question-answering', flags)).toEqual({
      docStride: 64,
      nullScoreDiffThreshold: -1.5,
      versionTwoWithNegative: true,
    });
    expect(() => taskSettings('text-classification', flags)).toThrow(
      '--doc-stride means nothing for text-classification',
    );
    expect(taskSettings('text-classification', parse())).toEqual({});
    expect(() => parse('--doc-stride', 'far')).toThrow(
      /--doc-stride has a wrong value, got 'far', expected a whole number/,
    );
  });

  test('questions and contexts go together', () => {
    const prepare =
      (question: string[] = [], context: string[] = []) =>
      () =>
        answerPredictor.prepare({ question, context }, {});
    expect(prepare()).toThrow(/there is no question; pass --question/);
    expect(prepare(['a'])).toThrow(/questions and contexts do not go together/);
    expect(prepare(['a', 'b', 'c'], ['d', 'e'])).toThrow(/do not go together/);
    expect(prepare(['a', 'b'], ['c'])).not.toThrow();
    expect(prepare(['a', 'b'], ['c', 'd'])).not.toThrow();
  });
});
