import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = fileURLToPath(new URL('./src/', import.meta.url));
/** Tests ask no network but the servers of their own, which say so. */
const env = { HF_HUB_OFFLINE: '1' };
const setupFiles = [fileURLToPath(new URL('./test/setup.ts', import.meta.url))];
const shared = {
  resolve: {
    alias: [
      { find: /^#platform\/(.*)$/, replacement: `${source}platform/$1.node.ts` },
      { find: /^fettle$/, replacement: `${source}index.ts` },
      { find: /^fettle\/(.*)$/, replacement: `${source}$1/index.ts` },
    ],
  },
};

export default defineConfig({
  test: {
    // One more than vitest's own choice, which leaves half of two cores idle.
    maxWorkers: '100%',
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          env,
          setupFiles,
          include: ['src/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 60_000,
          // Files share processes, and with them what they import: to load it anew for each takes half as long as the tests.
          isolate: false,
        },
      },
      // These need nothing from elsewhere but time: whole runs, killed runs, files larger than memory. CI runs them.
      {
        ...shared,
        test: {
          name: 'long',
          env,
          setupFiles,
          include: ['test/long/**/*.test.ts'],
          testTimeout: 900_000,
          fileParallelism: false,
        },
      },
      // These read the corpora, weights and golden numbers beside the checkout; each says that it is skipped where they are absent.
      {
        ...shared,
        test: {
          name: 'real',
          env,
          setupFiles,
          include: ['test/real/**/*.test.ts'],
          testTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
