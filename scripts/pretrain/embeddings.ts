import { BertModel, BertTokenizer } from 'fettle';
import { readSafetensorsFile } from '../../src/formats/safetensors.ts';
import { writeSafetensors } from '../../src/formats/safetensors-write.ts';

/** The standard deviation that the numbers get: a little above BERT's 0.02, so that a word outweighs its position. */
const deviation = 0.03;

/** The rows of a matrix (row-major, `width` wide) made orthonormal one after the other (modified Gram-Schmidt). */
function orthonormalize(rows: Float64Array[]): void {
  rows.forEach((row, i) => {
    for (const earlier of rows.slice(0, i)) {
      let dot = 0;
      for (let d = 0; d < row.length; d++) dot += row[d] * earlier[d];
      for (let d = 0; d < row.length; d++) row[d] -= dot * earlier[d];
    }
    const norm = Math.hypot(...row);
    for (let d = 0; d < row.length; d++) row[d] /= norm;
  });
}

/** The `count` main directions of vectors about their mean, by orthogonal iteration on their covariance. */
function principalDirections(vectors: readonly Float32Array[], mean: Float64Array, count: number): Float64Array[] {
  const width = mean.length;
  const covariance = Array.from({ length: width }, () => new Float64Array(width));
  for (const vector of vectors)
    for (let i = 0; i < width; i++)
      for (let j = 0; j < width; j++) covariance[i][j] += (vector[i] - mean[i]) * (vector[j] - mean[j]);
  let directions = Array.from({ length: count }, (_, i) => Float64Array.from(covariance[i]));
  for (let iteration = 0; iteration < 30; iteration++) {
    orthonormalize(directions);
    directions = directions.map((row) =>
      Float64Array.from(covariance, (line) => line.reduce((sum, value, d) => sum + value * row[d], 0)),
    );
  }
  orthonormalize(directions);
  return directions;
}

/**
 * Gives the model in a folder the teacher's knowledge of words to begin with: a word piece gets the mean of the teacher's
 * embeddings of it, in the `width` directions in which these differ most (principal component analysis). What a word
 * means is then known before the first step; how words make a sentence is not.
 */
export async function takeWordEmbeddings(folder: string, teacher: string): Promise<void> {
  const [model, theirs, ours] = [
    await BertModel.fromPretrained(teacher),
    await BertTokenizer.fromPretrained(teacher),
    await BertTokenizer.fromPretrained(folder),
  ];
  const name = [...model.parameters.keys()].find((key) => key.endsWith('word_embeddings.weight')) as string;
  const { data, dims } = model.weight(name);
  await model.dispose();
  const [, from] = dims;
  const pieces = [...ours.vocab].map(([piece]) => {
    const ids = theirs.convertTokensToIds(
      theirs.vocab.has(piece) ? [piece] : theirs.tokenize(piece.replace(/^##/, '')),
    );
    const mean = new Float32Array(from);
    for (const id of ids) for (let d = 0; d < from; d++) mean[d] += data[id * from + d] / ids.length;
    return mean;
  });
  const mean = new Float64Array(from);
  for (const piece of pieces) for (let d = 0; d < from; d++) mean[d] += piece[d] / pieces.length;

  const file = `${folder}/model.safetensors`;
  const weights = await readSafetensorsFile(file);
  const tensors = [...weights.tensors].map(([key, { shape }]) => ({
    name: key,
    dtype: 'F32' as const,
    shape,
    data: Float32Array.from(weights.toFloat32(key)),
  }));
  const target = tensors.find((tensor) => tensor.name.endsWith('word_embeddings.weight')) as (typeof tensors)[number];
  const width = target.shape[1];
  const directions = principalDirections(pieces, mean, width);
  let squares = 0;
  [...ours.vocab.values()].forEach((id, piece) => {
    directions.forEach((direction, k) => {
      const value = direction.reduce((sum, part, d) => sum + part * (pieces[piece][d] - mean[d]), 0);
      target.data[id * width + k] = value;
      squares += value * value;
    });
  });
  const scale = deviation / Math.sqrt(squares / target.data.length);
  for (let i = 0; i < target.data.length; i++) target.data[i] *= scale;
  await writeSafetensors(file, tensors);
}
