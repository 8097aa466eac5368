import { ArgumentError } from '../core/errors.ts';
import type { EngineTensor } from '../engine/engine.ts';
import type { LayoutForm, Reads } from './layout.ts';

/** One row of a batch: its token ids and, for pairs, which of the two texts each belongs to. */
export interface TokenSequence {
  readonly ids: ArrayLike<number>;
  /** 0 throughout where absent. */
  readonly typeIds?: ArrayLike<number> | undefined;
}

export interface PackOptions {
  /** As the layout that the graph was traced with. */
  readonly form?: LayoutForm;
  readonly reads?: Reads;
  /** For `reads: 'some'`: which positions are read, sequence by sequence: a list for each, which may be empty. */
  readonly readPositions?: readonly ArrayLike<number>[];
  /** Lengths are rounded up to multiples of these, so that shapes repeat; 1 by default. */
  readonly roundTokens?: number;
  readonly roundLongest?: number;
  readonly roundSequences?: number;
  readonly padTokenId?: number;
  /** The number of the first sequence in the batch that an optimizer step sees, for dropout; 0 by default. */
  readonly firstSample?: number;
}

/** For rows of one kind: whose they are and where in their sequence they stand. Filler rows say 0 and 0. */
export interface RowPlaces {
  readonly sample: Int32Array;
  readonly position: Int32Array;
}

/** A batch laid out for a graph that was traced with the same form and reads. */
export interface PackedBatch {
  /** The layout's inputs by name. */
  readonly feeds: Readonly<Record<string, EngineTensor>>;
  /** The lengths of the symbolic dimensions. */
  readonly lengths: Readonly<Record<string, number>>;
  /** Real sequences and tokens; the rest of `lengths` is filler. */
  readonly sequences: number;
  readonly tokens: number;
  /** What was packed. */
  readonly rows: readonly TokenSequence[];
  /** Whose row is whose, by the name of the rows' dimension (`tokens`, `reads`, `sequences`). */
  readonly places: Readonly<Record<string, RowPlaces>>;
  /** Each sequence's sample number, filler included. */
  readonly samples: Int32Array;
  /** The position of each query slot `[sequences, length]`, by the name of the dimension (`longest`, `longest_reads`, `1`). */
  readonly queryPositions: Readonly<Record<string, Int32Array>>;
}

/** Where rows stand among slots: `[sequences, longest]` slots, of which each sequence fills the first few. */
interface Slots {
  readonly rows: number;
  readonly longest: number;
  readonly rowOfSlot: BigInt64Array;
  readonly slotOfRow: BigInt64Array;
}

/**
 * Lays sequences out: the real tokens one after the other, with what the graph needs to find them.
 *
 * Where the attention core's rectangle has empty slots, one filler row at least is put behind the tokens, and the other
 * way round, as the ops `toHeads` and `fromHeads` ask (graph/ops/heads.ts). A batch that fills its rectangle has neither.
 * @throws ArgumentError for a batch or row without tokens, and for type ids or read positions that do not fit the tokens.
 */
