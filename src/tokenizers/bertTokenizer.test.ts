import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { BertTokenizer } from './bertTokenizer.ts';
import type { TextInput } from './textInput.ts';

const pieces = 'the fox jump ##s over a lazy dog he ##ll ##o world , . ! [ ] new ##tok sw ##ord word ##y 東 raw'.split(
  ' ',
);
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...pieces];
const tokenizer = new BertTokenizer({ vocab });
const idOf = (token: string) => vocab.indexOf(token);

/** Runs `act` and gives the log lines it wrote. */
function logged(act: () => void): string[] {
  const lines: string[] = [];
  const restore = configureLog({ sink: (_, message) => lines.push(message), level: 'info' });
  act();
  restore();
  return lines;
}

describe('calls', () => {
  test('a single text gives one row', () => {
    const batch = tokenizer('Hello, WORLD!');
    expect(batch.tokens()).toEqual(['[CLS]', 'he', '##ll', '##o', ',', 'world', '!', '[SEP]']);
    expect(batch.inputIds.dims).toEqual([1, 8]);
    expect(batch.inputIds.tolist()).toEqual([batch.tokens().map(idOf)]);
    expect(batch.encodings[0].offsets).toEqual([
      [0, 0],
      [0, 2],
      [2, 4],
      [4, 5],
      [5, 6],
      [7, 12],
      [12, 13],
      [0, 0],
    ]);
    expect(batch.wordIds()).toEqual([null, 0, 0, 0, 1, 2, 3, null]);
  });

  test('an instance is a function, has its class and its methods', () => {
    expect(typeof tokenizer).toBe('function');
    expect(tokenizer).toBeInstanceOf(BertTokenizer);
    expect(tokenizer.encode('fox').inputIds.data).toEqual(tokenizer('fox').inputIds.data);
  });

  test('a batch of pairs, padded', () => {
    const batch = tokenizer(['the fox', 'a'], ['jumps', 'over a dog'], { padding: true });
    expect(batch.encodings.map((encoding) => encoding.tokens())).toEqual([
      ['[CLS]', 'the', 'fox', '[SEP]', 'jump', '##s', '[SEP]'],
      ['[CLS]', 'a', '[SEP]', 'over', 'a', 'dog', '[SEP]'],
    ]);
    expect(batch.tokenTypeIds.tolist()).toEqual([
      [0, 0, 0, 0, 1, 1, 1],
      [0, 0, 0, 1, 1, 1, 1],
    ]);
    const left = tokenizer(['the fox', 'a'], { padding: 'max_length', maxLength: 5, paddingSide: 'left' });
    expect(left.attentionMask.tolist()).toEqual([
      [0, 1, 1, 1, 1],
      [0, 0, 1, 1, 1],
    ]);
    expect(left.encodings[1].sequenceIds).toEqual([null, null, null, 0, null]);
    expect(left.encodings[1].offsets).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 1],
      [0, 0],
    ]);
  });

  test('rows of different lengths are no tensor', () => {
    expect(() => tokenizer(['the fox', 'a']).inputIds).toThrow('pass padding: true');
    expect(tokenizer(['the fox', 'a']).encodings.map((encoding) => encoding.length)).toEqual([4, 3]);
    expect(tokenizer([]).inputIds.dims).toEqual([0, 0]);
  });

  test('words', () => {
    const batch = tokenizer(['Hello', 'swordy', ''], { isSplitIntoWords: true });
    expect(batch.tokens().slice(1, -1)).toEqual(['he', '##ll', '##o', 'sw', '##ord', '##y']);
    expect(batch.wordIds()).toEqual([null, 0, 0, 0, 1, 1, 1, null]);
    expect(batch.encodings[0].offsets.slice(4, -1)).toEqual([
      [0, 2],
      [2, 5],
      [5, 6],
    ]);
    expect(tokenizer([['fox'], ['dog']], { isSplitIntoWords: true }).length).toBe(2);
  });

  test('windows from the left', () => {
    const left = new BertTokenizer({ vocab, truncationSide: 'left' });
    const batch = left('the fox over a dog', {
      truncation: true,
      maxLength: 4,
      stride: 1,
      returnOverflowingTokens: true,
    });
    expect(batch.encodings.map((encoding) => encoding.tokens().slice(1, -1).join(' '))).toEqual([
      'a dog',
      'over a',
      'fox over',
      'the fox',
    ]);
    expect(batch.overflowToSampleMapping).toEqual([0, 0, 0, 0]);
  });

  test('which token covers a character', () => {
    const [encoding] = tokenizer('a fox', 'jumps').encodings;
    expect(encoding.charToToken(2)).toBe(2);
    expect(encoding.charToToken(1)).toBeUndefined();
    expect(encoding.charToToken(4, 1)).toBe(5);
  });

  test('says once that a text is too long', () => {
    const short = new BertTokenizer({ vocab, modelMaxLength: 4 });
    expect(logged(() => [short('a a a'), short('a a a')])).toEqual([
      expect.stringContaining('5 tokens, more than the 4'),
    ]);
    expect(logged(() => short('a a a', { truncation: true }))).toEqual([]);
  });

  test('a lone surrogate is dropped', () => {
    expect(tokenizer('do\ud800g').tokens()).toEqual(['[CLS]', 'dog', '[SEP]']);
  });
});

