import { environmentVariable, homeDirectory, joinPath, kindOf, readText } from '#platform/files';
import { ArgumentError, EnvironmentError } from '../core/errors.ts';
import type { RepositoryKind } from './names.ts';

/** What the environment and the caller say about the Hub. All variables of Hugging Face's are read in this file. */
export interface HubSettings {
  /** Where the Hub is, without a slash at its end. */
  readonly endpoint: string;
  /** The user's token; undefined sends none. It is never logged. */
  readonly token: string | undefined;
  /** Where the token comes from, in words. */
  readonly tokenSource: string;
  /** Whether the network must not be asked, and what says so. */
  readonly offline: string | undefined;
  /** How long an answer's head, and then each further piece of it, may stay away, in seconds. */
  readonly patience: number;
}

/** The caller's part of {@link HubSettings}. */
export interface HubOptions {
  /** The Hub's address. Default: the variable HF_ENDPOINT, or else `https://huggingface.co`. */
  readonly endpoint?: string | undefined;
  /**
   * The user's token; `false` sends none. Default: the variable HF_TOKEN, or else the file that HF_TOKEN_PATH names, or
   * else `token` in HF_HOME, where `hf auth login` leaves it.
   */
  readonly token?: string | false | undefined;
  /** Never ask the network: what is not in the cache is an error. The variable HF_HUB_OFFLINE says the same for all. */
  readonly localFilesOnly?: boolean | undefined;
}

/** A variable's value with `$NAME` and a leading `~` put in, as huggingface_hub does; an empty one counts as not set. */
function pathVariable(name: string): string | undefined {
  const value = environmentVariable(name);
  if (value === undefined || value === '') return undefined;
  return expandHome(value.replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, a, b) => environmentVariable(a ?? b) ?? all));
}

function expandHome(path: string): string {
  const home = homeDirectory();
  return home !== undefined && /^~(?=$|[/\\])/.test(path) ? home + path.slice(1) : path;
}

function isTrue(name: string): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes((environmentVariable(name) ?? '').toUpperCase());
}

/** The folder of all that Hugging Face keeps: HF_HOME, or else `huggingface` in the user's cache. */
function hubHome(): string | undefined {
  const named = pathVariable('HF_HOME');
  if (named !== undefined) return named;
  const home = homeDirectory();
  const userCache = pathVariable('XDG_CACHE_HOME') ?? (home === undefined ? undefined : joinPath(home, '.cache'));
  return userCache === undefined ? undefined : joinPath(userCache, 'huggingface');
}

/** A folder of ours beside the Hub's, for what can be made again; undefined where there is no home directory (a browser). */
export function fettleCache(name: string): string | undefined {
  const home = hubHome();
  return home === undefined ? undefined : joinPath(home, 'fettle', name);
}

/**
 * The root of Hugging Face's cache on this machine, by huggingface_hub's rules: `cacheDir`, then the variables
 * HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME (+ `hub`), XDG_CACHE_HOME (+ `huggingface/hub`), then
 * `~/.cache/huggingface/hub`. A leading `~` is the home directory, `$NAME` and `${NAME}` in a variable are other variables;
 * an empty variable counts as not set.
 * Undefined where there is no home directory (a browser).
 */
export function cacheRoot(cacheDir?: string): string | undefined {
  if (cacheDir !== undefined && cacheDir !== '') return expandHome(cacheDir);
  const direct = pathVariable('HF_HUB_CACHE') ?? pathVariable('HUGGINGFACE_HUB_CACHE');
  if (direct !== undefined) return direct;
  const home = hubHome();
  return home === undefined ? undefined : joinPath(home, 'hub');
}

/**
 * @throws ArgumentError ERR_ENDPOINT for an address that is none, ERR_TOKEN for a token that no header can hold.
 * @throws EnvironmentError ERR_TIMEOUT_VARIABLE where HF_HUB_DOWNLOAD_TIMEOUT is no number of seconds.
 */
export async function hubSettings(owner: string, kind: RepositoryKind, options: HubOptions): Promise<HubSettings> {
  const { token, tokenSource } = await readToken(owner, options.token);
  return {
    endpoint: endpointOf(owner, options.endpoint),
    token,
    tokenSource,
    offline: offlineBy(kind, options),
    patience: patienceOf(owner),
  };
}

function offlineBy(kind: RepositoryKind, options: HubOptions): string | undefined {
  if (options.localFilesOnly) return 'localFilesOnly';
  const variables = ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', ...(kind === 'dataset' ? ['HF_DATASETS_OFFLINE'] : [])];
  const name = variables.find(isTrue);
  return name === undefined ? undefined : `the variable ${name}`;
}

function endpointOf(owner: string, given: string | undefined): string {
  const text = given ?? (environmentVariable('HF_ENDPOINT') || 'https://huggingface.co');
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Said below.
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.username !== '') {
    throw new ArgumentError('ERR_ENDPOINT', {
      owner,
      what: `this is no address of a Hub (${given === undefined ? 'the variable HF_ENDPOINT' : 'endpoint'})`,
      got: url?.username ? 'an address with a user name in it' : text,
      expected: "an address like 'https://huggingface.co'",
    });
  }
  return url.href.replace(/\/+$/, '');
}

/** The token and where it is from: the option, a variable, or the file where Hugging Face's programs leave it. */
async function readToken(
  owner: string,
  given: string | false | undefined,
): Promise<{ token: string | undefined; tokenSource: string }> {
  const none = { token: undefined, tokenSource: 'none' };
  if (given === false) return none;
  if (given !== undefined) return checkedToken(owner, given, 'the option token');
  if (isTrue('HF_HUB_DISABLE_IMPLICIT_TOKEN')) return none;
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = environmentVariable(name)?.trim();
    if (value) return checkedToken(owner, value, `the variable ${name}`);
  }
  const home = hubHome();
  const file = pathVariable('HF_TOKEN_PATH') ?? (home === undefined ? undefined : joinPath(home, 'token'));
  if (file === undefined || (await kindOf(file)) !== 'file') return none;
  const text = (await readText(file)).trim();
  return text === '' ? none : checkedToken(owner, text, `the file ${file}`);
}

function checkedToken(owner: string, text: string, source: string): { token: string; tokenSource: string } {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return { token, tokenSource: source };
  throw new ArgumentError('ERR_TOKEN', {
    owner,
    what: `the token is empty or has characters that no token has (${source})`,
    hint: "give the token as the Hub shows it: it begins with 'hf_'",
  });
}

function patienceOf(owner: string): number {
  const text = environmentVariable('HF_HUB_DOWNLOAD_TIMEOUT');
  if (text === undefined || text === '') return 30;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new EnvironmentError('ERR_TIMEOUT_VARIABLE', {
    owner,
    what: 'the variable HF_HUB_DOWNLOAD_TIMEOUT is wrong',
    got: text,
    expected: 'a number of seconds',
  });
}
