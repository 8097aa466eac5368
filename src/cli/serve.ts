import { type Command, Option } from 'commander';
import { exitNow, onInterrupt, writeError } from '#platform/process';
import { listen } from '#platform/server';
import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { createPredictHandler, exampleInputs, loopbackHosts, type ServedTask, servedTasks } from '../serving/index.ts';
import { parseValue } from './flags.ts';
import { makeReport } from './report.ts';

interface ServeFlags {
  readonly model?: string;
  readonly task?: ServedTask;
  readonly host: string;
  readonly port: number;
  readonly maxBody?: number;
  readonly maxTexts?: number;
  readonly maxRequests?: number;
  readonly cors?: readonly string[];
  readonly allowedHost?: readonly string[];
  readonly batchSize?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

const owner = 'fettle serve';

/** `fettle serve`: answers `POST /predict` with a saved model until it is interrupted. */
export function addServeCommand(program: Command): void {
  const integer = (flag: string) => (text: string) => Number(parseValue(flag, 'integer', text));
  const collect = (text: string, earlier: readonly string[] = []) => [...earlier, text];
  program
    .command('serve')
    .description('Answer requests over HTTP with a saved model.')
    .argument('[model]', 'a directory with a fine-tuned model, as --model')
    .option('--model <path or name>', 'a directory with a fine-tuned model')
    .addOption(new Option('--task <name>', 'what the model is for (default: by its head)').choices([...servedTasks]))
    .optionsGroup('Where:')
    .option('--port <integer>', 'the port; 0 finds a free one', readPort, 8000)
    .option('--host <address>', 'the address to listen on; 0.0.0.0 lets other machines ask', '127.0.0.1')
    .option('--allowed-host <name>', 'a further name to be asked by; may be given several times', collect)
    .option('--cors <origin>', "an origin whose web pages may ask, or '*'; may be given several times", collect)
    .optionsGroup('How much:')
    .option('--max-body <bytes>', 'bytes of a request at most: 500000, 200k, 2m (default: 1m)', readBytes)
    .option('--max-texts <integer>', 'texts of a request at most (default: 64)', integer('--max-texts'))
    .option('--max-requests <integer>', 'requests under way at most (default: 128)', integer('--max-requests'))
    .option('--batch-size <integer>', 'texts that are answered together at most (default: 32)', integer('--batch-size'))
    .option(
      '--threads <integer>',
      'threads to compute with (default: the CPUs this process may use)',
      integer('--threads'),
    )
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(serve);
}

async function serve(positional: string | undefined, flags: ServeFlags): Promise<void> {
  const { host, port } = flags;
  const model = flags.model ?? positional;
  if (model === undefined) {
    throw new ArgumentError('ERR_NO_MODEL', {
      owner,
      what: 'there is no model',
      hint: 'name its directory: fettle serve ./results',
    });
  }
  const local = isLoopback(host);
  // As a URL has them.
  const allowed = (flags.allowedHost ?? []).map((name) => name.toLowerCase());
  const handler = createPredictHandler(model, {
    task: flags.task,
    threads: flags.threads,
    batchSize: flags.batchSize,
    maxBodyBytes: flags.maxBody,
    maxTexts: flags.maxTexts,
    maxRequests: flags.maxRequests,
    cors: flags.cors,
    allowedHosts: local ? [...new Set([...loopbackHosts, urlHost(host), ...allowed])] : flags.allowedHost && allowed,
  });
  try {
    const task = await handler.ready();
    const server = await listen(handler, { host, port });
    const url = `http://${urlHost(host)}:${server.port}`;
    makeReport(flags.json === true).result({ url, port: server.port, task, model }, describe(url, model, task));
    if (!local) log.warn(`whoever reaches ${host} can ask: there is no password, and nothing is encrypted`);
    await interrupted();
    await server.close();
  } finally {
    await handler.dispose();
  }
}

/** What to do now, with a line that can be pasted. */
function describe(url: string, model: string, task: ServedTask): string {
  const body = JSON.stringify({ inputs: exampleInputs(task) });
  return [
    `${task} by ${model} at ${url}; Ctrl-C ends it. To ask:`,
    '',
    `  curl ${url}/predict -H 'Content-Type: application/json' -d '${body}'`,
    '',
  ].join('\n');
}

/** Settles at the first Ctrl-C; a second one ends the process at once. */
function interrupted(): Promise<void> {
  let times = 0;
  return new Promise((resolve) => {
    onInterrupt(() => {
      if (++times > 1) exitNow(130);
      writeError('ending: requests under way are answered; once more ends at once\n');
      resolve();
    });
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The host as a URL has it; where all addresses are listened on, the one that this machine can ask. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function readPort(text: string): number {
  const port = Number(parseValue('--port', 'integer', text));
  if (port >= 0 && port <= 65_535) return port;
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner,
    what: '--port has a wrong value',
    got: text,
    expected: 'a whole number from 0 to 65535',
  });
}

function readBytes(text: string): number {
  const [, digits, unit] = /^(\d+)([km]?)b?$/i.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * ({ k: 1 << 10, m: 1 << 20 }[unit.toLowerCase()] ?? 1);
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner,
    what: '--max-body has a wrong value',
    got: text,
    expected: 'a number of bytes: 500000, 200k, 2m',
  });
}
