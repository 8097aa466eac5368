import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Precision } from '../../src/engine/engine.ts';
import { BertForSequenceClassification } from '../../src/models/bert/bertForSequenceClassification.ts';
import type { ModelBatch } from '../../src/models/programs.ts';
import type { LayoutForm } from '../../src/nn/layout.ts';
import type { TokenSequence } from '../../src/nn/packing.ts';
import { bfloat16Note, openVinoBfloat16, openVinoNote, openVinoPath } from '../testing/openVino.ts';
import {
  compareGradients,
  forms,
  golden,
  labelsOf,
  largestDifference,
  readGolden,
  sequencesOf,
} from './goldenFiles.ts';
import { hasShared, shared, skipNote } from './shared.ts';

const miniLM = join(shared, 'models', 'all-MiniLM-L6-v2');
const pass = { seed: 1, step: 1 };

function load(directory: string, engine: 'onnxruntime' | 'openvino', precision: Precision = 'float32') {
  const libraryPath = engine === 'openvino' ? openVinoPath : undefined;
  return BertForSequenceClassification.fromPretrained(directory, { engine, precision, threads: 2, libraryPath });
}

function classified(
  model: BertForSequenceClassification,
  sequences: readonly TokenSequence[],
  classes: BigInt64Array,
  form: LayoutForm = 'packed',
): ModelBatch {
  const rows = sequences.length;
  return {
    packed: model.pack(sequences, { form }),
    labels: {
      labels: { type: 'int64', dims: [rows], data: classes },
      label_weights: { type: 'float32', dims: [rows], data: new Float32Array(rows).fill(1) },
    },
    count: rows,
  };
}

describe.skipIf(openVinoPath === undefined || !hasShared)(
  `a tiny BERT on OpenVINO against PyTorch${hasShared ? openVinoNote : skipNote}`,
  () => {
    for (const form of forms) {
      test(`logits, loss and every gradient in float32, ${form}`, async () => {
        const file = readGolden('seqcls2');
        const model = await load(join(golden, 'seqcls2'), 'openvino');
        const batch = classified(model, sequencesOf(file), labelsOf(file).data as BigInt64Array, form);
        const training = await model.prepareTraining({}, form);
        const { logits, loss } = await training.accumulate(batch, { ...pass, lossScale: 1 / batch.count });
        expect(largestDifference(logits.data as Float32Array, file.toFloat32('out.logits'))).toBeLessThan(1e-5);
        expect(Math.abs(Number(loss.data[0]) - file.toFloat32('loss')[0])).toBeLessThan(1e-5);
        compareGradients(`seqcls2 on OpenVINO, ${form}`, (name) => training.gradient(name), file);
        await model.dispose();
      });
    }
  },
);

describe.skipIf(!openVinoBfloat16 || !existsSync(miniLM))(
  `MiniLM on OpenVINO in bfloat16${hasShared ? bfloat16Note : skipNote}`,
  () => {
    /** Texts of 5 to 40 tokens. */
    const sequences = Array.from({ length: 12 }, (_, row) => {
      const length = 5 + ((row * 17) % 36);
      return {
        ids: Array.from({ length }, (_, i) => (i === 0 ? 101 : 1000 + ((row * 7919 + i * 104_729) % 20_000))),
        typeIds: new Array<number>(length).fill(0),
      };
    });
    const classes = BigInt64Array.from(sequences, (_, row) => BigInt(row % 2));

    /** The gradients of all parameters with dropout drawn as in training, and their bits in a second pass. */
    async function gradients(engine: 'onnxruntime' | 'openvino', precision: Precision) {
      const model = await load(miniLM, engine, precision);
      const batch = classified(model, sequences, classes);
      const training = await model.prepareTraining();
      const once = async () => {
        const { loss } = await training.accumulate(batch, { ...pass, lossScale: 1 / batch.count });
        const arrays = new Map(model.trainableParameters.map((name) => [name, training.gradient(name).slice()]));
        const hash = createHash('sha256');
        for (const array of arrays.values()) hash.update(Buffer.from(array.buffer));
        await training.update({ learningRate: 0, maxGradNorm: 0, step: 1 });
        return { loss: Number(loss.data[0]), arrays, bits: hash.digest('hex') };
      };
      const [first, second] = [await once(), await once()];
      await model.dispose();
      return { ...first, again: second.bits };
    }

    test('gradients are those of float32 within 2 %, and the same bits each time', async () => {
      const float32 = await gradients('onnxruntime', 'float32');
      const bf16 = await gradients('openvino', 'bf16');
      expect(bf16.again).toBe(bf16.bits);
      expect(Math.abs(bf16.loss - float32.loss)).toBeLessThan(1e-3);
      let [error, size] = [0, 0];
      const cosines: [name: string, cosine: number, norm: number][] = [];
      for (const [name, expected] of float32.arrays) {
        const actual = bf16.arrays.get(name)!;
        let [dot, mine, its] = [0, 0, 0];
        expected.forEach((value, i) => {
          error += (actual[i] - value) ** 2;
          dot += actual[i] * value;
          mine += actual[i] ** 2;
          its += value ** 2;
        });
        size += its;
        cosines.push([name, dot / Math.sqrt(mine * its), Math.sqrt(its)]);
      }
      const relative = Math.sqrt(error / size);
      // What the whole gradient does not feel does not matter: a key's bias has no gradient but rounding.
      const matter = cosines.filter(([, , norm]) => norm > 1e-3 * Math.sqrt(size)).sort((a, b) => a[1] - b[1]);
      const [[worst, cosine]] = matter;
      console.log(
        `bfloat16 against float32: relative L2 ${relative.toFixed(4)}, lowest cosine ${cosine.toFixed(5)} (${worst})`,
      );
      expect(relative).toBeLessThan(0.02);
      expect(relative).toBeGreaterThan(1e-4);
      expect(cosine).toBeGreaterThan(0.999);
    });
  },
);
