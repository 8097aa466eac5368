import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FettleError } from '../../core/errors.ts';
import { configureLog } from '../../core/log.ts';
import { classLabel } from '../features.ts';
import { type CsvOptions, parseCsv } from './csv.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string, options?: CsvOptions) => parseCsv(bytes(text), 'x.csv', options);

function failure(run: () => unknown): FettleError {
  try {
    run();
  } catch (error) {
    if (error instanceof FettleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function saidBy(run: () => unknown): string[] {
  const said: string[] = [];
  const restore = configureLog({ sink: (_, message) => said.push(message) });
  try {
    run();
  } finally {
    restore();
  }
  return said;
}

describe('cells', () => {
  test('quoting, any line end, a byte order mark', () => {
    const dataset = read('\ufefftext,label\r\n"a, ""b""\r\nc",x\nplain,y\rlast,z');
    expect(dataset.toJSON()).toEqual([
      { text: 'a, "b"\r\nc', label: 'x' },
      { text: 'plain', label: 'y' },
      { text: 'last', label: 'z' },
    ]);
  });

  test('other delimiters, quotes as plain characters, given names', () => {
    expect(read('1;"a', { delimiter: ';', quote: null, columnNames: ['y', 't'] }).toJSON()).toEqual([
      { y: 1, t: '"a' },
    ]);
    expect(read("t\n'a,b'", { quote: "'" }).toJSON()).toEqual([{ t: 'a,b' }]);
    expect(read('a,b\n1,2', { columnNames: ['c', 'd'], header: true }).toJSON()).toEqual([{ c: 1, d: 2 }]);
  });

  test('an empty cell is missing, quoted or not; NA is a text unless told', () => {
    expect(read('a,b\n,""\nNA,x').toJSON()).toEqual([
      { a: null, b: null },
      { a: 'NA', b: 'x' },
    ]);
    expect(
      read('a\nNA\n3', { missingValues: ['NA'] })
        .column('a')
        .toArray(),
    ).toEqual([null, 3]);
  });

  test('blank lines between rows are skipped, and said', () => {
    const said = saidBy(() => expect(read('a,b\n\n1,2\n\n').length).toBe(1));
    expect(said.join()).toContain('1 blank line(s)');
  });

  test('what any cells say, written as RFC 4180 has it, comes back', () => {
    const cell = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''));
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), fc.constantFrom('\n', '\r\n'), (rows, end) => {
        const file = [['p', 'q'], ...rows].map((cells) => cells.map(quoted).join(',')).join(end);
        const dataset = read(file, { features: { p: 'string', q: 'string' } });
        expect([...dataset].map(({ p, q }) => [p ?? '', q ?? ''])).toEqual(rows);
      }),
    );
  });

  test('another encoding', () => {
    const latin = Uint8Array.from([...bytes('t\ncaf'), 0xe9]);
    expect(parseCsv(latin, 'x.csv', { encoding: 'windows-1252' }).row(0)).toEqual({ t: 'café' });
    expect(failure(() => parseCsv(latin, 'x.csv', { encoding: 'klingon' })).code).toBe('ERR_UNKNOWN_ENCODING');
  });
});

describe('types', () => {
  const typeOf = (...cells: string[]) => read(['v,w', ...cells.map((cell) => `${cell},x`)].join('\n')).features['v'];

  test('the first that fits all cells', () => {
    expect(typeOf('1', '-2', '', '0')).toBe('int64');
    expect(typeOf('1', '0.5', '1e-3', '.5')).toBe('float64');
    expect(typeOf('true', '', 'False')).toBe('bool');
    expect(typeOf('1', 'x')).toBe('string');
    expect(typeOf('true', '1')).toBe('string');
    expect(typeOf('', '')).toBe('string');
  });

  test('nothing is lost: leading zeros, numbers too large and words like inf stay text', () => {
    expect(typeOf('007')).toBe('string');
    expect(typeOf('9007199254740993')).toBe('string');
    expect(typeOf('Infinity')).toBe('string');
    expect(typeOf('0x10')).toBe('string');
    expect(typeOf(' 1')).toBe('string');
    expect(typeOf('-0')).toBe('float64');
  });

  test('a numeric column keeps its missing cells', () => {
    expect(read('v,w\n1,x\n,y\n3,z').column('v').toArray()).toEqual([1, null, 3]);
  });

  test('given features rule, and a cell that does not fit has file, line and column', () => {
    const features = { y: classLabel(['neg', 'pos']), id: 'string' } as const;
    expect(read('y,id\npos,1', { features }).toJSON()).toEqual([{ y: 1, id: '1' }]);
    const error = failure(() => read('y,id\npos,"1\n"\npod,2', { features }));
    expect(error).toMatchObject({ code: 'ERR_CAST', file: 'x.csv', row: 4, column: 'y' });
    expect(failure(() => read('y\npos', { features: { yy: 'string' } })).message).toContain("did you mean 'y'?");
  });
});

