import { describe, expect, test } from 'vitest';
import { readEvents } from '../../test/testing/tensorBoardReader.ts';
import {
  crc32c,
  encodeCharts,
  encodeFileVersion,
  encodeHistograms,
  encodeScalars,
  encodeTexts,
} from './tensorBoard.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

describe('CRC-32C', () => {
  test.each([
    // RFC 3720, appendix B.4, and the check value of Castagnoli's polynomial
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ["'123456789'", ascii('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
  ])('of %s', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});

describe('event files', () => {
  test('the first record says the version, byte for byte', () => {
    // length 24; Event { wall_time (1): 1.5, file_version (3): "brain.Event:2" }
    const record = encodeFileVersion(1.5);
    expect(Buffer.from(record.subarray(0, 8)).toString('hex')).toBe('1800000000000000');
    expect(Buffer.from(record.subarray(12, 36)).toString('hex')).toBe(
      `09000000000000f83f1a0d${Buffer.from('brain.Event:2').toString('hex')}`,
    );
    // What TensorFlow writes behind every length of 24 (its event files all begin with these twelve bytes).
    expect(Buffer.from(record.subarray(8, 12)).toString('hex')).toBe('a37f4b22');
  });

  test('what is written reads back: steps, times, tags beyond ASCII, values', () => {
    const scalars = [
      { tag: 'train/loss', value: 0.693359375 },
      { tag: 'eval/Genauigkeit – ü', value: -1e-7 },
      { tag: 'not a number', value: Number.NaN },
    ];
    const bytes = Buffer.concat([
      encodeFileVersion(1_700_000_000),
      encodeScalars(scalars, 50, 1_700_000_001.25),
      encodeScalars([{ tag: 'zero', value: 0 }], 3_000_000_000, 1_700_000_002),
    ]);
    expect(readEvents(bytes)).toEqual([
      { wallTime: 1_700_000_000, step: 0, version: 'brain.Event:2', scalars: {} },
      {
        wallTime: 1_700_000_001.25,
        step: 50,
        scalars: { 'train/loss': 0.693359375, 'eval/Genauigkeit – ü': Math.fround(-1e-7), 'not a number': Number.NaN },
      },
      { wallTime: 1_700_000_002, step: 3_000_000_000, scalars: { zero: 0 } },
    ]);
  });

  test('texts, a chart and histograms read back', () => {
    const histogram = {
      tag: 'gradients/classifier.weight',
      min: -1,
      max: 3,
      count: 5,
      sum: 2.5,
      sumOfSquares: 11,
      limits: [0, 1.5, 3],
      counts: [2, 0, 3],
    };
    const bytes = Buffer.concat([
      encodeTexts([{ tag: 'args', text: '    {"ü": 1}' }], 0, 1),
      encodeCharts('loss', [{ title: 'both', tags: ['train/loss', 'eval/.*loss'] }], 2),
      encodeHistograms([histogram], 7, 3),
    ]);
    const [texts, charts, histograms] = readEvents(bytes);
    expect(texts.strings?.['args'].plugin).toBe('text');
    expect(new TextDecoder().decode(texts.strings?.['args'].bytes)).toBe('    {"ü": 1}');
    expect(charts.strings?.['custom_scalars__config__'].plugin).toBe('custom_scalars');
    expect(histograms).toEqual({
      wallTime: 3,
      step: 7,
      scalars: {},
      histograms: {
        'gradients/classifier.weight': { numbers: [-1, 3, 5, 2.5, 11], limits: [0, 1.5, 3], counts: [2, 0, 3] },
      },
    });
  });

  test('one flipped bit is seen by a reader', () => {
    const bytes = encodeScalars([{ tag: 'train/loss', value: 1 }], 1, 1);
    for (const at of [0, 9, 14, bytes.length - 1]) {
      const damaged = bytes.slice();
      damaged[at] ^= 1;
      expect(() => readEvents(damaged)).toThrow(/checksum|record/);
    }
  });
});
