// A network between a client and a server on this machine, which can swallow what is sent.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after } from 'node:test';

// Not where they are made: there, they would end with the test that has made them.
const endings: (() => void)[] = [];
after(() => {
  for (const end of endings.reverse()) end();
});

export interface Network {
  /** As the server's, with the address of the network. */
  url: string;
  /** How many there have been. */
  connections(): number;
  /** From now on nothing comes through the connections that there are, and nobody is told. New ones are as they should be. */
  swallow(): void;
  /** From now on, a new connection brings PostgreSQL's greeting and its farewell in one piece. */
  endAtOnce(): void;
  /** What is sent through the connections that there are still arrives; instead of the next answer, the connection is lost. */
  loseAnswers(): void;
}

/** `FATAL 57P01`: https://www.postgresql.org/docs/current/protocol-message-formats.html (ErrorResponse) */
const FIELDS = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0';
const FAREWELL = Buffer.alloc(5 + FIELDS.length);
FAREWELL.write('E');
FAREWELL.writeInt32BE(4 + FIELDS.length, 1);
FAREWELL.write(FIELDS, 5);

export async function startNetwork(server: string): Promise<Network> {
  let connections = 0;
  let ends = false;
  const { hostname, port } = new URL(server);
  const sockets = new Set<Socket>();
  const answering = new Map<Socket, Socket>();
  const network = createServer((client) => {
    connections += 1;
    const there = connect(Number(port), hostname);
    for (const socket of [client, there]) sockets.add(socket.on('error', () => undefined));
    answering.set(there, client);
    client.pipe(there);
    if (ends) there.once('data', (greeting: Buffer) => client.end(Buffer.concat([greeting, FAREWELL])));
    else there.pipe(client);
  }).listen(0, '127.0.0.1');
  endings.push(() => {
    network.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(network, 'listening');
  const address = network.address() as { port: number };
  return {
    url: Object.assign(new URL(server), { port: String(address.port) }).href,
    connections: () => connections,
    endAtOnce: () => {
      ends = true;
    },
    loseAnswers: () => {
      for (const [there, client] of answering)
        there
          .unpipe()
          .once('data', () => client.destroy())
          .resume();
    },
    swallow: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}
