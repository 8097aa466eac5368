import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BertForTokenClassification, BertTokenizer, bertConfig, loadDataset } from '../../src/index.ts';
import { TokenClassification } from '../../src/tasks/tokenClassification.ts';
import { gatherLog } from '../testing/tiny.ts';
import golden from './goldens/wnutFeatures.json' with { type: 'json' };
import { shared, skipNote } from './shared.ts';

const folder = join(shared, 'data', 'wnut17');
const files = { train: 'wnut17train.conll', validation: 'emerging.dev.conll', test: 'emerging.test.annotated' };

describe.skipIf(!existsSync(folder))(`WNUT-17${skipNote}`, () => {
  const load = () => loadDataset(folder, { dataFiles: files, format: 'conll' });

  test('has the sentences and entities that its authors count', async () => {
    gatherLog();
    const dataset = await load();
    expect(Object.values(dataset).map(({ length }) => length)).toEqual([3394, 1009, 1287]);
    const entities = [...dataset['test'].column('ner_tags')].flat().filter((tag) => String(tag).startsWith('B-'));
    expect(entities).toHaveLength(1079);
  });

  test('becomes the features of Python’s run_ner: 200 sentences in three ways', async () => {
    gatherLog();
    const tokenizer = await BertTokenizer.fromPretrained(join(shared, 'models', 'all-MiniLM-L6-v2'));
    const small = { hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 1, intermediateSize: 8 };
    const config = bertConfig({ ...small, vocabSize: tokenizer.size, id2label: golden.labels });
    const model = await BertForTokenClassification.fromConfig(config, { threads: 1 });
    onTestFinished(() => model.dispose());
    const rows = (await load())['test'].slice(0, 200);
    for (const [name, options] of [
      ['first', { maxLength: 128 }],
      ['all', { maxLength: 128, labelAllTokens: true }],
      ['cut', { maxLength: 16 }],
    ] as const) {
      const features = await new TokenClassification(model, tokenizer, options).prepare(rows, { labels: 'optional' });
      const digests = features.map(({ ids, labels }) =>
        createHash('sha256')
          .update([...ids, ...labels!].join(' '))
          .digest('hex')
          .slice(0, 16),
      );
      expect(digests).toEqual(golden[name]);
    }
  });
});
