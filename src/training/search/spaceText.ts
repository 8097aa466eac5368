import { ArgumentError, didYouMean } from '../../core/errors.ts';
import { choice, type Distribution, integer, logInteger, logUniform, type ParameterValue, uniform } from './space.ts';

/** The words for a distribution, and what each makes of its numbers; `choice` takes any words. */
const numeric: Readonly<Record<string, (...numbers: number[]) => Distribution>> = {
  uniform: (low, high) => uniform(low, high),
  loguniform: (low, high) => logUniform(low, high),
  int: (low, high, step) => integer(low, high, { step }),
  logint: (low, high) => logInteger(low, high),
};
/** Other spellings. */
const spellings: Readonly<Record<string, string>> = {
  integer: 'int',
  loginteger: 'logint',
  randint: 'int',
  categorical: 'choice',
};

/**
 * A hyperparameter's name and distribution from a text: `learning_rate=loguniform(1e-5,1e-4)`. The words are `choice(8,16)`,
 * `uniform(low,high)`, `loguniform(low,high)`, `int(low,high)`, `int(low,high,step)` and `logint(low,high)`.
 * @throws ArgumentError that says what is wrong.
 */
export function parseSpace(owner: string, text: string): readonly [name: string, distribution: Distribution] {
  const parts = /^\s*([\w-]+)\s*[=:]\s*([\w-]+)\s*\(([^()]*)\)\s*$/.exec(text);
  const fault = (what: string, hint?: string) =>
    new ArgumentError('ERR_SEARCH_SPACE', {
      owner,
      what,
      got: text,
      expected: 'name=choice(8,16), uniform(0,0.3), loguniform(1e-5,1e-4), int(1,5) or logint(1,64)',
      hint,
    });
  if (parts === null)
    throw fault('this is no part of a search space', 'quote it, since a shell reads parentheses itself');
  const [, name, word, inside] = parts;
  const plain = word.toLowerCase().replace(/[-_]/g, '');
  const kind = spellings[plain] ?? plain;
  const words = inside.split(',').map((each) => each.trim());
  if (kind === 'choice') return [name, choice(words.map(readWord))];
  if (!Object.hasOwn(numeric, kind)) {
    const near = didYouMean(kind, ['choice', ...Object.keys(numeric)]);
    throw fault(`there is no distribution '${word}'`, near === undefined ? undefined : `did you mean '${near}'?`);
  }
  const numbers = words.map((each) => (each === '' ? Number.NaN : Number(each)));
  const most = kind === 'int' ? 3 : 2;
  if (numbers.some(Number.isNaN) || numbers.length < 2 || numbers.length > most)
    throw fault(`${word} takes ${most === 3 ? 'two or three' : 'two'} numbers`);
  return [name, numeric[kind](...numbers)];
}

/** A number, a boolean, or a text, which may stand in quotes. */
function readWord(word: string): ParameterValue {
  const quoted = /^(["'])(.*)\1$/.exec(word);
  if (quoted !== null) return quoted[2];
  if (/^(true|false)$/i.test(word)) return word.toLowerCase() === 'true';
  return word !== '' && Number.isFinite(Number(word)) ? Number(word) : word;
}
