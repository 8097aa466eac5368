/** What is asked in one go, and who waits for it. */
interface Entry<Question, Answer> {
  /** Entries of one key can be answered together. */
  readonly key: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly questions: readonly Question[];
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Answers questions in their order, all with the same parameters. */
type Answering<Question, Answer> = (
  questions: readonly Question[],
  parameters: Readonly<Record<string, unknown>>,
) => Promise<readonly Answer[]>;

/**
 * Puts together what is asked at the same time: while one batch is answered, what comes waits and goes together in the
 * next. So a lone request waits for nobody, and many get the throughput of large batches.
 */
export class Batcher<Question, Answer> {
  readonly #answer: Answering<Question, Answer>;
  readonly #most: number;
  #waiting: Entry<Question, Answer>[] = [];
  #busy = false;

  /** @param most questions of a batch at most; one entry that has more is a batch alone. */
  constructor(answer: Answering<Question, Answer>, most: number) {
    this.#answer = answer;
    this.#most = most;
  }

  /**
   * The answers to some questions, in their order.
   * Rejects with the signal's reason where it is aborted before their turn: they are then not answered at all.
   */
  ask(
    questions: readonly Question[],
    parameters: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const forget = () => signal?.removeEventListener('abort', leave);
      const entry: Entry<Question, Answer> = {
        key: JSON.stringify(parameters),
        parameters,
        questions,
        resolve: (answers) => {
          forget();
          resolve(answers);
        },
        reject: (reason) => {
          forget();
          reject(reason);
        },
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((each) => each !== entry);
        entry.reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave);
      this.#waiting.push(entry);
      if (!this.#busy) {
        this.#busy = true;
        // Not at once: requests whose bodies have come in the same turn of the event loop go together.
        setTimeout(() => void this.#work(), 0);
      }
    });
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    while (this.#waiting.length > 0) await this.#answerBatch(this.#takeBatch());
    this.#busy = false;
  }

  /** The entry that waits longest, and those that can go with it. */
  #takeBatch(): Entry<Question, Answer>[] {
    const [{ key }] = this.#waiting;
    const taken: Entry<Question, Answer>[] = [];
    const left: Entry<Question, Answer>[] = [];
    let count = 0;
    for (const entry of this.#waiting) {
      const fits = entry.key === key && (taken.length === 0 || count + entry.questions.length <= this.#most);
      (fits ? taken : left).push(entry);
      if (fits) count += entry.questions.length;
    }
    this.#waiting = left;
    return taken;
  }

  async #answerBatch(batch: readonly Entry<Question, Answer>[]): Promise<void> {
    const questions = batch.flatMap((entry) => entry.questions);
    try {
      const answers = await this.#answer(questions, batch[0].parameters);
      let at = 0;
      for (const entry of batch) {
        entry.resolve(answers.slice(at, at + entry.questions.length));
        at += entry.questions.length;
      }
    } catch (error) {
      // One request's bad text is not the others' fault: each is asked alone.
      if (batch.length === 1) batch[0].reject(error);
      else for (const entry of batch) await this.#answerBatch([entry]);
    }
  }
}
