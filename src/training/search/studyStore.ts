import { processId } from '#platform/blobs';
import { appendBytes, hostName, kindOf, readText } from '#platform/files';
import { DataError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { isLocked, withLock } from '../../hub/lock.ts';
import type { StudyRecord } from './studyRecords.ts';

/** The records of a study, with sole access to them. */
export interface OpenRecords {
  readonly records: readonly StudyRecord[];
  /** Puts a record behind the others. */
  append(record: StudyRecord): Promise<void>;
}

/** Where a study's records are kept. */
export interface StudyStore {
  /** In messages. */
  readonly name: string;
  /** Runs `work` while nobody else reads to write. */
  open<T>(work: (open: OpenRecords) => Promise<T>): Promise<T>;
  /** Shows, until the release, that this process is at work on a trial. */
  hold(number: number): Promise<() => Promise<void>>;
  /** Whether a living process is at work on a trial. */
  isHeld(number: number): Promise<boolean>;
}

/** A study that ends with the process. */
export function memoryStore(): StudyStore {
  const records: StudyRecord[] = [];
  const held = new Set<number>();
  return {
    name: 'the study',
    open: (work) =>
      work({
        records,
        append: async (record) => {
          records.push(record);
        },
      }),
    hold: async (number) => {
      held.add(number);
      return async () => {
        held.delete(number);
      };
    },
    isHeld: async (number) => held.has(number),
  };
}

/**
 * A study in an append-only file of JSON Lines, which several processes of one machine may share: a lock beside it is held
 * for each look, and one for each running trial, which a process that dies lets go. A line that was not written to its end
 * is passed over and said once.
 */
export function fileStore(path: string): StudyStore {
  const options = { owner: 'study', what: 'a look at the study' };
  const trialLock = (number: number) => `${path}.trial-${number}.lock`;
  const said = new Set<number>();
  return {
    name: path,
    open: (work) =>
      withLock(`${path}.lock`, options, async () => {
        const text = (await kindOf(path)) === 'file' ? await readText(path) : '';
        const records = parseRecords(path, text, said);
        let unfinished = text !== '' && !text.endsWith('\n');
        return work({
          records,
          async append(record) {
            // What another process left unfinished stays a line of its own.
            await appendBytes(path, new TextEncoder().encode(`${unfinished ? '\n' : ''}${stringify(record)}\n`));
            unfinished = false;
            records.push(record);
          },
        });
      }),
    hold: (number) => hold(trialLock(number)),
    isHeld: (number) => isLocked(trialLock(number)),
  };
}

/** This process, as a record names it. */
export function thisProcess(): { readonly process: number; readonly host: string } {
  return { process: processId(), host: hostName() };
}

/** Takes a lock and keeps it until the release. */
function hold(path: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((free) => {
      release = free;
    });
    const held = withLock(path, { owner: 'study', what: 'a trial' }, async () => {
      resolve(async () => {
        release();
        await held;
      });
      await released;
    });
    held.catch(reject);
  });
}

/** JSON has no NaN and no infinities; they are written as texts. */
function stringify(record: StudyRecord): string {
  return JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

function revive(name: string, value: unknown): unknown {
  if (name !== 'value') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value;
}

function parseRecords(path: string, text: string, said: Set<number>): StudyRecord[] {
  const records: StudyRecord[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const record = parseLine(line);
    if (record === undefined) {
      if (!said.has(i)) log.warn(`[study] ${path}: line ${i + 1} was not written to its end; it is passed over`);
      said.add(i);
      continue;
    }
    const isHeader = record['type'] === 'study';
    if (
      records.length === 0
        ? !isHeader || record['version'] !== 1
        : !['begin', 'report', 'end'].includes(String(record['type']))
    ) {
      throw new DataError('ERR_STUDY', {
        owner: 'study',
        what: records.length === 0 ? 'the file is no study' : 'the file has a record that no study has',
        got: line.slice(0, 60),
        expected: records.length === 0 ? 'a first line {"type":"study","version":1,…}' : 'begin, report or end',
        file: path,
        row: i + 1,
        hint: 'choose another file',
      });
    }
    records.push(record as unknown as StudyRecord);
  }
  return records;
}

function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line, revive);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
