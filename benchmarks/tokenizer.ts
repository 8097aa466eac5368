// Tokenizing on one thread, ours and Hugging Face's (Rust) in turn: web lines in many languages and scripts, and MRPC's sentences.
//   npx tsx benchmarks/tokenizer.ts [--rounds 9] [--output FILE]
// Needs ../shared and Python. A round is a first pass: our tokenizer is a new one each time and has seen no word yet; the
// code has run before, as the other side's was compiled before.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BertTokenizer, configureLog, loadDataset } from 'fettle';
import { describeMachine, loadOfOthers } from './machine.ts';
import { PythonProcess, repository } from './python.ts';
import { writeReport } from './report.ts';
import { pairedRatios, spread, table } from './statistics.ts';
import { miniLmFolder, mrpcFolder } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    output: { type: 'string', default: join(repository, 'benchmarks', 'results', 'tokenizer.json') },
  },
});
const rounds = Number(options.rounds);
const warmUp = 3;

/** What a pass over all texts gives. */
interface Pass {
  readonly milliseconds: number;
  readonly ids: number;
  readonly checksum: number;
}

configureLog({ level: 'warn' });
const others = await loadOfOthers();
const { train } = await loadDataset(mrpcFolder);
const web = readFileSync(join(repository, '..', 'shared', 'data', 'text', 'web-lines.txt'), 'utf8');
const corpora: Readonly<Record<string, readonly string[]>> = {
  'web lines': web.split('\n').filter((line) => line !== ''),
  'MRPC sentences': [...train].flatMap((row) => [String(row['sentence1']), String(row['sentence2'])]),
};
const python = new PythonProcess('benchmarks/python/tokenizer_server.py');
try {
  const { version } = await python.request<{ version: string }>('load', { directory: miniLmFolder });
  const results = [];
  for (const [corpus, texts] of Object.entries(corpora)) results.push(await measure(corpus, texts));
  const date = new Date().toISOString().slice(0, 10);
  const report = { date, machine: describeMachine(), loadOfOthers: others, tokenizers: version, rounds, results };
  await writeReport(options.output, report);
  console.log(
    table([
      ['MB/s, one thread', 'Fettle', `tokenizers ${version}`, 'our time over theirs'],
      ...results.map(({ corpus, ours, theirs, ratio }) => [
        corpus,
        ours.median.toFixed(1),
        theirs.median.toFixed(1),
        `${ratio.median.toFixed(3)} (${ratio.lower.toFixed(3)}–${ratio.upper.toFixed(3)})`,
      ]),
    ]),
  );
} finally {
  await python.close();
}

async function measure(corpus: string, texts: readonly string[]) {
  await python.request('texts', { texts });
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const passes: { readonly ours: Pass; readonly theirs: Pass }[] = [];
  for (let round = 0; round < warmUp + rounds; round++) {
    const theirs = await python.request<Pass>('run', {});
    const ours = await pass(texts);
    if (ours.ids !== theirs.ids || ours.checksum !== theirs.checksum) {
      throw new Error(`[tokenizer] the ids of '${corpus}' differ: ${JSON.stringify({ ours, theirs })}`);
    }
    if (round >= warmUp) passes.push({ ours, theirs });
  }
  const times = (who: 'ours' | 'theirs') => passes.map((each) => each[who].milliseconds);
  const speeds = (who: 'ours' | 'theirs') => spread(times(who).map((milliseconds) => bytes / 1000 / milliseconds));
  return {
    corpus,
    bytes,
    ours: speeds('ours'),
    theirs: speeds('theirs'),
    ratio: pairedRatios(times('ours'), times('theirs')),
  };
}

async function pass(texts: readonly string[]): Promise<Pass> {
  const tokenizer = await BertTokenizer.fromPretrained(miniLmFolder);
  const start = performance.now();
  const { encodings } = tokenizer(texts);
  const milliseconds = performance.now() - start;
  let ids = 0;
  let checksum = 0;
  for (const encoding of encodings) {
    ids += encoding.ids.length;
    for (const id of encoding.ids) checksum = (Math.imul(checksum, 31) + id) >>> 0;
  }
  return { milliseconds, ids, checksum };
}
