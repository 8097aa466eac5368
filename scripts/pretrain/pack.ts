import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BertModel } from 'fettle';
import { float32ToFloat16 } from '../../src/formats/half.ts';
import { readSafetensorsFile } from '../../src/formats/safetensors.ts';
import { writeSafetensors } from '../../src/formats/safetensors-write.ts';

/** A model without its head, in float16, with its tokenizer: what fits in a package. */
export async function packAsset(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  const model = await BertModel.fromPretrained(from);
  await model.savePretrained(to);
  await model.dispose();
  for (const name of ['vocab.txt', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(from, name), join(to, name));
  const file = join(to, 'model.safetensors');
  const weights = await readSafetensorsFile(file);
  const halves = [...weights.tensors].map(([name, { shape }]) => {
    const data = weights.toFloat32(name);
    const half = new Uint16Array(data.length);
    float32ToFloat16(data, half);
    return { name, dtype: 'F16' as const, shape, data: half };
  });
  await writeSafetensors(file, halves);
  // Dropout, off while it was made, is BERT's own for those who fine-tune it.
  const config = JSON.parse(readFileSync(join(to, 'config.json'), 'utf8'));
  for (const ofTheHead of ['id2label', 'label2id', 'problem_type']) delete config[ofTheHead];
  Object.assign(config, { hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1, dtype: 'float16' });
  writeFileSync(join(to, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}
