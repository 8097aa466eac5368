import {
  ArgumentError,
  DataError,
  EnvironmentError,
  type ErrorParts,
  FettleError,
  ModelError,
} from '../core/errors.ts';
import type { RepositoryKind } from './names.ts';
import type { HubSettings } from './settings.ts';

/** Whom a request is for: what errors name. */
export interface HubContext {
  readonly owner: string;
  readonly kind: RepositoryKind;
  readonly name: string;
  readonly revision: string;
  readonly settings: HubSettings;
  readonly signal?: AbortSignal | undefined;
  readonly retry: RetryRule;
}

/** How often a failed request is repeated, and after how long. */
export interface RetryRule {
  /** Attempts in a row that bring nothing, the first among them. */
  readonly attempts: number;
  /** Seconds before the first repetition; doubled for each further one, and then drawn between half and all of that. */
  readonly firstDelay: number;
  /** The longest of these delays, in seconds. */
  readonly longestDelay: number;
  /** The longest wait that a server may ask for (`Retry-After`), in seconds; where it asks for more, the request fails. */
  readonly longestAsked: number;
}

export const usualRetry: RetryRule = { attempts: 5, firstDelay: 0.5, longestDelay: 30, longestAsked: 120 };

/** What the words of messages are for each kind of repository. */
export const nouns: Readonly<Record<RepositoryKind, string>> = { model: 'model', dataset: 'data set' };

/** An error of the family that the kind of repository belongs to. */
export function failure(kind: RepositoryKind, code: string, parts: ErrorParts): ModelError | DataError {
  return kind === 'model' ? new ModelError(code, parts) : new DataError(code, parts);
}

/** One attempt's failure, of which the next attempt may know nothing. */
export class PassingFailure extends Error {
  readonly error: FettleError;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(error: FettleError, retryAfter?: number) {
    super(error.message);
    this.error = error;
    this.retryAfter = retryAfter;
  }
}

/**
 * What the status of an answer means.
 *
 * @returns a PassingFailure where it is worth asking again (408, 429, 5xx), else the error itself.
 */
export async function statusFailure(
  response: Response,
  url: URL,
  context: HubContext,
): Promise<FettleError | PassingFailure> {
  const { owner, kind, name, revision, settings } = context;
  const { status } = response;
  const said = await messageOf(response);
  const reason = response.headers.get('x-error-code');
  const noun = nouns[kind];
  const page = `${settings.endpoint}/${kind === 'model' ? '' : 'datasets/'}${name}`;
  if (status === 408 || status === 429 || status >= 500) {
    const wait = retryAfterOf(response.headers.get('retry-after'));
    return new PassingFailure(
      new EnvironmentError('ERR_HUB_STATUS', {
        owner,
        what:
          status === 429
            ? `the Hub takes no more requests for now (status 429${said})`
            : `the Hub has a fault of its own (status ${status}${said}) for ${url.host}${url.pathname}`,
        hint:
          wait !== undefined
            ? `try again in ${Math.ceil(wait)} s${status === 429 && settings.token === undefined ? '; with a token more is allowed' : ''}`
            : 'try again later',
      }),
      wait,
    );
  }
  if (reason === 'GatedRepo') {
    return new EnvironmentError('ERR_HUB_GATED', {
      owner,
      what: `the ${noun} '${name}' is given out only to those who accept its conditions${said === '' ? '' : ` (${said.slice(2)})`}`,
      hint:
        settings.token === undefined
          ? `accept them at ${page}, then pass a token (token, or the variable HF_TOKEN)`
          : `accept them at ${page} with the account of the token (it is from ${settings.tokenSource})`,
    });
  }
  if (status === 401 && settings.token !== undefined && reason !== 'RepoNotFound') return tokenFailure(context, said);
  if (reason === 'RevisionNotFound') {
    return failure(kind, 'ERR_REVISION_NOT_FOUND', {
      owner,
      what: `the ${noun} '${name}' has no such revision`,
      got: revision,
      expected: "a branch, a tag or a commit's hash",
      hint: `see ${page}/tree/main`,
    });
  }
  if (reason === 'EntryNotFound') {
    return failure(kind, 'ERR_HUB_FILE', {
      owner,
      what: `'${name}' has no such file on the Hub`,
      got: decodeURI(url.pathname),
    });
  }
  // The Hub answers 401 for what is not there too, so as not to tell what is private.
  if (reason === 'RepoNotFound' || status === 404 || status === 401) {
    return failure(kind, `ERR_${kind.toUpperCase()}_NOT_FOUND`, {
      owner,
      what: `there is no directory '${name}' here, and the Hub (${settings.endpoint}) has no ${noun} '${name}', or it is private`,
      hint:
        settings.token === undefined
          ? 'check the name; for a private one pass a token (token, or the variable HF_TOKEN)'
          : `check the name, and that the token (from ${settings.tokenSource}) may read it`,
    });
  }
  if (status === 403) return tokenFailure(context, said);
  if (status === 409) {
    return new EnvironmentError('ERR_HUB_CONFLICT', {
      owner,
      what: `the Hub refuses: it has that already or it was changed meanwhile${said}`,
    });
  }
  return new EnvironmentError('ERR_HUB_STATUS', {
    owner,
    what: `the Hub refuses the request (status ${status}${said}) for ${url.host}${url.pathname}`,
  });
}

