import type { Processor } from './hardware.node.ts';

/** A page is not told what it runs on. */
export async function describeProcessor(): Promise<Processor> {
  return { architecture: 'unknown', name: 'unknown', features: [] };
}
