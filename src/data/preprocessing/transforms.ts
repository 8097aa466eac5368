import { moduleUrl } from '#platform/files';
import { ArgumentError, DataError } from '../../core/errors.ts';
import type { Cell, Row } from '../features.ts';
import type { Transform } from '../mapOnWorkers.ts';
import { type CleanTextOptions, cleanText } from './cleanText.ts';
import { fillMissing } from './missing.ts';
import { removeStopWords, type StopWords } from './stopWords.ts';

/** The columns with the texts that a transform changes. */
interface TextColumns {
  readonly texts: string | readonly string[];
}

/** A transform's name and options: plain data, which can go to another thread. */
type Recipe =
  | { readonly name: 'clean'; readonly texts: readonly string[]; readonly options: CleanTextOptions }
  | {
      readonly name: 'removeStopWords';
      readonly texts: readonly string[];
      readonly stopWords: StopWords | readonly string[];
    }
  | { readonly name: 'fillMissing'; readonly columns: readonly string[]; readonly value: Cell };

/**
 * What `map` does by itself, in this thread or, with `numProc`, on workers, with the same results. What shortens texts is not
 * among them: it needs a tokenizer, which stays in its thread.
 *
 * @example
 * const cleaned = await reviews.map(transforms.clean({ texts: 'text', html: true }), { numProc: 2 });
 */
export const transforms = {
  /** {@link cleanText} of columns of texts; missing cells stay so. Throws as `cleanText` does. */
  clean({ texts, ...options }: TextColumns & CleanTextOptions): Transform {
    cleanText('', options);
    return transformOf({ name: 'clean', texts: [texts].flat(), options });
  },
  /** {@link removeStopWords} of columns of texts, with words of `loadStopWords` or of one's own. */
  removeStopWords({
    texts,
    stopWords,
  }: TextColumns & { readonly stopWords: StopWords | readonly string[] }): Transform {
    return transformOf({ name: 'removeStopWords', texts: [texts].flat(), stopWords });
  },
  /** {@link fillMissing}: `value` where a cell of these columns is missing. */
  fillMissing({
    columns,
    value,
  }: {
    readonly columns: string | readonly string[];
    readonly value: Exclude<Cell, null>;
  }): Transform {
    return transformOf({ name: 'fillMissing', columns: [columns].flat(), value });
  },
} as const;

/** A worker loads this very module, so that both threads run the same lines. */
function transformOf(recipe: Recipe): Transform {
  return { module: moduleUrl('data/preprocessing/transforms'), recipe, apply: applyRecipe(recipe) };
}

/**
 * The function of a recipe: what a worker calls, too (the module's default export).
 * @throws DataError ERR_UNKNOWN_COLUMN, ERR_TEXT_COLUMNS, when it is called with a row that does not fit.
 */
export default function applyRecipe(recipe: Recipe): (row: Row) => Row {
  switch (recipe.name) {
    case 'clean':
      return changeTexts('clean', recipe.texts, (text) => cleanText(text, recipe.options));
    case 'removeStopWords':
      return changeTexts('removeStopWords', recipe.texts, (text) => removeStopWords(text, recipe.stopWords));
    case 'fillMissing':
      return (row) => {
        for (const column of recipe.columns) requireColumn('fillMissing', row, column);
        return fillMissing(row, recipe.columns, recipe.value);
      };
    default:
      throw new ArgumentError('ERR_OPTION_VALUE', {
        owner: 'transforms',
        what: 'there is no such transform',
        got: (recipe as Recipe).name,
        expected: Object.keys(transforms).join(', '),
      });
  }
}

function changeTexts(owner: string, columns: readonly string[], change: (text: string) => string): (row: Row) => Row {
  return (row) => {
    const changed: Record<string, Cell> = {};
    for (const column of columns) {
      const cell = requireColumn(owner, row, column);
      if (cell !== null && typeof cell !== 'string') {
        throw new DataError('ERR_TEXT_COLUMNS', {
          owner: `transforms.${owner}`,
          what: 'only texts can be changed so',
          got: cell,
          expected: 'string',
          column,
        });
      }
      changed[column] = cell === null ? null : change(cell);
    }
    return changed;
  };
}

function requireColumn(owner: string, row: Row, column: string): Cell {
  if (Object.hasOwn(row, column)) return row[column];
  throw new DataError('ERR_UNKNOWN_COLUMN', {
    owner: `transforms.${owner}`,
    what: 'there is no such column',
    got: column,
    expected: `one of ${Object.keys(row).join(', ')}`,
  });
}
