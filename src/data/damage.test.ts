import { test } from 'vitest';
import { goodFiles } from '../../test/testing/dataFiles.ts';
import { loadDamaged } from '../../test/testing/loadDamaged.ts';

test.each([...goodFiles()])('%s, damaged, gives an error of ours or a data set', (name, good) =>
  loadDamaged(name, good, 0, 20),
);

// These once sent the decoder into loops without end.
test.each([
  ['x.parquet', 206],
  ['y.parquet', 136],
])('%s, damaged by seed %i', (name, seed) => loadDamaged(name, goodFiles().get(name) as Uint8Array, seed, seed + 1));
