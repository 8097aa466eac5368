import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EngineTensor } from '../../src/engine/engine.ts';
import { readSafetensors, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import type { ModelBatch, PassOptions } from '../../src/models/programs.ts';
import type { LayoutForm, Reads } from '../../src/nn/layout.ts';
import type { TokenSequence } from '../../src/nn/packing.ts';
import { shared } from './shared.ts';

/** PyTorch's numbers; its README says how they were made. */
export const golden = join(shared, 'golden');

export const forms: readonly LayoutForm[] = ['packed', 'padded'];

export function readGolden(folder: string, file = 'golden.safetensors'): SafetensorsFile {
  return readSafetensors(readFileSync(join(golden, folder, file)));
}

/** The rows of a golden's padded batch, `[…, length]`, without their padding. */
export function sequencesOf(file: SafetensorsFile, prefix = 'input.'): TokenSequence[] {
  const { shape } = file.tensors.get(`${prefix}input_ids`)!;
  const length = shape[shape.length - 1];
  const rows = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
  const at = (name: string, row: number, i: number) => Number(file.view(`${prefix}${name}`)[row * length + i]);
  return Array.from({ length: rows }, (_, row) => {
    let count = 0;
    while (count < length && at('attention_mask', row, count) === 1) count++;
    return {
      ids: Array.from({ length: count }, (_, i) => at('input_ids', row, i)),
      typeIds: Array.from({ length: count }, (_, i) => at('token_type_ids', row, i)),
    };
  });
}

export function labelsOf(file: SafetensorsFile, name = 'labels'): EngineTensor {
  const { dtype, shape } = file.tensors.get(`label.${name}`)!;
  return dtype === 'I64'
    ? { type: 'int64', dims: shape, data: file.view(`label.${name}`) as BigInt64Array }
    : { type: 'float32', dims: shape, data: file.toFloat32(`label.${name}`) };
}

/** Class numbers, a number a row. */
export function classesOf(file: SafetensorsFile, name = 'labels'): number[] {
  return Array.from(labelsOf(file, name).data, Number);
}

/** Class numbers of the tokens of each row, padding left out. */
export function tokenClassesOf(file: SafetensorsFile, sequences: readonly TokenSequence[], key: string): number[][] {
  const { shape } = file.tensors.get(key)!;
  const all = Array.from(file.view(key) as BigInt64Array, Number);
  return sequences.map(({ ids }, row) => all.slice(row * shape[1], row * shape[1] + ids.length));
}

export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
  return largest;
}

/** Every gradient within 1e-5 absolutely or 1e-4 relatively; prints the largest difference of each. */
export function compareGradients(
  title: string,
  gradient: (name: string) => Float32Array,
  file: SafetensorsFile,
): string[] {
  const lines: string[] = [];
  const names: string[] = [];
  for (const key of file.tensors.keys()) {
    if (!key.startsWith('grad.')) continue;
    const name = key.slice('grad.'.length);
    names.push(name);
    const expected = file.toFloat32(key);
    const actual = gradient(name);
    lines.push(`${name} ${largestDifference(actual, expected).toExponential(1)}`);
    for (let i = 0; i < expected.length; i++) {
      const difference = Math.abs(actual[i] - expected[i]);
      if (difference > 1e-5 && difference > 1e-4 * Math.abs(expected[i])) {
        expect.fail(`${title}: gradient of ${name}[${i}] is ${actual[i]}, expected ${expected[i]}`);
      }
    }
  }
  console.log(`${title}: largest gradient differences\n  ${lines.join('\n  ')}`);
  return names;
}

/**
 * The recorded masks, rearranged as the batch's rows stand.
 * @param lastLayer the path of the layer, `bert.encoder.layer.1`, from which on only the rows that the head reads are there.
 */
export function goldenMasks(
  file: SafetensorsFile,
  { packed }: ModelBatch,
  reads: Reads,
  lastLayer: string,
): NonNullable<PassOptions['masks']> {
  const rowsRead = { all: 'tokens', first: 'sequences', some: 'reads' }[reads];
  const slotsRead = { all: 'longest', first: '1', some: 'longest_reads' }[reads];
  return (site, dims) => {
    const name = `mask.${site === 'dropout' ? 'classifier' : site.replace(/^bert\.(encoder\.)?/, '').replace(/\.dropout$/, '')}`;
    const mask = file.toFloat32(name);
    const { shape } = file.tensors.get(name)!;
    const length = shape[shape.length - 1];
    const isLast = site === 'dropout' || site.startsWith(`${lastLayer}.`);
    const result = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    if (shape.length === 2) {
      result.set(mask);
    } else if (shape.length === 3) {
      // [sequences, longest, width] → [rows, width]
      const { sample, position } = packed.places[isLast ? rowsRead : 'tokens'];
      for (let row = 0; row < dims[0]; row++) {
        const start = (sample[row] * shape[1] + position[row]) * length;
        result.set(mask.subarray(start, start + length), row * length);
      }
    } else {
      // [sequences, heads, longest, longest] → [sequences, heads, queries, keys]
      const [, heads, queries, keys] = dims;
      const positions = packed.queryPositions[isLast ? slotsRead : 'longest'];
      for (let i = 0; i < result.length; i++) {
        const key = i % keys;
        const query = Math.floor(i / keys) % queries;
        const head = Math.floor(i / (keys * queries)) % heads;
        const sequence = Math.floor(i / (keys * queries * heads));
        const at = positions[sequence * queries + query];
        // Filler sequences have none; what theirs is does not matter.
        result[i] = mask[((sequence * shape[1] + head) * shape[2] + at) * shape[3] + key] ?? 1;
      }
    }
    return result;
  };
}
