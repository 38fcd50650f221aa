// An API that keeps the rules of idempotency keys and fails on the way, as networks and servers do.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What goes wrong with one attempt. Without a fault the request is executed, or answered as before. */
export type Fault =
  /** Executes, and breaks the connection instead of answering. */
  | { kind: 'drop-after' }
  /** Executes, and breaks the connection in the middle of the answer. */
  | { kind: 'drop-halfway' }
  /** Executes, and never answers. */
  | { kind: 'silence' }
  /** Answers like this and executes nothing. */
  | { kind: 'answer'; status: number; body?: unknown; headers?: Record<string, string> };

export interface Attempt {
  key: string | undefined;
  body: string;
  headers: IncomingMessage['headers'];
}

export class FaultyApi {
  readonly attempts: Attempt[] = [];
  /** One entry per execution: the body. */
  readonly executed: string[] = [];
  /** Called when a request has arrived, before anything is done. */
  onAttempt: (attempt: Attempt) => void = () => {};
  private readonly answers = new Map<string, string>();
  private faults: Fault[] = [];
  private readonly server = createServer((request, response) => void this.answer(request, response));

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/charges`;
  }

  /** Pages that the server shows besides the API. */
  readonly pages = new Map<string, { type: string; body: string }>();

  /** Forgets everything; the next attempts meet these faults, in order. */
  reset(...faults: Fault[]): void {
    this.attempts.length = 0;
    this.executed.length = 0;
    this.answers.clear();
    this.faults = faults;
    this.onAttempt = () => {};
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = this.pages.get(request.url ?? '');
    if (request.method === 'GET') {
      response.writeHead(page ? 200 : 404, { 'Content-Type': page?.type ?? 'text/plain' }).end(page?.body);
      return;
    }
    const { 'idempotency-key': key } = request.headers;
    const attempt = { key: key as string | undefined, body: await text(request), headers: request.headers };
    this.attempts.push(attempt);
    this.onAttempt(attempt);
    const fault = this.faults.shift();
    if (fault?.kind === 'answer') {
      const body = fault.body === undefined ? '' : JSON.stringify(fault.body);
      response.writeHead(fault.status, { 'Content-Type': 'application/problem+json', ...fault.headers }).end(body);
      return;
    }
    const replayed = this.answers.has(attempt.key ?? '');
    const body = this.execute(attempt);
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'drop-after') {
      request.socket.destroy();
      return;
    }
    response.writeHead(201, { 'Content-Length': body.length, ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}) });
    if (fault?.kind !== 'drop-halfway') response.end(body);
    else response.write(body.slice(0, 4), () => request.socket.destroy());
  }

  private execute({ key = '', body }: Attempt): string {
    const earlier = this.answers.get(key);
    if (earlier !== undefined) return earlier;
    this.executed.push(body);
    const answer = JSON.stringify({ id: `ch_${this.executed.length}` });
    this.answers.set(key, answer);
    return answer;
  }
}