function tokenFailure({ owner, settings }: HubContext, said: string): EnvironmentError {
  return new EnvironmentError('ERR_HUB_TOKEN', {
    owner,
    what:
      settings.token === undefined
        ? `the Hub wants to know who asks${said}`
        : `the Hub does not accept the token (from ${settings.tokenSource}) for this${said}`,
    hint: `make a token at ${settings.endpoint}/settings/tokens with the rights for this, and pass it (token, or the variable HF_TOKEN)`,
  });
}

/** What a server says about its refusal, as `: text`; empty where it says nothing that a person could read. */
async function messageOf(response: Response): Promise<string> {
  let text = response.headers.get('x-error-message') ?? '';
  try {
    const type = response.headers.get('content-type') ?? '';
    if (text === '' && type.startsWith('application/json')) {
      const { error, message } = (await response.json()) as { error?: unknown; message?: unknown };
      text = typeof error === 'string' ? error : typeof message === 'string' ? message : '';
    } else {
      await response.body?.cancel();
    }
  } catch {
    // A broken explanation explains nothing; the status stands.
  }
  const line = text.replace(/\s+/g, ' ').trim().slice(0, 200);
  return line === '' ? '' : `: ${line}`;
}

/** `Retry-After` in seconds: a number of them, or a date (RFC 9110, section 10.2.3). */
export function retryAfterOf(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

const certificateFaults = /^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH)/;

/** What `fetch` throws where there is no answer, or no more of it, as an error in words. */
export function connectionFailure(cause: unknown, url: URL, context: HubContext): FettleError | PassingFailure {
  const codes: string[] = [];
  let text = '';
  for (let at = cause, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') codes.push(code);
    text = at.message || text;
  }
  const words: Readonly<Record<string, string>> = {
    ENOTFOUND: 'its name is not known (no network?)',
    EAI_AGAIN: 'its name cannot be looked up now (no network?)',
    ECONNREFUSED: 'nothing listens there',
    ECONNRESET: 'the connection was cut',
    UND_ERR_SOCKET: 'the connection was cut',
    UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
    UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
    ETIMEDOUT: 'it does not answer',
    ENETUNREACH: 'there is no way to it',
    EHOSTUNREACH: 'there is no way to it',
  };
  const known = codes.find((code) => code in words);
  const certificate = codes.find((code) => certificateFaults.test(code));
  const error = new EnvironmentError('ERR_HUB_UNREACHABLE', {
    owner: context.owner,
    what: `cannot reach ${url.host}: ${certificate !== undefined ? `its certificate is not accepted (${certificate})` : known !== undefined ? words[known] : text}`,
    hint:
      certificate !== undefined
        ? 'name the certificate of your network in the variable NODE_EXTRA_CA_CERTS'
        : 'check the network and HF_ENDPOINT; where files are on this machine already, pass localFilesOnly or set HF_HUB_OFFLINE=1',
    cause,
  });
  return certificate === undefined ? new PassingFailure(error) : error;
}

/** A fault of the disk under the cache. */
export function cacheFailure({ owner }: Pick<HubContext, 'owner'>, file: string, cause: unknown): EnvironmentError {
  const { code, message } = cause as { code?: string; message?: string };
  const words: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a file stands where a directory should be',
  };
  return new EnvironmentError(code === 'ENOSPC' ? 'ERR_DISK_SPACE' : 'ERR_CACHE_WRITE', {
    owner,
    what: `cannot write to the cache of downloads: ${words[code ?? ''] ?? message ?? String(cause)}`,
    file,
    hint: 'make room or permission there, or choose another place: cacheDir, or the variable HF_HOME',
    cause,
  });
}

/** Whether an error leaves it open what the Hub holds, so that an older copy in the cache may serve. */
export function leavesCacheInForce(error: unknown): boolean {
  return (
    error instanceof FettleError &&
    !(error instanceof ArgumentError) &&
    !['ERR_REVISION_NOT_FOUND', 'ERR_DISK_SPACE', 'ERR_CACHE_WRITE', 'ERR_HUB_PATH'].includes(error.code)
  );
}
