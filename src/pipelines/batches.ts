/** Inputs that are read from a stream before they are answered together. */
const streamedAtOnce = 256;

/** A row for a model. */
interface Row {
  readonly ids: ArrayLike<number>;
}

/**
 * Answers rows in batches of like lengths, so that no short one waits for a long one's padding, and gives the answers in
 * the order of the rows.
 * @param size rows of a batch at most.
 */
export async function inBatches<R extends Row, Answer>(
  rows: readonly R[],
  size: number,
  answer: (rows: readonly R[]) => Promise<readonly Answer[]>,
): Promise<Answer[]> {
  const order = rows.map((_, i) => i).sort((a, b) => rows[a].ids.length - rows[b].ids.length || a - b);
  const answers = new Array<Answer>(rows.length);
  for (let start = 0; start < order.length; start += size) {
    const places = order.slice(start, start + size);
    const given = await answer(places.map((place) => rows[place]));
    places.forEach((place, i) => {
      answers[place] = given[i];
    });
  }
  return answers;
}

/** Answers a stream as it comes: some hundred inputs are read, answered together, and given out in their order. */
export async function* inOrder<Input, Answer>(
  inputs: AsyncIterable<Input>,
  answerAll: (inputs: readonly Input[]) => Promise<readonly Answer[]>,
): AsyncGenerator<Answer> {
  let waiting: Input[] = [];
  for await (const input of inputs) {
    waiting.push(input);
    if (waiting.length < streamedAtOnce) continue;
    yield* await answerAll(waiting);
    waiting = [];
  }
  if (waiting.length > 0) yield* await answerAll(waiting);
}

/** Whether a value is a stream. */
export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Answers what came in its own form: one text, several, or a stream of them. */
export function inForm<Answer>(
  inputs: string | readonly string[] | AsyncIterable<string>,
  answerAll: (texts: readonly string[]) => Promise<Answer[]>,
): Promise<Answer | Answer[]> | AsyncGenerator<Answer> {
  if (isStream(inputs)) return inOrder(inputs as AsyncIterable<string>, answerAll);
  if (typeof inputs === 'string') return answerAll([inputs]).then(([answer]) => answer);
  return answerAll(inputs as readonly string[]);
}
