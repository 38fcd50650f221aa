import type { Example, ExampleHeader, ExampleRequest } from '../topic/descriptor.ts';
import { type ActualResponse, compareResponse, type Difference } from './compare.ts';
import { parseJson } from './json.ts';
import { type Answer, type Failure, type SentRequest, send, TIME_LIMIT_MS, type Transport } from './send.ts';
import { expand, mentions, unboundIn, Values } from './template.ts';

/** What came of one example. */
export type Outcome = { example: Example } & (
  | { kind: 'kept'; sent: SentRequest; actual: ActualResponse }
  | { kind: 'broken'; sent: SentRequest; actual: ActualResponse; differences: Difference[] }
  /** `sent` is there when the request got that far. */
  | ({ kind: 'failed'; sent?: SentRequest } & Failure)
  | { kind: 'skipped'; reason: string }
);

export interface RunOptions {
  /** An `http:` or `https:` URL; targets are appended to its path. See {@link parseBaseUrl}. */
  baseUrl: string;
  fetch?: typeof fetch;
  /** A UUID v4. */
  uuid?: () => string;
  now?: () => Date;
  /** Ends the run: what has not been answered has failed then. */
  signal?: AbortSignal;
  /** For one exchange. Milliseconds; {@link TIME_LIMIT_MS} by default. */
  timeLimitMs?: number;
}

/** A parallel request is to find the one before it in flight, and in its order. Milliseconds. */
const PARALLEL_GAP_MS = 150;

/**
 * Runs the examples of one topic in order, as one scenario: they share the values of their placeholders, and one fresh sandbox if
 * they ask for its token. An example that fails stops none of the others that have all their values.
 * @yields one outcome for each example, in their order.
 * @throws {TypeError} when the base URL is none.
 */
export async function* runExamples(examples: Example[], options: RunOptions): AsyncGenerator<Outcome, void, void> {
  const base = parseBaseUrl(options.baseUrl);
  if (base === undefined) throw new TypeError(`"${options.baseUrl}" is no base URL: write http://host:port/path`);
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const transport: Transport = {
    // Called as a method of something else, a browser's fetch refuses.
    fetch: options.fetch ?? ((...call) => globalThis.fetch(...call)),
    timeLimit: options.timeLimitMs ?? TIME_LIMIT_MS,
    signal,
  };
  try {
    const scenario = await prepare(examples, base, transport, options);
    for (const group of parallelGroups(examples)) {
      const running: Promise<Attempt>[] = [];
      for (const example of group) {
        if (running.length > 0) await pause(PARALLEL_GAP_MS, signal);
        running.push(attempt(example, scenario));
      }
      for (const [index, example] of group.entries())
        yield judge(example, await (running[index] as Promise<Attempt>), scenario);
    }
  } finally {
    // Whoever stops listening does not want what is still under way.
    stop.abort();
  }
}

/** @returns undefined for anything but an `http:` or `https:` URL without user, query and fragment. */
export function parseBaseUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  return url.username + url.password + url.search + url.hash === '' ? url : undefined;
}

interface Scenario {
  base: URL;
  transport: Transport;
  values: Values;
  /** Why there is no token, where one is asked for. */
  sandboxFailure?: Failure;
}

async function prepare(
  examples: Example[],
  base: URL,
  transport: Transport,
  { now = () => new Date(), uuid = randomUuid }: RunOptions,
): Promise<Scenario> {
  const sandbox = examples.some(needsToken) ? await makeSandbox(base, transport) : { token: undefined };
  const token = 'token' in sandbox ? sandbox.token : undefined;
  const values = new Values({ token, now: now().toISOString(), uuid });
  return { base, transport, values, ...('failed' in sandbox ? { sandboxFailure: sandbox.failed } : {}) };
}

function needsToken({ skip, request, response }: Example): boolean {
  if (skip !== undefined) return false;
  return [...textsOf(request), ...(response === undefined ? [] : textsOf(response))].some((text) =>
    mentions(text, '$token'),
  );
}

/** Every text of a message in which a placeholder may stand. */
function textsOf(message: Pick<ExampleRequest, 'headers' | 'body'> & { target?: string }): string[] {
  return [message.target ?? '', ...message.headers.map(({ value }) => value), message.body ?? ''];
}

/** An account of the reference API that belongs to this run alone. */
async function makeSandbox(base: URL, transport: Transport): Promise<{ token: string } | { failed: Failure }> {
  const url = `${base.href.replace(/\/$/, '')}/api/sandboxes`;
  const answer = await send({ method: 'POST', url, headers: [] }, transport);
  const hint = '{{$token}} needs a Docent server with its reference API';
  if ('failed' in answer) return { failed: { ...answer.failed, reason: 'sandbox' } };
  const { status, body } = 'actual' in answer ? answer.actual : { status: 0, body: '' };
  const parsed = parseJson(body)?.value as { token?: unknown } | null | undefined;
  if (status === 201 && typeof parsed?.token === 'string') return { token: parsed.token };
  const message = `no sandbox was made: POST ${url} answered ${status || 'with a redirect'}; ${hint}`;
  return { failed: { reason: 'sandbox', message } };
}

