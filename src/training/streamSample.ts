import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Cell, Dataset, type IterableDataset, type Row } from '../data/index.ts';

/** Rows of the beginning that are always taken. */
export const firstRows = 1000;
/** A column with more different values than this holds texts, not labels. */
const mostValues = 1000;
/** A longer string is no label. */
const longestValue = 64;

/**
 * The rows of a stream from which a task learns what there is to learn before training, such as the names of labels: the
 * first thousand, and every later row that shows a value which its column had not shown before, in columns of few values.
 * So memory is bounded, and of a stream sorted by its labels none is missed.
 * @param mostRows rows that are looked at; where there are more, that is said.
 * @throws DataError where there are no rows.
 */
export async function sampleStream(dataset: IterableDataset, mostRows: number): Promise<Dataset> {
  const kept: Row[] = [];
  const seen = new Map<string, Set<string>>();
  let rows = 0;
  for await (const row of dataset.withInfo({})) {
    if (rows === mostRows) {
      log.info(
        `labels: from the first ${rows} rows of the stream, where the model does not name them; later rows with others would be an error (castColumn with classLabel([…]) names all)`,
      );
      break;
    }
    rows++;
    const isNew = showsNew(row, seen);
    if (isNew || rows <= firstRows) kept.push(row);
  }
  if (rows === 0) throw new DataError('ERR_NO_ROWS', { owner: 'Trainer', what: 'the stream has no rows' });
  const { features = {}, info } = dataset;
  return Dataset.fromRows(kept, { features, info });
}

/** Whether a row has a value that its column has not shown; what it has is noted. */
function showsNew(row: Row, seen: Map<string, Set<string>>): boolean {
  let found = false;
  const look = (path: string, cell: Cell): void => {
    if (cell !== null && typeof cell === 'object') {
      const parts = Array.isArray(cell) ? cell.map((each: Cell) => [path, each] as const) : Object.entries(cell);
      // No answer in a list of answers is something to be seen, too.
      if (parts.length === 0) note(path, '[]');
      for (const [name, part] of parts) look(Array.isArray(cell) ? path : `${path}.${name}`, part);
    } else if (typeof cell !== 'string' || cell.length <= longestValue) note(path, `${typeof cell} ${cell}`);
  };
  const note = (path: string, value: string): void => {
    const values = seen.get(path) ?? new Set();
    seen.set(path, values);
    if (values.size > mostValues || values.has(value)) return;
    values.add(value);
    found = true;
  };
  for (const [column, cell] of Object.entries(row)) look(column, cell);
  return found;
}
