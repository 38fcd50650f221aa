import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after } from 'node:test';
import { type Outcome, type RunOptions, runExamples } from '../../src/example/run.ts';
import type { Example } from '../../src/topic/descriptor.ts';
import { compiled } from '../support.ts';

/** A request as a server received it. */
export interface Received {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

type Answer = (request: Received, response: ServerResponse) => void;

/** A server on the loopback address until the test file ends; answers its URL. */
export async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    read(request).then((received) => answer(received, response));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers } = request;
  return { method, url, headers, body: Buffer.concat(chunks).toString() };
}

/** The examples of a text in which requests and responses stand in turn, separated by `---`; info words behind a first `!`. */
export function examplesIn(text: string): Example[] {
  const fences = text
    .trim()
    .split(/\n\s*---\n/)
    .map((message) => {
      const lines = message.split('\n').map((line) => line.trim());
      const info = lines[0]?.startsWith('!') ? ` ${lines.shift()?.slice(1).trim()}` : '';
      return `\`\`\`http${info}\n${lines.join('\n')}\n\`\`\`\n`;
    });
  return compiled(fences.join('\n')).examples;
}

export async function outcomesOf(examples: Example[] | string, options: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const list = typeof examples === 'string' ? examplesIn(examples) : examples;
  for await (const outcome of runExamples(list, options)) outcomes.push(outcome);
  return outcomes;
}

export const kinds = (outcomes: Outcome[]): string[] => outcomes.map(({ kind }) => kind);

/** An outcome that has to be of a kind. */
export function as<K extends Outcome['kind']>(kind: K, outcome: Outcome | undefined): Extract<Outcome, { kind: K }> {
  if (outcome?.kind !== kind) throw new Error(`not ${kind}: ${JSON.stringify(outcome)}`);
  return outcome as Extract<Outcome, { kind: K }>;
}
