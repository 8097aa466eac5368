import { ArgumentError, didYouMean } from '../core/errors.ts';
import { hashName, philox } from '../core/random.ts';
import { ignoredLabel } from '../models/labels.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { type CollatedBatch, type CollatedFeature, Padding } from './collators.ts';

/** How words are hidden from a masked language model; names and defaults are Hugging Face's. */
export interface MaskingOptions {
  /** Each word piece is chosen with this probability; with `wholeWordMask` each word. Default 0.15 (Devlin et al. 2018). */
  readonly mlmProbability?: number | undefined;
  /** The share of the chosen that become [MASK]. Default 0.8. */
  readonly maskReplaceProb?: number | undefined;
  /** The share of the chosen that become a random word piece. What is left over stays as it is. Default 0.1. */
  readonly randomReplaceProb?: number | undefined;
  /** Choose words, with all their pieces (`##…` continues a word), in place of pieces. Default false. */
  readonly wholeWordMask?: boolean | undefined;
  /** For `collate`: rounds the length of its rows up. */
  readonly padToMultipleOf?: number | undefined;
}

/** What a masking is a pure function of, beside the tokens. */
export interface MaskPlace {
  readonly seed: number;
  /** From 0; left out for evaluation, whose masks are the same whenever they are made. */
  readonly epoch?: number | undefined;
  /** The row's number in its data. */
  readonly row: number;
}

/** Tokens as the model sees them, and what stood there. */
export interface MaskedTokens {
  readonly ids: Int32Array;
  /** The id that stood at each chosen token, −100 at all others. */
  readonly labels: Int32Array;
}

const optionNames = [
  'tokenizer',
  'mlmProbability',
  'maskReplaceProb',
  'randomReplaceProb',
  'wholeWordMask',
  'padToMultipleOf',
];
const purpose = hashName('masked language model');

/**
 * Hides words from a masked language model (Hugging Face's class of the same name): of the chosen pieces, 80 % become
 * [MASK], 10 % a random piece, 10 % stay, and all of them are to be said. Which, is a pure function of seed, epoch and row, so
 * each epoch has masks of its own and a resumed run has those of the run that was not. Special tokens, [UNK] among them, are
 * never chosen; where chance chooses none of a row's pieces, one is (a row without any would teach nothing).
 *
 * @example
 * const dataCollator = new DataCollatorForLanguageModeling({ tokenizer, mlmProbability: 0.15 });
 */
export class DataCollatorForLanguageModeling {
  readonly tokenizer: BertTokenizer;
  readonly mlmProbability: number;
  readonly maskReplaceProb: number;
  readonly randomReplaceProb: number;
  readonly wholeWordMask: boolean;
  readonly #padding: Padding;
  readonly #special: ReadonlySet<number>;
  readonly #continues: ReadonlySet<number>;