describe('what is refused', () => {
  test.each<[string, () => unknown, string]>([
    ['a mistyped option', () => tokenizer('a', { trunctaion: true } as object), "did you mean 'truncation'"],
    ['a mistyped value', () => tokenizer('a', { padding: 'longets' as 'longest' }), "did you mean 'longest'"],
    ['an odd length', () => tokenizer('a', { maxLength: 2.5 }), 'maxLength is no length, got 2.5'],
    ['no room', () => tokenizer('a', { truncation: true, maxLength: 1 }), 'no room for the special tokens'],
    ['no room for a pair', () => tokenizer('a', 'a', { truncation: true, maxLength: 2 }), 'at least 3 for a pair'],
    ['a stride without step', () => tokenizer('a', { truncation: true, maxLength: 6, stride: 4 }), 'stride'],
    ['only_second of one', () => tokenizer('a a', { truncation: 'only_second', maxLength: 3 }), 'no second text'],
    ['no text', () => tokenizer([undefined] as unknown as TextInput), 'text 0 is no string, got '],
    ['words unasked', () => tokenizer([['a']]), 'isSplitIntoWords: true'],
    ['unequal batches', () => tokenizer(['a'], ['a', 'a']), '1 texts and 2 second texts'],
    ['a batch and a text', () => tokenizer(['a'], 'a'), '1 texts and one second text'],
    ['a vocabulary without [UNK]', () => new BertTokenizer({ vocab: ['a'] }), "'[UNK]' among its 1 tokens"],
    ['a taken id', () => new BertTokenizer({ vocab, addedTokens: [{ content: '<x>', id: 5 }] }), "that of 'the'"],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('added tokens', () => {
  // What Python's tokenizer gave for the same texts and tokens.
  const added = new BertTokenizer({
    vocab,
    addedTokens: [
      { content: 'NewTok', normalized: true },
      { content: '<x>', lstrip: true, rstrip: true, normalized: false },
      { content: 'Word', singleWord: true, normalized: true },
      { content: 'RAW', singleWord: true, normalized: false },
    ],
  });
  test.each<[string, string[], number[][]]>([
    [
      'a NewTok newtok NEWTOK  <x>  a <x>',
      ['a', 'newtok', 'newtok', 'newtok', '  <x>  ', 'a', ' <x>'],
      [
        [0, 1],
        [2, 8],
        [9, 15],
        [16, 22],
        [22, 29],
        [29, 30],
        [30, 34],
      ],
    ],
    [
      'Word wordy word, sword',
      ['word', 'word', '##y', 'word', ',', 'sw', '##ord'],
      [
        [0, 4],
        [5, 9],
        [9, 10],
        [11, 15],
        [15, 16],
        [17, 19],
        [19, 22],
      ],
    ],
    [
      'RAW RAWY RAW,raw',
      ['RAW', 'raw', '##y', 'RAW', ',', 'raw'],
      [
        [0, 3],
        [4, 7],
        [7, 8],
        [9, 12],
        [12, 13],
        [13, 16],
      ],
    ],
    [
      'a<x><x> <x>a\u3000<x>\u3000',
      ['a', '<x>', '<x> ', '<x>', 'a', '\u3000<x>\u3000'],
      [
        [0, 1],
        [1, 4],
        [4, 8],
        [8, 11],
        [11, 12],
        [12, 17],
      ],
    ],
    [
      'a [MASK][UNK]a',
      ['a', '[MASK]', '[UNK]', 'a'],
      [
        [0, 1],
        [2, 8],
        [8, 13],
        [13, 14],
      ],
    ],
  ])('%s', (text, tokens, offsets) => {
    const [encoding] = added(text, { addSpecialTokens: false }).encodings;
    expect(encoding.tokens()).toEqual(tokens);
    expect(encoding.offsets).toEqual(offsets);
  });

  test('their ids follow the vocabulary, and they have a normalized form', () => {
    expect(added.convertTokensToIds(['NewTok', '<x>', 'Word', 'RAW'])).toEqual(
      [0, 1, 2, 3].map((i) => vocab.length + i),
    );
    expect(added.convertIdsToTokens([0, 1, 2].map((i) => vocab.length + i))).toEqual(['newtok', '<x>', 'word']);
    expect(added.size).toBe(vocab.length + 4);
  });

  test('special tokens can be read as text', () => {
    expect(tokenizer('[MASK]', { splitSpecialTokens: true }).tokens()).toEqual(['[CLS]', '[', '[UNK]', ']', '[SEP]']);
  });
});

describe('decoding', () => {
  test('ids, tokens and text', () => {
    const ids = tokenizer('Hello, world!').encodings[0].ids;
    expect(tokenizer.decode(ids)).toBe('[CLS] hello, world! [SEP]');
    expect(tokenizer.decode(tokenizer('Hello').inputIds.data, { skipSpecialTokens: true })).toBe('hello');
    expect(tokenizer.batchDecode([[5], [6, 99999]])).toEqual(['the', 'fox']);
    expect(tokenizer.convertTokensToIds('nonsense')).toBe(1);
    expect(tokenizer.convertIdsToTokens(99999)).toBeUndefined();
  });
});

describe('files', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fettle-tokenizer-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test('what is saved is loaded again', async () => {
    const saved = new BertTokenizer({
      vocab,
      doLowerCase: false,
      stripAccents: true,
      modelMaxLength: 128,
      paddingSide: 'left',
      addedTokens: [{ content: '<x>', lstrip: true }],
    });
    await saved.savePretrained(directory);
    const loaded = await BertTokenizer.fromPretrained(directory);
    expect(loaded.vocab).toEqual(saved.vocab);
    expect(loaded.addedTokens).toEqual(saved.addedTokens);
    for (const name of ['doLowerCase', 'stripAccents', 'modelMaxLength', 'paddingSide', 'cleanText'] as const) {
      expect(loaded[name]).toBe(saved[name]);
    }
    expect(await readFile(join(directory, 'vocab.txt'), 'utf8')).toBe(`${vocab.join('\n')}\n`);
    expect(loaded('The dóg <x>').inputIds.data).toEqual(saved('The dóg <x>').inputIds.data);
  });

  test('vocab.txt alone, with Windows line ends', async () => {
    const other = await mkdtemp(join(tmpdir(), 'fettle-tokenizer-'));
    await writeFile(join(other, 'vocab.txt'), vocab.join('\r\n'));
    const loaded = await BertTokenizer.fromPretrained(other);
    expect([...loaded.vocab.keys()]).toEqual(vocab);
    expect(loaded.modelMaxLength).toBe(Number.POSITIVE_INFINITY);
    await rm(join(other, 'vocab.txt'));
    await expect(BertTokenizer.fromPretrained(other)).rejects.toThrow('no tokenizer.json and no vocab.txt');
    await writeFile(join(other, 'tokenizer.json'), '{"model": {"type": "BPE", "vocab": {}}}');
    await expect(BertTokenizer.fromPretrained(other)).rejects.toThrow('not of BERT');
    await writeFile(join(other, 'tokenizer.json'), '{');
    await expect(BertTokenizer.fromPretrained(other)).rejects.toThrow('no JSON');
    await rm(other, { recursive: true });
  });
});

test('property: a row stands alone as it stands in a batch, and offsets cover the text in order', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
      tokenizer(texts).encodings.forEach((encoding, row) => {
        expect([...encoding.ids]).toEqual([...tokenizer(texts[row]).encodings[0].ids]);
        let before = 0;
        for (const [start, end] of encoding.offsets.slice(1, -1)) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          before = start;
        }
        expect(before).toBeLessThanOrEqual(texts[row].length);
      });
    }),
  );
});

