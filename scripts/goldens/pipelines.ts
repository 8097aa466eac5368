/**
 * Makes src/pipelines/goldens/pipelines.json: what Python's pipelines say of 200 inputs each.
 *
 *     npx tsx --tsconfig tsconfig.json scripts/goldens/pipelines.ts PYTHON
 *
 * PYTHON has transformers 4.57: version 5 has no pipeline for question answering any more.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pipelineTexts, writePipelineModels } from '../../test/testing/pipelineModels.ts';

const folder = mkdtempSync(join(tmpdir(), 'fettle-pipelines-'));
await writePipelineModels(folder);
const contexts = pipelineTexts(200, 'contexts', 90);
const inputs = {
  text: pipelineTexts(200, 'text'),
  tokens: pipelineTexts(200, 'tokens', 8),
  questions: pipelineTexts(200, 'questions', 5).map((question, i) => ({ question, context: contexts[i] })),
  masks: pipelineTexts(200, 'masks')
    .map((text, i) => text.replace(/ \S+/g, (word, at) => (at % (i % 2 === 0 ? 3 : 5) === 2 ? ' [MASK]' : word)))
    .map((text) => (text.includes('[MASK]') ? text : `${text} [MASK]`)),
  features: pipelineTexts(200, 'features'),
};
writeFileSync(join(folder, 'inputs.json'), JSON.stringify(inputs));
execFileSync(process.argv[2] ?? 'python3', [fileURLToPath(new URL('pipelines.py', import.meta.url)), folder], {
  stdio: 'inherit',
});
const target = fileURLToPath(new URL('../../src/pipelines/goldens/pipelines.json', import.meta.url));
const answers = JSON.parse((await import('node:fs')).readFileSync(join(folder, 'answers.json'), 'utf8'));
writeFileSync(target, `${JSON.stringify({ inputs, answers })}\n`);