  /** @throws ArgumentError for an unknown option, a probability outside [0, 1], or shares whose sum is more than 1. */
  constructor(options: MaskingOptions & { readonly tokenizer: BertTokenizer }) {
    checkOptions(options);
    this.tokenizer = options.tokenizer;
    this.mlmProbability = options.mlmProbability ?? 0.15;
    this.maskReplaceProb = options.maskReplaceProb ?? 0.8;
    this.randomReplaceProb = options.randomReplaceProb ?? Math.min(0.1, 1 - this.maskReplaceProb);
    this.wholeWordMask = options.wholeWordMask ?? false;
    const { tokenizer, padToMultipleOf } = options;
    this.#padding = new Padding(owner, { tokenizer, padToMultipleOf });
    if (this.maskReplaceProb + this.randomReplaceProb > 1 + 1e-9) {
      throw new ArgumentError('ERR_OPTION_VALUE', {
        owner,
        what: 'maskReplaceProb and randomReplaceProb are shares of one whole',
        got: `${this.maskReplaceProb} + ${this.randomReplaceProb}`,
        expected: 'a sum of at most 1',
      });
    }
    this.#special = new Set(this.tokenizer.addedTokens.filter(({ special }) => special).map(({ id }) => id));
    this.#continues = new Set(
      [...this.tokenizer.vocab].filter(([token]) => token.startsWith('##')).map(([, id]) => id),
    );
  }

  /** Whether a token may be chosen: no special token may. */
  isMaskable(id: number): boolean {
    return !this.#special.has(id);
  }

  /** Masks one row. Where none of its tokens may be chosen, nothing is. */
  maskTokens(ids: ArrayLike<number>, place: MaskPlace): MaskedTokens {
    const masked = Int32Array.from(ids);
    const labels = new Int32Array(ids.length).fill(ignoredLabel);
    for (const at of this.#chosen(ids, place)) {
      labels[at] = ids[at];
      const [, kind, piece] = draw(at, place);
      if (kind < this.maskReplaceProb) masked[at] = this.tokenizer.maskTokenId;
      else if (kind < this.maskReplaceProb + this.randomReplaceProb) {
        masked[at] = Math.floor(piece * this.tokenizer.size);
      }
    }
    return { ids: masked, labels };
  }

  /**
   * Rows of tokens as one padded batch, masked, with −100 at all tokens that are not to be said: for those who write their own loop. The
   * Trainer masks and packs by itself.
   * @param place of the first row; those behind it are numbered on.
   * @throws ArgumentError for a batch without rows.
   */
  collate(features: readonly CollatedFeature[], place: MaskPlace): CollatedBatch {
    const length = this.#padding.lengthOf(features);
    const masked = features.map(({ inputIds }, i) =>
      this.maskTokens(Array.from(inputIds as ArrayLike<number>, Number), { ...place, row: place.row + i }),
    );
    const inputs = this.#padding.inputs(
      features.map((feature, i) => ({ ...feature, inputIds: masked[i].ids })),
      length,
    );
    const labels = masked.map((row) => row.labels);
    const lengths = labels.map((row) => row.length);
    const of = { filler: ignoredLabel, fallback: ignoredLabel, name: 'labels' };
    return { ...inputs, labels: this.#padding.pad(labels, lengths, length, of) };
  }

  #chosen(ids: ArrayLike<number>, place: MaskPlace): number[] {
    const chosen: number[] = [];
    let lowest = Number.POSITIVE_INFINITY;
    let likeliest: number[] = [];
    for (const unit of this.#units(ids)) {
      const [chance] = draw(unit[0], place);
      if (chance < this.mlmProbability) chosen.push(...unit);
      else if (chance < lowest) {
        lowest = chance;
        likeliest = unit;
      }
    }
    // The lowest draw is any unit's with the same probability.
    return chosen.length === 0 ? likeliest : chosen;
  }

  /** The positions that are chosen together: each for itself, or those of a word. */
  *#units(ids: ArrayLike<number>): Generator<number[]> {
    let unit: number[] = [];
    for (let at = 0; at < ids.length; at++) {
      const maskable = this.isMaskable(ids[at]);
      if (maskable && this.wholeWordMask && unit.length > 0 && this.#continues.has(ids[at])) {
        unit.push(at);
        continue;
      }
      if (unit.length > 0) yield unit;
      unit = maskable ? [at] : [];
    }
    if (unit.length > 0) yield unit;
  }
}

/** {@link DataCollatorForLanguageModeling} that chooses whole words (Hugging Face's class of the same name). */
export class DataCollatorForWholeWordMask extends DataCollatorForLanguageModeling {
  constructor(options: Omit<MaskingOptions, 'wholeWordMask'> & { readonly tokenizer: BertTokenizer }) {
    super({ ...options, wholeWordMask: true });
  }
}

const owner = 'DataCollatorForLanguageModeling';

/** Three numbers in [0, 1) for one token: whether it is chosen, what becomes of it, and which piece it may become. */
function draw(at: number, { seed, epoch, row }: MaskPlace): [number, number, number] {
  const words = philox(
    [at, row >>> 0, purpose, epoch === undefined ? 0 : epoch + 1],
    [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0],
  );
  return [words[0] / 2 ** 32, words[1] / 2 ** 32, words[2] / 2 ** 32];
}

/** What a caller without types may get wrong. */
function checkOptions(options: { readonly tokenizer: BertTokenizer }): void {
  for (const [name, value] of Object.entries<unknown>({ ...options })) {
    if (!optionNames.includes(name)) {
      const near = didYouMean(name, optionNames);
      throw new ArgumentError('ERR_UNKNOWN_OPTION', {
        owner,
        what: `there is no option '${name}'`,
        hint: near === undefined ? `the options are ${optionNames.join(', ')}` : `did you mean '${near}'?`,
      });
    }
    if (!/Prob/.test(name) || value === undefined) continue;
    if (typeof value === 'number' && value >= 0 && value <= 1 && !(name === 'mlmProbability' && value === 0)) continue;
    throw new ArgumentError('ERR_OPTION_VALUE', {
      owner,
      what: `'${name}' is no probability`,
      got: value,
      expected: name === 'mlmProbability' ? 'a number above 0 and up to 1' : 'a number from 0 to 1',
    });
  }
  if (options.tokenizer === undefined) {
    throw new ArgumentError('ERR_NO_TOKENIZER', { owner, what: 'there is no tokenizer', hint: 'pass tokenizer' });
  }
}
