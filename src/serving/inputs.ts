import { readParameters, unknownName } from './parameters.ts';
import { kindOfValue, Refusal } from './refusal.ts';
import type { Service } from './services.ts';

/** How much one request may ask. */
export interface InputLimits {
  readonly maxTexts: number;
  readonly maxCharacters: number;
}

/** What a request asks. */
export interface Asked {
  readonly questions: readonly unknown[];
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether `inputs` was no list: then the answer is none either. */
  readonly single: boolean;
}

/** Keys of a body that are one input by themselves: `{"text": …}` is `{"inputs": …}`. */
const inputKeys = ['text', 'textPair', 'text_pair', 'question', 'context'];
const keys = ['inputs', 'parameters', 'text', 'textPair', 'question', 'context'];

/**
 * What a body asks: `{"inputs": one or a list, "parameters": {…}}`, as Hugging Face's Inference API takes it, or the
 * parts of one input at the top. `options`, which speaks of that service's caches, is taken and means nothing here.
 * @throws Refusal 422 that names what is wrong, and which input it stands in, counted from 1.
 */
export function readInputs(body: Readonly<Record<string, unknown>>, service: Service, limits: InputLimits): Asked {
  for (const key of Object.keys(body)) {
    if (key !== 'inputs' && key !== 'parameters' && key !== 'options' && !inputKeys.includes(key))
      throw unknownName('key', key, keys);
  }
  const loose = inputKeys.filter((key) => body[key] !== undefined);
  if (body['inputs'] === undefined && loose.length === 0) {
    throw new Refusal(422, 'ERR_INPUTS', {
      what: 'there are no inputs',
      expected: JSON.stringify({ inputs: service.example }),
    });
  }
  if (body['inputs'] !== undefined && loose.length > 0) {
    throw new Refusal(422, 'ERR_INPUTS', {
      what: `'inputs' and '${loose[0]}' both say what is asked`,
      hint: 'send one of them',
    });
  }
  const inputs = body['inputs'] ?? (loose.join() === 'text' ? body['text'] : pick(body, loose));
  const single = !Array.isArray(inputs);
  const list: readonly unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  if (list.length > limits.maxTexts) {
    throw new Refusal(422, 'ERR_TOO_MANY_TEXTS', {
      what: 'there are too many inputs',
      got: list.length,
      expected: `at most ${limits.maxTexts}`,
      hint: 'send them in several requests',
    });
  }
  const questions = list.map((input, i) => service.read(input, single ? undefined : i + 1));
  questions.forEach((question, i) => {
    for (const text of service.textsOf(question as never)) {
      if (text.length <= limits.maxCharacters) continue;
      throw new Refusal(422, 'ERR_TEXT_TOO_LONG', {
        what: 'a text is too long',
        got: `${text.length} characters`,
        expected: `at most ${limits.maxCharacters}`,
        row: single ? undefined : i + 1,
      });
    }
  });
  return { questions, parameters: readParameters(service.parameters, body['parameters']), single };
}

/** @throws Refusal 422 for what is no string. @param key where it stood. */
export function requireText(value: unknown, place: number | undefined, key?: string): string {
  if (typeof value === 'string') return value;
  const where = key === undefined ? 'an input' : `'${key}' of an input`;
  throw new Refusal(422, 'ERR_INPUTS', {
    what: value === undefined ? `${where} is missing` : `${where} is ${kindOfValue(value)}`,
    expected: 'a string',
    row: place,
  });
}

function pick(body: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, body[name]]));
}
