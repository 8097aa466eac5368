/** From a sentence's tags to its entities: the reading of seqeval's default mode, which is that of CoNLL's conlleval. */

/** An entity: its type and the tokens it spans, `end` not included. */
export interface Entity {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** A tag in its two parts: `B-PER` is prefix `B` and type `PER`. A tag without a type has `_`. */
export interface TagParts {
  readonly prefix: string;
  readonly type: string;
}

/** What seqeval's default mode takes from a tag: the first (or last) letter, and what stands behind (before) the dash. */
function partsOf(tag: string, suffix: boolean): TagParts {
  if (suffix) {
    const rest = tag.slice(0, -1);
    const dash = rest.lastIndexOf('-');
    return { prefix: tag.slice(-1), type: (dash === -1 ? rest : rest.slice(0, dash)) || '_' };
  }
  const rest = tag.slice(1);
  return { prefix: tag[0], type: rest.slice(rest.indexOf('-') + 1) || '_' };
}

/** Whether the entity that the previous token belongs to ends before this one. */
function ends(previous: TagParts, current: TagParts): boolean {
  if (previous.prefix === 'E' || previous.prefix === 'S') return true;
  const inside = previous.prefix === 'B' || previous.prefix === 'I';
  if (inside && (current.prefix === 'B' || current.prefix === 'S' || current.prefix === 'O')) return true;
  return previous.prefix !== 'O' && previous.prefix !== '.' && previous.type !== current.type;
}

/** Whether an entity starts at this token. */
function starts(previous: TagParts, current: TagParts): boolean {
  if (current.prefix === 'B' || current.prefix === 'S') return true;
  const outside = previous.prefix === 'E' || previous.prefix === 'S' || previous.prefix === 'O';
  if (outside && (current.prefix === 'E' || current.prefix === 'I')) return true;
  return current.prefix !== 'O' && current.prefix !== '.' && previous.type !== current.type;
}

/**
 * The entities of a sentence in any of the schemes IOB1, IOB2, IOE1, IOE2 and IOBES, read leniently: an `I-PER` without a beginning
 * starts an entity, as in conlleval and in seqeval's default mode. (BILOU needs {@link strictEntities}.)
 *
 * @param tags one a token. @param suffix true where the prefix stands last (`PER-B`).
 */
export function lenientEntities(tags: readonly string[], suffix = false): Entity[] {
  const entities: Entity[] = [];
  let previous: TagParts = { prefix: 'O', type: '_' };
  let start = 0;
  for (let i = 0; i <= tags.length; i++) {
    const current = i < tags.length ? partsOf(tags[i], suffix) : { prefix: 'O', type: '_' };
    if (ends(previous, current)) entities.push({ type: previous.type, start, end: i });
    if (starts(previous, current)) start = i;
    previous = current;
  }
  return entities;
}
