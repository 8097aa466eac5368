import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { BertTokenizer, parseVocabulary, trainWordPiece } from '../../src/tokenizers/index.ts';

const shared = new URL('../../../shared/', import.meta.url);
const python = fileURLToPath(new URL('../../benchmarks/.python/bin/python', import.meta.url));
const present = existsSync(python) && existsSync(new URL('data/vocab', shared));
const read = (path: string) => readFileSync(new URL(path, shared), 'utf8');

describe.skipIf(!present)(
  "with Python's transformers (skipped where ../shared or benchmarks/.python is absent)",
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'fettle-tokenizer-'));
    afterAll(() => rmSync(directory, { recursive: true }));
    const runPython = (program: string, ...parameters: string[]) =>
      JSON.parse(execFileSync(python, ['-c', program, ...parameters], { encoding: 'utf8', maxBuffer: 1 << 28 }));

    test.each([
      ['bert-base-uncased', true],
      ['bert-base-multilingual-cased', false],
    ])(
      'AutoTokenizer loads what savePretrained writes, with the same ids and offsets: %s',
      async (name, doLowerCase) => {
        const texts = read('data/tokenizer-reference/lines.jsonl')
          .trimEnd()
          .split('\n')
          .slice(0, 600)
          .map((line) => JSON.parse(line).text as string)
          .concat([
            'a NewTok newtok  <x> b',
            'Word wordy',
            '<x><x> [MASK]',
            'RAW\u3000RAWR RAW-é',
            'Ⅷ word\u0301 newtok\u0301',
          ]);
        const tokenizer = new BertTokenizer({
          vocab: parseVocabulary(read(`data/vocab/${name}-vocab.txt`)),
          doLowerCase,
          modelMaxLength: 512,
          addedTokens: [
            { content: 'NewTok' },
            { content: '<x>', lstrip: true, rstrip: true, normalized: false },
            { content: 'Word', singleWord: true },
            { content: 'RAW', singleWord: true, normalized: false },
            { content: '[SPECIAL]', special: true },
          ],
        });
        await tokenizer.savePretrained(directory);
        writeFileSync(join(directory, 'texts.json'), JSON.stringify(texts));
        const expected = runPython(
          `
import json, sys
from transformers import AutoTokenizer
t = AutoTokenizer.from_pretrained(sys.argv[1])
e = t(json.load(open(sys.argv[1] + "/texts.json")), return_offsets_mapping=True)
print(json.dumps({"class": type(t).__name__, "length": len(t), "max": t.model_max_length, "ids": e["input_ids"],
  "offsets": e["offset_mapping"], "words": [e.word_ids(i) for i in range(len(e["input_ids"]))],
  "tokens": [e.tokens(i) for i in range(len(e["input_ids"]))],
  "skipped": t.batch_decode(e["input_ids"], skip_special_tokens=True)}))
`,
          directory,
        );
        const batch = tokenizer(texts);
        expect(expected.class).toMatch(/^BertTokenizer/);
        expect([tokenizer.size, tokenizer.modelMaxLength]).toEqual([expected.length, expected.max]);
        batch.encodings.forEach((encoding, i) => {
          expect([...encoding.ids], texts[i]).toEqual(expected.ids[i]);
          expect(encoding.codePointOffsets, texts[i]).toEqual(expected.offsets[i]);
          expect(encoding.wordIds, texts[i]).toEqual(expected.words[i]);
          expect(encoding.tokens(), texts[i]).toEqual(expected.tokens[i]);
          expect(tokenizer.decode(encoding.ids, { skipSpecialTokens: true })).toBe(expected.skipped[i]);
        });
        const again = await BertTokenizer.fromPretrained(directory);
        expect(again(texts).rows.ids).toEqual(batch.rows.ids);
      },
    );

    test('a trained vocabulary is nearly that of tokenizers', () => {
      // ASCII alone: which of the characters that stand equally often are left out, Python leaves to chance.
      const lines = read('data/text/web-lines.txt')
        .split('\n')
        .filter((line) => /^[ -~]*$/.test(line))
        .slice(0, 20_000);
      writeFileSync(join(directory, 'lines.json'), JSON.stringify(lines));
      const vocabSize = 6000;
      const expected: string[] = runPython(
        `
import json, sys
from tokenizers import BertWordPieceTokenizer
t = BertWordPieceTokenizer(lowercase=True)
t.train_from_iterator(json.load(open(sys.argv[1] + "/lines.json")), vocab_size=${vocabSize}, show_progress=False)
print(json.dumps(sorted(t.get_vocab(), key=t.get_vocab().get)))
`,
        directory,
      );
      const vocab = trainWordPiece(lines, { vocabSize });
      expect(vocab.length).toBe(expected.length);
      // The special tokens and the alphabet have the same ids.
      const alphabet = expected.findIndex((token) => token.startsWith('##'));
      expect(vocab.slice(0, alphabet)).toEqual(expected.slice(0, alphabet));
      // Ours has a piece for every character that could continue a word, and ties fall differently.
      const known = new Set(expected);
      expect(vocab.filter((token) => known.has(token)).length / vocabSize).toBeGreaterThan(0.97);
    });
  },
);