describe('bad files', () => {
  test.each([
    ['ragged, too few', 'a,b\n1,2\n\n3\n', { code: 'ERR_RAGGED_ROW', row: 4, column: 'b' }],
    ['ragged, too many', 'a,b\n"x\r\ny",2\r\n3,4,5', { code: 'ERR_RAGGED_ROW', row: 4 }],
    ['unclosed quote', 'a,b\n1,2\n3,"4\n5,6\n', { code: 'ERR_UNCLOSED_QUOTE', row: 3, column: '2' }],
    ['text after a quote', 'a,b\n1,"2"x\n', { code: 'ERR_QUOTE', row: 2, column: '2' }],
    ['a quote inside a cell', 'a,b\n1,2"x\n', { code: 'ERR_QUOTE', row: 2, column: '2' }],
    ['empty', '', { code: 'ERR_EMPTY_FILE' }],
    ['a byte order mark alone', '\ufeff', { code: 'ERR_EMPTY_FILE' }],
    ['header alone', 'a,b\n', { code: 'ERR_HEADER_ALONE' }],
    ['one name twice', 'a,a\n1,2', { code: 'ERR_DUPLICATE_COLUMN', row: 1 }],
    ['NUL', 'a\nb\nc\0', { code: 'ERR_NUL_BYTE', row: 3 }],
  ])('%s', (_, text, expected) => {
    expect(failure(() => read(text))).toMatchObject({ file: 'x.csv', ...expected });
  });

  test('invalid UTF-8 names the line; UTF-16 is recognised', () => {
    const cut = Uint8Array.from([...bytes('a\nb\n'), 0xe2, 0x82, 10]);
    expect(failure(() => parseCsv(cut, 'x.csv'))).toMatchObject({ code: 'ERR_ENCODING', row: 3 });
    expect(failure(() => parseCsv(Uint8Array.from([0xff, 0xfe, 97, 0]), 'x.csv')).message).toContain('utf-16le');
  });

  test('options that cannot be', () => {
    expect(failure(() => read('1,2', { header: false })).code).toBe('ERR_NO_COLUMN_NAMES');
    expect(failure(() => read('a,b\n1,2', { header: true, columnNames: ['x'] })).code).toBe('ERR_COLUMN_NAMES');
  });

  test('a first row of data taken as the header is said', () => {
    expect(saidBy(() => read('3,good\n1,bad')).join()).toContain('if the file has no header, give columnNames');
    expect(saidBy(() => read(',t\n0,x')).join()).toContain('column1');
  });

  test('damage gives an error of ours or a data set, never anything else', () => {
    const good = bytes('id,text,label\n1,"a, ""b""\r\nc",pos\r\n2,é😀,neg\n\n3,,pos\n');
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.boolean()), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(damage, fc.nat(good.length), (changes, cut) => {
        const file = good.slice(0, cut);
        for (const [at, byte, structural] of changes) {
          if (at < file.length) file[at] = structural ? '",\n\r\t'.charCodeAt(byte % 5) : byte;
        }
        saidBy(() => {
          try {
            expect(parseCsv(file, 'x.csv').length).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toBeInstanceOf(FettleError);
          }
        });
      }),
      { numRuns: 2000 },
    );
  });
});
