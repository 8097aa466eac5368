// transformers.js as a contender: answers requests, one JSON object a line (as python/protocol.py does). A process of its own:
// its ONNX Runtime must not be loaded beside ours. FETTLE_TRANSFORMERS_JS names the node_modules that has it.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const entry = `${process.env.FETTLE_TRANSFORMERS_JS}/@huggingface/transformers/dist/transformers.node.mjs`;
const { AutoModelForSequenceClassification, Tensor, env } = await import(pathToFileURL(entry).href);
Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, useBrowserCache: false, useFSCache: false });
let model;

const handlers = {
  async load({ directory, name, threads }) {
    env.localModelPath = directory;
    const session_options = { intraOpNumThreads: threads };
    model = await AutoModelForSequenceClassification.from_pretrained(name, { dtype: 'fp32', session_options });
    return { version: env.version };
  },
  /** Padded to the longest row, as its tokenizer pads. */
  async infer({ batch: { inputIds, tokenTypeIds } }) {
    const longest = Math.max(...inputIds.map((ids) => ids.length));
    const integers = (rows, fill) =>
      new Tensor(
        'int64',
        BigInt64Array.from(
          rows.flatMap((row) => Array.from({ length: longest }, (_, i) => row[i] ?? fill)),
          BigInt,
        ),
        [rows.length, longest],
      );
    const inputs = {
      input_ids: integers(inputIds, 0),
      attention_mask: integers(
        inputIds.map((ids) => ids.map(() => 1)),
        0,
      ),
      token_type_ids: integers(tokenTypeIds, 0),
    };
    const start = performance.now();
    const { logits } = await model(inputs);
    const milliseconds = performance.now() - start;
    return { milliseconds, logits: logits.tolist() };
  },
};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  try {
    say({ result: await handlers[op](request) });
  } catch (error) {
    say({ error: error.stack });
  }
}
