import { DataError } from '../core/errors.ts';
import type { Entity, TagParts } from './entities.ts';

/** The schemes that strict mode knows, by seqeval's names. BIO is `IOB2`. */
export type EntityScheme = 'IOB1' | 'IOB2' | 'IOE1' | 'IOE2' | 'IOBES' | 'BILOU';

/**
 * One step from token to token: the previous prefixes, the present ones, and whether the types of both must be the same (`=`),
 * must differ (`!`), or do not matter (`*`).
 */
type Step = readonly [previous: string, current: string, types: '=' | '!' | '*'];

interface Rules {
  readonly prefixes: string;
  /** Where an entity starts at the present token. */
  readonly start: readonly Step[];
  /** Where the present token goes on with the entity of the previous one. */
  readonly inside: readonly Step[];
  /** Where the entity of the previous token has ended properly. */
  readonly end: readonly Step[];
}

const any = 'IOBESUL';

/** Ramshaw and Marcus 1995 (IOB1), Tjong Kim Sang and Veenstra 1999 (IOB2, IOE1, IOE2), Ratinov and Roth 2009 (BILOU), as seqeval 1.2.2 has them. */
const schemes: Readonly<Record<EntityScheme, Rules>> = {
  IOB1: {
    prefixes: 'IOB',
    start: [
      ['OB', 'I', '*'],
      ['I', 'I', '!'],
      ['IB', 'B', '='],
    ],
    inside: [['BI', 'I', '=']],
    end: [
      ['IB', 'I', '!'],
      ['IB', 'O', '*'],
      ['I', 'B', '*'],
      ['B', 'B', '='],
    ],
  },
  IOB2: {
    prefixes: 'IOB',
    start: [[any, 'B', '*']],
    inside: [['BI', 'I', '=']],
    end: [
      ['IB', 'OB', '*'],
      ['IB', 'I', '!'],
    ],
  },
  IOE1: {
    prefixes: 'IOE',
    start: [
      ['OE', 'I', '*'],
      ['I', 'I', '!'],
      ['E', 'E', '='],
    ],
    inside: [['I', 'IE', '=']],
    end: [
      ['I', 'IE', '!'],
      ['I', 'O', '*'],
      ['E', 'IE', '='],
    ],
  },
  IOE2: {
    prefixes: 'IOE',
    start: [
      ['OE', 'IE', '*'],
      ['I', 'IE', '!'],
    ],
    inside: [['I', 'IE', '=']],
    end: [['E', any, '*']],
  },
  IOBES: {
    prefixes: 'IOBES',
    start: [[any, 'BS', '*']],
    inside: [['BI', 'IE', '=']],
    end: [['SE', any, '*']],
  },
  BILOU: {
    prefixes: 'BILOU',
    start: [[any, 'BU', '*']],
    inside: [['BI', 'IL', '=']],
    end: [['UL', any, '*']],
  },
};

/** The names of the schemes. */
export const schemeNames = Object.keys(schemes) as readonly EntityScheme[];

function fits(steps: readonly Step[], previous: TagParts, current: TagParts): boolean {
  return steps.some(
    ([before, now, types]) =>
      before.includes(previous.prefix) &&
      now.includes(current.prefix) &&
      (types === '*' || (types === '=') === (previous.type === current.type)),
  );
}

/** A tag in its parts; dashes at both ends of the type do not belong to it. */
function partsOf(tag: string, suffix: boolean): TagParts {
  const type = (suffix ? tag.slice(0, -1) : tag.slice(1)).replace(/^-+|-+$/g, '');
  return { prefix: suffix ? tag.slice(-1) : tag[0], type: type || '_' };
}

const outside: TagParts = { prefix: 'O', type: '_' };

/**
 * The entities of a sentence that are well formed in a scheme, as seqeval's strict mode: in IOB2 an `I-PER` without a `B-PER` before it
 * is no entity.
 *
 * @param tags one a token. @param suffix true where the prefix stands last (`PER-B`).
 * @param row the sentence's number, from 1, for the error.
 * @throws DataError `ERR_METRIC_TAG` on a tag whose prefix is not the scheme's.
 */
export function strictEntities(tags: readonly string[], scheme: EntityScheme, suffix = false, row?: number): Entity[] {
  const rules = schemes[scheme];
  const parts = tags.map((tag) => {
    const part = partsOf(tag, suffix);
    if (rules.prefixes.includes(part.prefix)) return part;
    throw new DataError('ERR_METRIC_TAG', {
      owner: 'seqeval',
      what: `a tag does not belong to the scheme ${scheme}`,
      got: tag,
      expected: `one of the prefixes ${[...rules.prefixes].join(', ')}`,
      row,
      hint: `choose another scheme (${schemeNames.join(', ')}), or leave out mode 'strict'`,
    });
  });
  parts.push(outside);
  const entities: Entity[] = [];
  let previous = outside;
  for (let i = 0; i < parts.length; ) {
    if (fits(rules.start, previous, parts[i])) {
      const start = i++;
      while (fits(rules.inside, parts[i - 1], parts[i])) i++;
      if (fits(rules.end, parts[i - 1], parts[i])) entities.push({ type: parts[start].type, start, end: i });
    } else {
      i++;
    }
    previous = parts[i - 1];
  }
  return entities;
}
