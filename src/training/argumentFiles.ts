import type { Document, ParsedNode } from 'yaml';
import { kindOf, readText } from '#platform/files';
import { ArgumentError, type ErrorPlace } from '../core/errors.ts';

/** Options as a file has them. */
export interface OptionsFile {
  /** By the names in the file. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The file, and the line of an option in it. */
  readonly placeOf: (name: string) => ErrorPlace;
}

/**
 * Reads options from a JSON or YAML file: one object of names and values.
 * @param owner who asks, for errors.
 * @throws ArgumentError that names file and line where there is no such file, it cannot be parsed, or it holds something else.
 */
export async function readOptionsFile(owner: string, path: string): Promise<OptionsFile> {
  const form = /\.json$/i.test(path) ? 'JSON' : /\.ya?ml$/i.test(path) ? 'YAML' : undefined;
  if (form === undefined) {
    throw new ArgumentError('ERR_OPTIONS_FILE', {
      owner,
      what: 'options come from JSON or YAML',
      got: path,
      expected: 'a name that ends in .json, .yaml or .yml',
    });
  }
  if ((await kindOf(path)) !== 'file') {
    throw new ArgumentError('ERR_OPTIONS_FILE', { owner, what: 'there is no such file', file: path });
  }
  const text = await readText(path);
  // Loaded only where it is needed; JSON is YAML too, whose parser knows the lines.
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw unreadable(owner, form, path, broken.message, line);
  }
  if (form === 'JSON') requireJson(owner, path, text);
  const values: unknown = document.toJS();
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new ArgumentError('ERR_OPTIONS_FILE', {
      owner,
      what: 'the file holds no names with values',
      got: Array.isArray(values) ? 'a list' : values,
      expected: 'an object of options',
      file: path,
    });
  }
  const starts = keyPositions(document);
  return {
    values: values as Record<string, unknown>,
    placeOf: (name) => {
      const start = starts.get(name);
      return { file: path, ...(start === undefined ? {} : { row: lines.linePos(start).line }) };
    },
  };
}

/** What YAML takes but JSON does not is refused in a file that is called JSON. */
function requireJson(owner: string, path: string, text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    const at = /position (\d+)/.exec(message)?.[1];
    const line = at === undefined ? undefined : text.slice(0, Number(at)).split('\n').length;
    throw unreadable(owner, 'JSON', path, message, line);
  }
}

function unreadable(
  owner: string,
  form: string,
  file: string,
  message: string,
  row: number | undefined,
): ArgumentError {
  return new ArgumentError('ERR_OPTIONS_FILE', {
    owner,
    what: `the file is no ${form}: ${message.replace(/\s+/g, ' ').replace(/[.:;]+$/, '')}`,
    file,
    row,
  });
}

/** Where each name of the outermost object begins. */
function keyPositions(document: Document.Parsed<ParsedNode>): Map<string, number> {
  const positions = new Map<string, number>();
  const { contents } = document;
  if (contents === null || !('items' in contents)) return positions;
  for (const item of contents.items) {
    if (typeof item !== 'object' || !('key' in item)) continue;
    const { key } = item;
    if (key !== null && 'value' in key && key.range) positions.set(String(key.value), key.range[0]);
  }
  return positions;
}
