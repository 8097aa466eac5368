/**
 * A head and a loss of one's own on BERT: the mean of a text's hidden states, and an ordinal regression, for labels that
 * have an order (one to four stars; Cao et al. 2020, "Rank consistent ordinal regression"). Checks itself: the gradient that
 * `differentiate` makes against finite differences.
 *
 *   npm run build && npx tsx examples/custom-head.ts
 */
import { Bert, bertConfig } from 'fettle';
import * as nn from 'fettle/nn';

const config = bertConfig({
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 16,
});
const stars = 4;

/** One score a text; `stars − 1` thresholds say which labels it is above. */
class OrdinalRegression extends nn.Module<(batch: nn.BatchLayout) => nn.Value> {
  readonly bert = new Bert(config, { pooler: false });
  readonly dropout = new nn.Dropout(config.hiddenDropoutProb);
  readonly score = new nn.Linear(config.hiddenSize, 1);
  readonly thresholds = new nn.Parameter([stars - 1], nn.constantInitializer(0));

  /** The logits of "more than 1, 2, … stars", `[sequences, stars − 1]`. */
  forward(batch: nn.BatchLayout): nn.Value {
    const { graph } = batch;
    const hidden = this.dropout(this.bert(batch)); // [tokens, hiddenSize], without padding
    const share = graph.input('token_share', 'float32', ['tokens', 1]); // 1 / the text's length; 0 for filler rows
    const text = graph.input('text_of_token', 'int64', ['tokens']);
    const means = nn.scatterAddRows(text, nn.mul(hidden, share), { rows: 'sequences' });
    return nn.sub(this.score(means), this.thresholds);
  }
}

const model = new OrdinalRegression();
const parameters = [...nn.nameParameters(model).values()];
const graph = new nn.Graph(); // without dropout; { training: true } puts its masks among the inputs
const logits = model(new nn.BatchLayout(graph));
const above = graph.input('above', 'float32', ['sequences', stars - 1]);
const loss = nn.mul(nn.sum(nn.binaryCrossEntropyWithLogits(logits, above)), graph.input('loss_scale', 'float32', []));
const gradients = nn.differentiate(
  loss,
  parameters.map((parameter) => graph.parameter(parameter)),
);

const texts = [
  [2, 7, 9, 3],
  [2, 5, 3],
  [2, 11, 12, 13, 14, 3],
].map((ids) => ({ ids }));
const labels = [0, 3, 2];
const batch = nn.packBatch(texts);
const { sample } = batch.places['tokens'];
const given: Record<string, nn.NdArray> = {
  token_share: nn.ndarray([sample.length, 1], (row) => (row < batch.tokens ? 1 / texts[sample[row]].ids.length : 0)),
  text_of_token: nn.ndarray([sample.length], sample),
  above: nn.ndarray([texts.length, stars - 1], (i) => Number(labels[Math.floor(i / (stars - 1))] > i % (stars - 1))),
  loss_scale: nn.ndarray([], [1 / texts.length]),
};
for (const [name, { dims, data }] of Object.entries(batch.feeds)) given[name] = nn.ndarray(dims, data);
const feeds = new Map<nn.Value, nn.NdArray>();
for (const [name, value] of graph.inputs) feeds.set(value, given[name]);
for (const [i, value] of [...graph.parameters.values()].entries()) {
  feeds.set(
    value,
    nn.ndarray(value.shape as number[], (k) => Math.sin(1 + 12.9898 * k + i) / 2),
  );
}

const step = 1e-5;
let worst = 0;
for (const [i, parameter] of parameters.entries()) {
  const value = graph.parameter(parameter);
  const gradient = gradients[i];
  if (gradient === undefined) throw new Error(`${parameter.name} has no gradient`);
  const [{ data }] = nn.interpret(graph, [gradient], feeds);
  const at = feeds.get(value)!;
  const lossAt = (k: number, shift: number) => {
    const moved = nn.ndarray(at.shape, (j) => at.data[j] + (j === k ? shift : 0));
    return nn.interpret(graph, [loss], new Map(feeds).set(value, moved))[0].data[0];
  };
  for (let k = 0; k < data.length; k += Math.ceil(data.length / 5)) {
    const expected = (lossAt(k, step) - lossAt(k, -step)) / (2 * step);
    worst = Math.max(worst, Math.abs(data[k] - expected) / Math.max(1e-3, Math.abs(expected)));
  }
}
console.log(
  `loss ${nn.interpret(graph, [loss], feeds)[0].data[0].toFixed(6)}; ${nn.toOnnx(graph, { loss }).length} bytes of ONNX`,
);
console.log(`${parameters.length} parameters: gradients within ${worst.toExponential(1)} of finite differences`);
// NaN would pass a test of "worst > 1e-6".
if (!(worst < 1e-6)) {
  console.error('that is not within 1e-6');
  process.exitCode = 1;
}
