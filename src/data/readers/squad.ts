import { DataError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { columnsOfRows } from '../columnsOfRows.ts';
import { Dataset } from '../dataset.ts';
import { type Features, listOf, type Row, structOf } from '../features.ts';
import { decodeFile } from './text.ts';

const owner = 'loadDataset';

/** The columns of Hugging Face's `squad` and `squad_v2`. */
const features: Features = {
  id: 'string',
  title: 'string',
  context: 'string',
  question: 'string',
  answers: structOf({ text: listOf('string'), answer_start: listOf('int64') }),
};

/**
 * Reads a JSON file of SQuAD's form ({@link squadDataset}).
 * @throws DataError ERR_JSON, ERR_ENCODING, and ERR_FORMAT where the JSON is of another form.
 */
export function parseSquad(bytes: Uint8Array, file: string, options: { readonly encoding?: string } = {}): Dataset {
  const text = decodeFile(owner, file, bytes, options.encoding);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8').decode(text));
  } catch (cause) {
    throw new DataError('ERR_JSON', { owner, what: 'the file is not JSON', file, cause });
  }
  if (isSquad(json)) return squadDataset(json, file);
  throw new DataError('ERR_FORMAT', {
    owner,
    what: 'JSON files are read where they have the form of SQuAD’s',
    expected: '{ data: [{ paragraphs: […] }] }',
    file,
    hint: 'write one object a line, and name the file .jsonl',
  });
}

/** Whether the content of a JSON file has SQuAD's form: `{ data: [{ paragraphs: [{ context, qas }] }] }`. */
export function isSquad(json: unknown): boolean {
  const [article] = listIn(json, 'data') ?? [];
  return listIn(article, 'paragraphs') !== undefined;
}

/**
 * Makes of SQuAD's nested form (1.1 or 2.0) a row a question, with the columns of Hugging Face's data sets: `id`, `title`,
 * `context`, `question`, `answers: { text: [...], answer_start: [...] }`. Starts are counted in code points, as in the file. A
 * question without an answer has empty lists. Files without answers, as of hidden test sets, give no column of that name.
 *
 * @param json the content of the file, parsed.
 * @param file the name that messages show.
 * @throws DataError ERR_SQUAD where something is missing or of another kind, with its place in the file; ERR_EMPTY_FILE.
 */
export function squadDataset(json: unknown, file: string): Dataset {
  const state = { answers: false, plausible: 0, rows: 0 };
  const row = (place: string) => ({ owner, file, column: place, row: () => state.rows + 1 });
  const columns = columnsOfRows(rowsOf(json, file, state), row, features);
  if (state.rows === 0) throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file holds no questions', file });
  if (!state.answers) columns.delete('answers');
  if (state.plausible > 0)
    log.info(`[${owner}] ${file}: the plausible answers to ${state.plausible} questions without one are left aside`);
  return new Dataset(columns, { name: file });
}

function* rowsOf(
  json: unknown,
  file: string,
  state: { answers: boolean; plausible: number; rows: number },
): Generator<Row> {
  for (const [article, atArticle] of itemsOf(json, 'data', '', file)) {
    const title = isObject(article) && typeof article['title'] === 'string' ? article['title'] : null;
    for (const [paragraph, atParagraph] of itemsOf(article, 'paragraphs', atArticle, file)) {
      const context = textIn(paragraph, 'context', atParagraph, file);
      for (const [qa, at] of itemsOf(paragraph, 'qas', atParagraph, file)) {
        if (listIn(qa, 'plausible_answers') !== undefined) state.plausible++;
        const answers = answersOf(qa, at, file);
        if (answers !== null) state.answers = true;
        yield { id: idIn(qa, at, file), title, context, question: textIn(qa, 'question', at, file), answers };
        state.rows++;
      }
    }
  }
}

function answersOf(qa: unknown, at: string, file: string) {
  if (!isObject(qa) || qa['answers'] === undefined) return null;
  const text: string[] = [];
  const starts: number[] = [];
  for (const [answer, place] of itemsOf(qa, 'answers', at, file)) {
    text.push(textIn(answer, 'text', place, file));
    const start = isObject(answer) ? answer['answer_start'] : undefined;
    if (typeof start !== 'number' || !Number.isInteger(start))
      throw misshapen(`${place}.answer_start`, start, 'a whole number', file);
    starts.push(start);
  }
  return { text, answer_start: starts };
}

/** An id is a text; a number is taken for one. */
function idIn(qa: unknown, at: string, file: string): string {
  const id = isObject(qa) ? qa['id'] : undefined;
  return typeof id === 'number' ? String(id) : textIn(qa, 'id', at, file);
}

function textIn(value: unknown, key: string, at: string, file: string): string {
  const text = isObject(value) ? value[key] : undefined;
  if (typeof text === 'string') return text;
  throw misshapen(at === '' ? key : `${at}.${key}`, text, 'a text', file);
}

/** The items of a list, each with its place in the file: `data[3].paragraphs[0]`. */
function* itemsOf(value: unknown, key: string, at: string, file: string): Generator<[item: unknown, place: string]> {
  const place = at === '' ? key : `${at}.${key}`;
  const list = listIn(value, key);
  if (list === undefined) throw misshapen(place, isObject(value) ? value[key] : value, 'a list', file);
  for (let i = 0; i < list.length; i++) yield [list[i], `${place}[${i}]`];
}

function listIn(value: unknown, key: string): readonly unknown[] | undefined {
  const list = isObject(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function misshapen(place: string, got: unknown, expected: string, file: string): DataError {
  return new DataError('ERR_SQUAD', {
    owner,
    what: `${place} is ${got === undefined ? 'missing' : 'of another kind'}`,
    got,
    expected,
    file,
    hint: "SQuAD's files are { data: [{ title, paragraphs: [{ context, qas: [{ id, question, answers: [{ text, answer_start }] }] }] }] }",
  });
}
