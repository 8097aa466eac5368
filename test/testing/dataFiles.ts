import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';

/** A small good file of each format that is read, by name. */
export function goodFiles(): ReadonlyMap<string, Uint8Array> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const rows = Array.from({ length: 12 }, (_, id) => ({
    id,
    text: `row ${id}, "é😀"\nsecond line`,
    tags: ['a', `b${id}`],
  }));
  const csv = `id,text,score\n${rows.map(({ id, text }) => `${id},"${text.replaceAll('"', '""')}",${id / 4}`).join('\r\n')}\n`;
  const jsonLines = `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
  const parquet = (codec: 'SNAPPY' | 'UNCOMPRESSED') =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'id', data: rows.map(({ id }) => id), type: 'INT32' },
          { name: 'text', data: rows.map(({ text }) => text), type: 'STRING' },
          { name: 'score', data: rows.map(({ id }) => (id % 3 === 0 ? null : id / 4)), type: 'DOUBLE' },
        ],
        codec,
        rowGroupSize: 5,
      }),
    );
  const json = bytes(JSON.stringify({ version: '1', data: rows }));
  const squad = {
    version: '1.1',
    data: [
      {
        title: 'T',
        paragraphs: [
          { context: 'A b c.', qas: [{ id: 'q', question: 'b?', answers: [{ text: 'b', answer_start: 2 }] }] },
        ],
      },
    ],
  };
  return new Map([
    ['x.csv', bytes(csv)],
    ['x.tsv', bytes(rows.map(({ id }) => `${id}\tplain "text" ${id}`).join('\n'))],
    ['x.jsonl', bytes(jsonLines)],
    ['x.json', json],
    ['squad.json', bytes(JSON.stringify(squad))],
    ['x.txt', bytes(rows.map(({ text }) => text).join('\n\n'))],
    ['x.conll', bytes('Mark B-PER\nate O\n\nParis B-LOC\n. O\n')],
    ['x.parquet', parquet('UNCOMPRESSED')],
    ['y.parquet', parquet('SNAPPY')],
    ['x.csv.gz', gzipSync(csv)],
    ['x.jsonl.gz', gzipSync(jsonLines)],
  ]);
}
