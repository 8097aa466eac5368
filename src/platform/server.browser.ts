import { EnvironmentError } from '../core/errors.ts';
import type { ListeningServer, ListenOptions } from './server.node.ts';

export type { ListeningServer, ListenOptions };

/** A browser cannot listen. @throws EnvironmentError ERR_NO_SERVER, always. */
export async function listen(
  _handler: (request: Request) => Promise<Response>,
  _options: ListenOptions,
): Promise<ListeningServer> {
  throw new EnvironmentError('ERR_NO_SERVER', {
    owner: 'listen',
    what: 'a web page cannot listen for requests',
    hint: "call the handler itself, in a service worker's 'fetch' event",
  });
}