/** An example with those that are sent together with it. */
function parallelGroups(examples: Example[]): Example[][] {
  const groups: Example[][] = [];
  for (const example of examples) {
    const last = groups.at(-1);
    if (example.parallel && last !== undefined) last.push(example);
    else groups.push([example]);
  }
  return groups;
}

type Attempt = { sent?: SentRequest; answer: Answer };

/** Sends an example's request. Never rejects; what it sends is decided before it gives the control back. */
async function attempt(example: Example, { base, transport, values, sandboxFailure }: Scenario): Promise<Attempt> {
  const { skip, request } = example;
  if (skip !== undefined) return { answer: { skipped: skip } };
  if (transport.signal.aborted) return failed('aborted', 'it was stopped before it was sent');
  if (sandboxFailure !== undefined && needsToken(example)) return { answer: { failed: sandboxFailure } };
  const unbound = [...new Set(textsOf(request).flatMap((text) => unboundIn(text, values)))];
  if (unbound.length > 0) {
    const names = unbound.map((name) => `{{${name}}}`).join(', ');
    return failed('unbound', `${names} has no value; a response before it has to promise that name, and come`);
  }
  const sent = fill(request, base, values);
  if ('reason' in sent) return { answer: { failed: sent } };
  return { sent, answer: await send(sent, transport) };
}

function failed(reason: Failure['reason'], message: string): Attempt {
  return { answer: { failed: { reason, message } } };
}

/** The request with its values. They come from a server, so they must not lead to another one. */
function fill({ method, target, headers, body }: ExampleRequest, base: URL, values: Values): SentRequest | Failure {
  const path = expand(target, values);
  // In a body that is JSON a value stands inside a string.
  const encode = body !== undefined && parseJson(body) !== undefined ? insideJson : undefined;
  const text = body === undefined ? '' : expand(body, values, encode);
  const filled = headers.map(({ name, value }) => ({ name, value: expand(value, values) }));
  if (path === undefined || text === undefined || filled.some(({ value }) => value === undefined))
    return { reason: 'too-large', message: 'with its values the request is too large; write a smaller {{$text.N}}' };
  const url = below(base, path);
  if (url === undefined)
    return { reason: 'outside', message: `"${path.slice(0, 100)}" leads out of ${base.href}; nothing was sent` };
  return {
    method,
    url,
    headers: filled as SentRequest['headers'],
    ...(body === undefined ? {} : { body: text }),
  };
}

function insideJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** The address of a target below the base URL; undefined when it is not below it. */
function below(base: URL, target: string): string | undefined {
  const prefix = base.href.replace(/\/$/, '');
  const address = prefix + target;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url?.hash === '' && url.href.startsWith(`${prefix}/`) ? url.href : undefined;
}

function judge(example: Example, { sent, answer }: Attempt, { base, values }: Scenario): Outcome {
  if ('skipped' in answer) return { example, kind: 'skipped', reason: answer.skipped };
  if ('failed' in answer || sent === undefined) {
    const { reason, message } = (answer as { failed: Failure }).failed;
    return { example, kind: 'failed', ...(sent === undefined ? {} : { sent }), reason, message };
  }
  const { actual } = answer;
  const seen = withoutBasePath(actual, base);
  const differences =
    example.response === undefined ? [] : compareResponse(withoutBasePath(example.response, base), seen, values);
  if (differences.length === 0) return { example, kind: 'kept', sent, actual };
  return { example, kind: 'broken', sent, actual, differences };
}

/**
 * A message as it would be at the root of a server. Topics name paths without the base path, in what they promise as in what they
 * send, and a server names its own paths with it: in `Location`, in a problem's `instance`, in a sentence.
 */
function withoutBasePath<T extends { headers: ExampleHeader[]; body?: string }>(message: T, base: URL): T {
  const prefix = base.pathname.replace(/\/?$/, '/');
  if (prefix === '/') return message;
  const { headers, body } = message;
  return {
    ...message,
    headers: headers.map(({ name, value }) => ({ name, value: value.replaceAll(prefix, '/') })),
    ...(body === undefined ? {} : { body: body.replaceAll(prefix, '/') }),
  };
}

/** Ends early when the run is stopped. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/** A page that is not served over HTTPS has no `crypto.randomUUID`. */
function randomUuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
