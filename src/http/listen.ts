import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { rememberClient } from './client.ts';
import { answerMalformed } from './handler.ts';

/** How long running answers may take when the server is to end. Milliseconds; well below the ten seconds of a container's stop. */
const CLOSE_GRACE_MS = 2000;

/** How often a server that is to end looks for connections that have fallen idle. Milliseconds; a person does not notice it. */
const SWEEP_MS = 20;

const NO_CONNECT =
  'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** A server that is up. */
export interface Listening {
  /** Where to point a browser, with a final slash. */
  url: string;
  /** Stops accepting, lets running answers finish, drops idle connections. */
  close(): Promise<void>;
}

/**
 * Serves a Fetch handler with `node:http`.
 * @param port 0 takes a free one.
 * @throws {NodeJS.ErrnoException} `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` and the like, when the address is not to be had.
 */
export async function listen(
  handler: (request: Request) => Response | Promise<Response>,
  host: string,
  port: number,
): Promise<Listening> {
  const remembering = (request: Request, { incoming }: { incoming: unknown }) => {
    rememberClient(request, incoming as IncomingMessage);
    return handler(request);
  };
  const server = createServer(
    getRequestListener(remembering, {
      // For HTTP/1.0, as a load balancer's probe speaks it, which knows no Host header.
      hostname: 'localhost',
      errorHandler: (error) =>
        error instanceof RequestError ? answerMalformed() : new Response(null, { status: 500 }),
    }),
  );
  // Node hands this method to nobody else, and a client would wait for ever.
  server.on('connect', (_, socket) => socket.end(NO_CONNECT));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { url: urlOf(server.address() as AddressInfo), close: () => close(server) };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A connection that is busy now would otherwise be kept, when its answer is out, for a next request.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    server.close(() => {
      clearInterval(sweep);
      resolve();
    });
    server.closeIdleConnections();
    // A client that never finishes its request must not keep the process alive.
    setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS).unref();
  });
}
