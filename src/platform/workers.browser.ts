/** A thread that runs a small program of its own and talks by messages: Node's worker thread or a browser's worker. */
export interface PlatformWorker {
  postMessage(message: unknown): void;
  /** Sets what is called with each message the worker sends. */
  onMessage(handler: (message: unknown) => void): void;
  /** Sets what is called when the worker breaks: an uncaught error, a message that cannot be read, an end of its own. */
  onFailure(handler: (error: Error) => void): void;
  /** From now on the worker keeps the process alive (as it does at first); nothing in a browser. */
  ref(): void;
  /** From now on the process may end although the worker runs; nothing in a browser. */
  unref(): void;
  terminate(): Promise<void>;
}

/**
 * Starts a worker that runs `source`.
 * @param source plain JavaScript, the body of a function of `data`, `send(message)`, `receive(handler)` and `load(url)`, which
 *   imports a module.
 * @param data what the worker is given at its start, cloned (memory that can be shared is shared).
 */
export function createWorker(source: string, data: unknown): PlatformWorker {
  const program =
    'self.onmessage = ({ data }) => {' +
    'const send = (message) => self.postMessage(message);' +
    'const receive = (handler) => { self.onmessage = (event) => handler(event.data); };' +
    'const load = (url) => import(url);' +
    `(function (data, send, receive, load) {${source}\n})(data, send, receive, load); };`;
  const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.postMessage(data);
  let handled = false;
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (handler) => {
      worker.onmessage = (event) => {
        // The address must live until the worker has loaded it, which its first message proves.
        if (!handled) URL.revokeObjectURL(url);
        handled = true;
        handler(event.data);
      };
    },
    onFailure: (handler) => {
      worker.onerror = (event) => handler(new Error(event.message));
      worker.onmessageerror = () => handler(new Error('a message from the worker could not be read'));
    },
    ref: () => undefined,
    unref: () => undefined,
    terminate: async () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

/** Threads this page may run at once: the browser's own count; one where it does not say. */
export function availableThreads(): number {
  return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
}