export function packBatch(batch: readonly TokenSequence[], options: PackOptions = {}): PackedBatch {
  const { form = 'packed', reads = 'all', roundLongest = 1, roundTokens = 1, firstSample = 0 } = options;
  if (batch.length === 0 || batch.some(({ ids }) => ids.length === 0)) {
    throw new ArgumentError('ERR_EMPTY_BATCH', {
      owner: 'packBatch',
      what: 'a batch needs rows, and each row a token',
    });
  }
  batch.forEach(({ ids, typeIds }, row) => {
    if (typeIds === undefined || typeIds.length === ids.length) return;
    throw new ArgumentError('ERR_TYPE_IDS', {
      owner: 'packBatch',
      what: `row ${row} has not a type id for each token`,
      got: typeIds.length,
      expected: `${ids.length}`,
    });
  });
  if (reads === 'some') checkReadPositions(batch, options.readPositions ?? []);
  const sequences = roundUp(batch.length, options.roundSequences ?? 1);
  const counts = Array.from({ length: sequences }, (_, i) => batch[i]?.ids.length ?? 0);
  const slots = form === 'packed' ? packSlots(counts, roundTokens, roundLongest) : fillSlots(counts, roundLongest);
  const { rows, longest } = slots;

  const inputIds = new BigInt64Array(rows).fill(BigInt(options.padTokenId ?? 0));
  const tokenTypeIds = new BigInt64Array(rows);
  const positionIds = new BigInt64Array(rows);
  const attentionBias = new Float32Array(sequences * longest).fill(-1e9);
  const places = emptyPlaces(rows);
  const firstTokens = new BigInt64Array(sequences);
  const rowAt = (sequence: number, position: number) => Number(slots.rowOfSlot[sequence * longest + position]);
  if (form === 'padded') {
    // Hugging Face numbers padded positions too; what stands there is read by no real token.
    for (let slot = 0; slot < rows; slot++) positionIds[slot] = BigInt(slot % longest);
  }
  for (let sequence = 0; sequence < sequences; sequence++) {
    firstTokens[sequence] = BigInt(rowAt(sequence, 0));
    for (let position = 0; position < counts[sequence]; position++) {
      const { ids, typeIds } = batch[sequence];
      const row = rowAt(sequence, position);
      inputIds[row] = BigInt(ids[position]);
      tokenTypeIds[row] = BigInt(typeIds?.[position] ?? 0);
      positionIds[row] = BigInt(position);
      attentionBias[sequence * longest + position] = 0;
      places.sample[row] = firstSample + sequence;
      places.position[row] = position;
    }
  }
  const samples = Int32Array.from({ length: sequences }, (_, sequence) => firstSample + sequence);
  const base: PackedBatch = {
    feeds: {
      input_ids: int64(inputIds),
      token_type_ids: int64(tokenTypeIds),
      position_ids: int64(positionIds),
      attention_bias: { type: 'float32', dims: [sequences, 1, 1, longest], data: attentionBias },
      first_tokens: int64(firstTokens),
      ...(form === 'packed' ? slotFeeds('token', slots, sequences) : {}),
    },
    lengths: { sequences, longest, tokens: rows },
    sequences: batch.length,
    rows: batch,
    tokens: counts.reduce((a, b) => a + b, 0),
    places: { tokens: places, sequences: { sample: samples, position: new Int32Array(sequences) } },
    samples,
    queryPositions: {
      longest: Int32Array.from({ length: sequences * longest }, (_, slot) => slot % longest),
      1: new Int32Array(sequences),
    },
  };
  return reads === 'some' ? withReads(base, options.readPositions ?? [], rowAt, options) : base;
}

function checkReadPositions(batch: readonly TokenSequence[], readPositions: readonly ArrayLike<number>[]): void {
  const refuse = (what: string, got: unknown, expected: string) => {
    throw new ArgumentError('ERR_READ_POSITIONS', { owner: 'packBatch', what, got, expected });
  };
  if (readPositions.length !== batch.length) {
    refuse('readPositions has not a list for each row', readPositions.length, `${batch.length} lists`);
  }
  batch.forEach(({ ids }, row) => {
    for (const position of Array.from(readPositions[row])) {
      const isThere = Number.isInteger(position) && position >= 0 && position < ids.length;
      if (!isThere) refuse(`row ${row} has no such position to read`, position, `0 to ${ids.length - 1}`);
    }
  });
}

