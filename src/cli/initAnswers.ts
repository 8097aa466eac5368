import { ArgumentError } from '../core/errors.ts';

/** A question of `fettle init`, and the flag that answers it. */
export interface Question<T> {
  readonly flag: string;
  readonly message: string;
  /** What is meant where nobody is asked; undefined: it has to be said. */
  readonly fallback?: T | undefined;
}

/** Answers questions: a person at a terminal, or the defaults. */
export interface Answers {
  /** @param check what is wrong with an answer; undefined where nothing is. */
  text(question: Question<string>, check?: (answer: string) => string | undefined): Promise<string>;
  choose(
    question: Question<string>,
    options: readonly { readonly value: string; readonly hint?: string }[],
  ): Promise<string>;
  confirm(question: Question<boolean>): Promise<boolean>;
  /** Something that was found. */
  say(message: string): void;
  /** Something that is wrong with an answer, before it is asked for again. Where nobody can be asked it is thrown. */
  refuse(error: Error): void;
}

/** Thrown where a person ends the questions. */
export class Cancelled extends Error {}

/** Streams to ask on; the process's own by default. */
export type PromptStreams = Pick<Parameters<typeof import('@clack/prompts').text>[0], 'input' | 'output'>;

/** Asks a person. */
export async function askingPerson(streams: PromptStreams = {}): Promise<Answers> {
  const { confirm, isCancel, log, select, text } = await import('@clack/prompts');
  const taken = <T>(answer: T): Exclude<T, symbol> => {
    if (isCancel(answer)) throw new Cancelled();
    return answer as Exclude<T, symbol>;
  };
  return {
    text: async ({ message, fallback }, check) =>
      taken(
        await text({
          message,
          ...(fallback === undefined ? {} : { initialValue: fallback }),
          validate: (answer) => ((answer ?? '').trim() === '' ? 'An answer, please.' : check?.((answer ?? '').trim())),
          ...streams,
        }),
      ).trim(),
    choose: async ({ message, fallback }, options) =>
      taken(
        await select({
          message,
          options: options.map(({ value, hint }) => ({ value, ...(hint === undefined ? {} : { hint }) })),
          ...(fallback === undefined ? {} : { initialValue: fallback }),
          ...streams,
        }),
      ),
    confirm: async ({ message, fallback = true }) =>
      taken(await confirm({ message, initialValue: fallback, ...streams })),
    say: (message) => log.info(message, streams),
    refuse: (error) => log.error(error.message, streams),
  };
}

/** Takes the defaults. */
export function takingDefaults(say: (message: string) => void): Answers {
  const take = async <T>({ flag, message, fallback }: Question<T>): Promise<T> => {
    if (fallback !== undefined) {
      say(`by default: ${flag} ${fallback}`);
      return fallback;
    }
    throw new ArgumentError('ERR_NO_ANSWER', {
      owner: 'fettle init',
      what: `nobody is asked, and there is no default for: ${message}`,
      hint: `pass ${flag}`,
    });
  };
  return {
    text: take,
    choose: take,
    confirm: take,
    say,
    refuse: (error) => {
      throw error;
    },
  };
}
