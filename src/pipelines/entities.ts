/**
 * How tokens become entities (Hugging Face's names): `simple` joins neighbours with one tag; `first`, `average` and `max`
 * first give each word one label: that of its first piece, that of the mean of its pieces' probabilities, or that of its
 * surest piece. `none` leaves tokens alone.
 */
export type AggregationStrategy = 'none' | 'simple' | 'first' | 'average' | 'max';

export const aggregationStrategies: readonly AggregationStrategy[] = ['none', 'simple', 'first', 'average', 'max'];

/** A token with its label. */
export interface TokenEntity {
  readonly entity: string;
  readonly score: number;
  /** The token's number in its row. */
  readonly index: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** Some tokens with one tag. */
export interface EntityGroup {
  readonly entity_group: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** A token of a text with the probabilities of its labels. */
export interface TokenScores {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly scores: readonly number[];
  readonly token: string;
  /** Whether the vocabulary does not know it. */
  readonly unknown: boolean;
}

/** A word or token on its way to an entity. */
interface Labelled {
  readonly entity: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const largest = (values: readonly number[]) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Entities from tokens, as Python's token classification pipeline makes them.
 * @param join makes a word of pieces.
 */
export function aggregate(
  text: string,
  tokens: readonly TokenScores[],
  strategy: AggregationStrategy,
  labels: readonly string[],
  join: (pieces: readonly string[]) => string,
): (TokenEntity | EntityGroup)[] {
  const pieces = tokens.map((token) => {
    const own = text.slice(token.start, token.end);
    // A piece that is longer than what it stands for has '##' before it; a word that is not known is as it was written.
    return {
      ...token,
      word: token.unknown ? own : token.token,
      continues: !token.unknown && [...token.token].length !== [...own].length,
    };
  });
  if (strategy === 'none' || strategy === 'simple') {
    const entities = pieces.map(({ scores, index, word, start, end }) => {
      const label = largest(scores);
      return { entity: labels[label], score: scores[label], index, word, start, end };
    });
    return strategy === 'none' ? entities : grouped(entities, join);
  }
  const words: (typeof pieces)[] = [];
  for (const piece of pieces) {
    if (piece.continues && words.length > 0) words[words.length - 1].push(piece);
    else words.push([piece]);
  }
  return grouped(
    words.map((word) => labelledWord(word, strategy, labels, join)),
    join,
  );
}

function labelledWord(
  pieces: readonly (TokenScores & { readonly word: string })[],
  strategy: 'first' | 'average' | 'max',
  labels: readonly string[],
  join: (pieces: readonly string[]) => string,
): Labelled {
  const highest = (scores: readonly number[]) => Math.max(...scores);
  const surest = pieces.reduce((best, piece) => (highest(piece.scores) > highest(best.scores) ? piece : best));
  const scores =
    strategy === 'first'
      ? pieces[0].scores
      : strategy === 'max'
        ? surest.scores
        : labels.map((_, label) => mean(pieces.map((piece) => piece.scores[label])));
  const label = largest(scores);
  return {
    entity: labels[label],
    score: scores[label],
    word: join(pieces.map(({ word }) => word)),
    start: pieces[0].start,
    end: pieces[pieces.length - 1].end,
  };
}

/** Neighbours with one tag are one entity, unless the second begins with `B-`. */
function grouped(entities: readonly Labelled[], join: (pieces: readonly string[]) => string): EntityGroup[] {
  const groups: Labelled[][] = [];
  for (const entity of entities) {
    const last = groups.at(-1);
    const [begins, tag] = tagOf(entity.entity);
    if (last !== undefined && !begins && tagOf(last[last.length - 1].entity)[1] === tag) last.push(entity);
    else groups.push([entity]);
  }
  return groups.map((group) => ({
    entity_group: group[0].entity.slice(group[0].entity.indexOf('-') + 1),
    score: mean(group.map(({ score }) => score)),
    word: join(group.map(({ word }) => word)),
    start: group[0].start,
    end: group[group.length - 1].end,
  }));
}

/** Whether a label says that an entity begins, and which. */
function tagOf(label: string): [begins: boolean, tag: string] {
  return /^[BI]-/.test(label) ? [label.startsWith('B'), label.slice(2)] : [false, label];
}

/** Of entities from overlapping windows that lie over each other, the longer stays; of equally long ones, the surer. */
export function withoutOverlaps<
  Entity extends { readonly start: number; readonly end: number; readonly score: number },
>(entities: readonly Entity[]): Entity[] {
  const kept: Entity[] = [];
  for (const entity of [...entities].sort((a, b) => a.start - b.start)) {
    const last = kept.at(-1);
    if (last === undefined || entity.start >= last.end) {
      kept.push(entity);
      continue;
    }
    const longer = entity.end - entity.start - (last.end - last.start);
    if (longer > 0 || (longer === 0 && entity.score > last.score)) kept[kept.length - 1] = entity;
  }
  return kept;
}
