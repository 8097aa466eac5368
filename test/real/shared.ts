import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder beside the checkout that holds corpora, weights and golden numbers. */
export const shared = fileURLToPath(new URL('../../../shared/', import.meta.url));

export const hasShared = existsSync(shared);

/** What a suite's name ends with, so that a run without the folder says what it left out. */
export const skipNote = hasShared ? '' : ' (SKIPPED: ../shared is absent)';