test('a text longer than what is normalized at once is split as its words are', () => {
  // Words with marks of several classes and a removed character, so that any boundary would show.
  const words = Array.from(
    { length: 4000 },
    (_, i) => ['dóg\u0323', 'h\u200bello', 'swo\u0323\u0301rd', '東a', 'fox,'][i % 5],
  );
  const whole = tokenizer(words.join(' ')).encodings[0];
  const single = tokenizer(words, { isSplitIntoWords: true }).encodings[0];
  expect(whole.ids).toEqual(single.ids);
  expect(whole.ids.includes(idOf('dog'))).toBe(true);
  const numbers = single.wordIds;
  const starts: number[] = [];
  for (let i = 0, at = 0; i < words.length; at += words[i++].length + 1) starts.push(at);
  expect(whole.offsets.slice(1, -1)).toEqual(
    single.offsets.slice(1, -1).map(([start, end], i) => {
      const base = starts[numbers[i + 1] ?? 0];
      return [base + start, base + end];
    }),
  );
});

test('property: text that is read straight, ASCII in one look, gives the ids of text that is normalized first', () => {
  const letters = [...'abcABCé01!,-'].flatMap((letter) => [letter, `##${letter}`]);
  const unit = fc.constantFrom(...'abcABC01!,- \t\n\u0000\u0007\u00a0éÅ\u0301\u0323ß東İΣ', '\u{1F600}', '\ud800');
  const texts = fc.string({ unit, maxLength: 60 });
  const settings = fc.record({
    doLowerCase: fc.boolean(),
    stripAccents: fc.constantFrom(null, true, false),
    cleanText: fc.boolean(),
    tokenizeChineseChars: fc.boolean(),
  });
  fc.assert(
    fc.property(settings, fc.array(texts, { minLength: 1, maxLength: 8 }), fc.nat(2500), (options, list, repeat) => {
      const common = { vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...letters], ...options };
      const straight = new BertTokenizer(common);
      // A token that is sought in normalized text, and never found, keeps all text from the short way.
      const normalized = new BertTokenizer({ ...common, addedTokens: [{ content: 'qzqzqz', normalized: true }] });
      // Words and texts of more characters than are read at a time.
      const long = list.join('').repeat(repeat / 10);
      for (const text of [...list, `${'ab'.repeat(repeat)}${list.join('')}`, long, long.replace(/\s/g, '')]) {
        expect([...straight(text).encodings[0].ids], JSON.stringify(text)).toEqual([
          ...normalized(text).encodings[0].ids,
        ]);
      }
    }),
    { numRuns: 300 },
  );
});
