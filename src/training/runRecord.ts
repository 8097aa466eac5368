import { describeProcessor } from '#platform/hardware';
import { packageVersion } from '#platform/native';
import type { Engine } from '../engine/engine.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { Json, JsonObject } from './trainerState.ts';

/** What a run's last bits depend on besides its arguments: a resumed run has the same only where all of it is the same. */
export interface RunRecord {
  readonly fettle_version: string;
  readonly engine: string;
  readonly engine_version: string;
  readonly precision: string;
  readonly threads: number;
  readonly processor: string;
  /** Its vector instructions, where the system tells them. */
  readonly cpu_features: readonly string[];
  /** null for a stream whose length is not known. */
  readonly examples: number | null;
  /** A checksum of the training data's tokens in their order, where all were seen. */
  readonly data: string;
}

/** The record of a run that is about to begin. */
export async function describeRun(
  engine: Engine,
  rows: { readonly examples: number | undefined; readonly data: string },
): Promise<RunRecord> {
  const { architecture, name, features } = await describeProcessor();
  return {
    fettle_version: packageVersion('fettle') ?? 'unknown',
    engine: engine.name,
    engine_version: engine.version,
    precision: engine.precision,
    threads: engine.threads,
    processor: `${name} (${architecture})`,
    cpu_features: features,
    examples: rows.examples ?? null,
    data: rows.data,
  };
}

/** How two records differ, in words: `threads 2 → 4`. */
export function differences(before: JsonObject, now: JsonObject, ignored: readonly string[] = []): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => !ignored.includes(name));
  return names.flatMap((name) => {
    const [was, is] = [before[name], now[name]].map((value) => JSON.stringify(value ?? null));
    if (was === is) return [];
    if (name === 'cpu_features') return [`cpu_features ${featureChange(before[name], now[name])}`];
    return [`${name} ${was} → ${is}`];
  });
}

function featureChange(before: Json, now: Json): string {
  const [was, is] = [before, now].map((list) => (Array.isArray(list) ? (list as string[]) : []));
  const lost = was.filter((feature) => !is.includes(feature)).map((feature) => `-${feature}`);
  const won = is.filter((feature) => !was.includes(feature)).map((feature) => `+${feature}`);
  return [...lost, ...won].join(' ');
}

/** 32-bit FNV-1a over token ids and row lengths, in hexadecimal; rows may come in parts. */
export function tokenChecksum(): { add(sequences: readonly TokenSequence[]): void; value(): string } {
  let hash = 0x811c9dc5;
  return {
    add(sequences) {
      for (const { ids } of sequences) {
        hash = Math.imul(hash ^ ids.length, 0x01000193);
        for (let i = 0; i < ids.length; i++) hash = Math.imul(hash ^ ids[i], 0x01000193);
      }
    },
    value: () => (hash >>> 0).toString(16).padStart(8, '0'),
  };
}
