import { BertModel, BertTokenizer } from 'fettle';

/** Numbers of an embedding of all-MiniLM-L6-v2. */
export const embeddingWidth = 384;

/**
 * What the teacher says of each text: the mean of its last hidden states over the text's tokens, of length 1 as its
 * authors use it, times √384, so that a number's variance is near 1. One text after the other, `embeddingWidth` each.
 */
export async function embedTexts(teacher: string, texts: readonly string[]): Promise<Float32Array> {
  const model = await BertModel.fromPretrained(teacher);
  const tokenizer = await BertTokenizer.fromPretrained(teacher);
  // Like lengths together, so that a batch has no long one alone.
  const order = texts.map((_, i) => i).sort((a, b) => texts[a].length - texts[b].length || a - b);
  const embeddings = new Float32Array(texts.length * embeddingWidth);
  for (let start = 0; start < order.length; start += 64) {
    const rows = order.slice(start, start + 64);
    const inputs = tokenizer(
      rows.map((row) => texts[row]),
      { truncation: true, maxLength: 96, padding: true },
    );
    const { lastHiddenState } = await model(inputs);
    lastHiddenState.forEach(({ dims: [tokens, width], data }, i) => {
      const sum = new Float64Array(width);
      for (let t = 0; t < tokens; t++) for (let d = 0; d < width; d++) sum[d] += data[t * width + d];
      const norm = Math.hypot(...sum);
      embeddings.set(
        sum.map((value) => (value / norm) * Math.sqrt(width)),
        rows[i] * width,
      );
    });
    if (start % 6400 === 0) console.log(`teacher: ${start} of ${texts.length} texts`);
  }
  await model.dispose();
  return embeddings;
}