/** Adds the rows that the last layer computes, where they are neither all nor the first. */
function withReads(
  base: PackedBatch,
  readPositions: readonly ArrayLike<number>[],
  rowAt: (sequence: number, position: number) => number,
  { roundTokens = 1, roundLongest = 1 }: PackOptions,
): PackedBatch {
  const { sequences } = base.lengths;
  const counts = Array.from({ length: sequences }, (_, i) => readPositions[i]?.length ?? 0);
  const slots = packSlots(counts, roundTokens, roundLongest);
  // A filler read reads a filler token, or, in a batch without any, a real one: no loss reads it either way.
  const readTokens = new BigInt64Array(slots.rows).fill(BigInt(Math.min(base.tokens, base.lengths['tokens'] - 1)));
  const places = emptyPlaces(slots.rows);
  const positions = new Int32Array(sequences * slots.longest);
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let read = 0; read < counts[sequence]; read++) {
      const slot = sequence * slots.longest + read;
      const row = Number(slots.rowOfSlot[slot]);
      const position = readPositions[sequence][read];
      readTokens[row] = BigInt(rowAt(sequence, position));
      places.sample[row] = base.samples[sequence];
      places.position[row] = position;
      positions[slot] = position;
    }
  }
  return {
    ...base,
    feeds: { ...base.feeds, read_tokens: int64(readTokens), ...slotFeeds('read', slots, sequences) },
    lengths: { ...base.lengths, reads: slots.rows, longest_reads: slots.longest },
    places: { ...base.places, reads: places },
    queryPositions: { ...base.queryPositions, longest_reads: positions },
  };
}

/** Rows one after the other; see `packBatch` for the fillers. */
function packSlots(counts: readonly number[], roundRows: number, roundLongest: number): Slots {
  const real = counts.reduce((a, b) => a + b, 0);
  let longest = roundUp(Math.max(1, ...counts), roundLongest);
  let rows = roundUp(Math.max(1, real), roundRows);
  if (counts.length * longest > real && rows === real) rows += roundRows;
  else if (rows > real && counts.length * longest === real) longest += roundLongest;

  const rowOfSlot = new BigInt64Array(counts.length * longest).fill(BigInt(real));
  const slotOfRow = new BigInt64Array(rows);
  let row = 0;
  let emptySlot = 0;
  counts.forEach((count, sequence) => {
    const start = sequence * longest;
    for (let i = 0; i < count; i++, row++) {
      rowOfSlot[start + i] = BigInt(row);
      slotOfRow[row] = BigInt(start + i);
    }
    if (count < longest) emptySlot = start + count;
  });
  slotOfRow.fill(BigInt(emptySlot), real);
  return { rows, longest, rowOfSlot, slotOfRow };
}

/** Every slot a row: the padded rectangle. */
function fillSlots(counts: readonly number[], roundLongest: number): Slots {
  const longest = roundUp(Math.max(1, ...counts), roundLongest);
  const identity = BigInt64Array.from({ length: counts.length * longest }, (_, slot) => BigInt(slot));
  return { rows: identity.length, longest, rowOfSlot: identity, slotOfRow: identity };
}

function slotFeeds(kind: 'token' | 'read', slots: Slots, sequences: number): Record<string, EngineTensor> {
  return {
    [`${kind}_of_slot`]: { type: 'int64', dims: [sequences, slots.longest], data: slots.rowOfSlot },
    [`slot_of_${kind}`]: int64(slots.slotOfRow),
  };
}

/**
 * The opposite of packing: rows of `width` numbers, as the graph computed them for all tokens, sequence by sequence.
 * Filler rows are left out.
 */
export function unpack(batch: PackedBatch, rows: Float32Array, width: number): Float32Array[] {
  const { longest } = batch.lengths;
  const slotToRow = batch.feeds['token_of_slot']?.data as BigInt64Array | undefined;
  const bias = batch.feeds['attention_bias'].data as Float32Array;
  return Array.from({ length: batch.sequences }, (_, sequence) => {
    let count = 0;
    while (count < longest && bias[sequence * longest + count] === 0) count++;
    const result = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      const row = slotToRow === undefined ? sequence * longest + i : Number(slotToRow[sequence * longest + i]);
      result.set(rows.subarray(row * width, (row + 1) * width), i * width);
    }
    return result;
  });
}

function int64(data: BigInt64Array): EngineTensor {
  return { type: 'int64', dims: [data.length], data };
}

function emptyPlaces(rows: number): RowPlaces {
  return { sample: new Int32Array(rows), position: new Int32Array(rows) };
}

function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
