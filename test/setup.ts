import fc from 'fast-check';
import { afterAll } from 'vitest';
import { configureLog } from '../src/core/log.ts';

// The same examples in every run, so that a failure is a change's own: FAST_CHECK_SEED looks at others.
fc.configureGlobal({ seed: Number(process.env['FAST_CHECK_SEED'] ?? 1) });

// Unit tests share their process with other files (vitest.config.ts): the log is as each found it.
afterAll(configureLog({}));
