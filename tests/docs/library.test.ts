import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../cli/support.ts';
import { type Program, start } from './process.ts';
import { projectWith } from './project.ts';
import { programs } from './support.ts';

const run = promisify(execFile);
const program = programs('idempotency/library.md');
const endpoint = program('A FIRST ENDPOINT', 'ts');

/** A build loads a compiler and a bundler. Milliseconds. */
const BUILD_LIMIT_MS = 120_000;

const running: Program[] = [];
after(() => Promise.all(running.map((server) => server.stop())));

async function serve(folder: string, file: string): Promise<string> {
  const server = await start(file, { cwd: folder, env: { HOST: '127.0.0.1', PORT: '0' } });
  running.push(server);
  return server.url;
}

/** Each server of the topic, in a project of its own. @returns the URL of its charges. */
const SERVERS: Record<string, () => Promise<string>> = {
  Hono: () => serve(projectWith({ 'charges.ts': endpoint, 'hono.ts': program('HONO', 'ts') }), 'hono.ts'),
  'node:http': () => serve(projectWith({ 'charges.ts': endpoint, 'http.ts': program('NODE:HTTP', 'ts') }), 'http.ts'),
  Astro: async () => {
    const folder = projectWith({
      'src/charges.ts': endpoint,
      'src/pages/api/charges.ts': program('ASTRO', 'ts'),
      'astro.config.mjs': program('ASTRO', 'js'),
    });
    const astro = join(ROOT, 'node_modules', 'astro', 'bin', 'astro.mjs');
    const env = { PATH: process.env.PATH ?? '', HOME: folder, ASTRO_TELEMETRY_DISABLED: '1' };
    await run(process.execPath, [astro, 'build'], { cwd: folder, env });
    return serve(folder, join('dist', 'server', 'entry.mjs'));
  },
};

for (const [name, open] of Object.entries(SERVERS)) {
  test(`the example for ${name} keeps its promise`, { timeout: BUILD_LIMIT_MS }, async () => {
    const url = `${await open()}api/charges`;
    const send = async (body: string, headers: Record<string, string> = {}) => {
      const own = { Authorization: 'Bearer alice-secret', 'Content-Type': 'application/json', ...headers };
      const response = await fetch(url, { method: 'POST', headers: own, body });
      const text = await response.text();
      const { location, 'idempotent-replayed': replayed } = Object.fromEntries(response.headers);
      return { status: response.status, text, location, replayed };
    };
    const key = { 'Idempotency-Key': '"6f1c2f0e"' };
    const first = await send('{"amount": 1000}', key);
    const { id } = JSON.parse(first.text);
    const answer = { status: 201, text: JSON.stringify({ id, amount: 1000 }), location: `/api/charges/${id}` };
    assert.deepEqual(first, { ...answer, replayed: undefined });
    assert.deepEqual(await send('{"amount": 1000}', key), { ...answer, replayed: 'true' });
    assert.deepEqual(await send('{ "amount": 1e3 }', { 'Idempotency-Key': '6f1c2f0e' }), {
      ...answer,
      replayed: 'true',
    });
    const codes = async (body: string, headers: Record<string, string>) => {
      const { status, text } = await send(body, headers);
      return [status, JSON.parse(text).code];
    };
    assert.deepEqual(await codes('{"amount": 2000}', key), [409, 'idempotency_conflict']);
    assert.deepEqual(await codes('{"amount": 1000}', {}), [400, 'idempotency_key_missing']);
    assert.deepEqual(await codes('{"amount": 1, "amount": 2}', key), [400, 'json_duplicate_member']);
    const corrected = { 'Idempotency-Key': '"corrected"' };
    for (const wrong of ['{"amount": 0}', '{"amount": "1"}', 'null', '[]'])
      assert.deepEqual(await codes(wrong, corrected), [422, 'amount_invalid'], wrong);
    assert.equal((await send('{"amount": 1}', corrected)).status, 201);
    const stranger = await send('{"amount": 1}', { ...key, Authorization: 'Bearer guessed' });
    assert.deepEqual([stranger.status, stranger.text], [401, 'Who are you?']);
    const bob = await send('{"amount": 5}', { ...key, Authorization: 'Bearer bob-secret' });
    assert.deepEqual([bob.status, bob.replayed], [201, undefined]);
    const all = await Promise.all(
      Array.from({ length: 10 }, () => send('{"amount": 3}', { 'Idempotency-Key': '"burst"' })),
    );
    const made = all.filter(({ status }) => status === 201);
    assert.equal(new Set(made.map(({ text }) => text)).size, 1);
    for (const { status } of all) assert.ok(status === 201 || status === 409);
  });
}

describe('the other programs of the topic', () => {
  const folder = projectWith({
    'charges.ts': endpoint,
    'hono.ts': program('HONO', 'ts'),
    'http.ts': program('NODE:HTTP', 'ts'),
    'context.ts': program('HONO', 'ts', 1),
    'problem.ts': program('ERRORS', 'ts'),
    'observe.ts': program('OBSERVING', 'ts'),
    'synopsis.ts': `import { DatabaseSync } from 'node:sqlite';
${program('SYNOPSIS', 'ts')}
declare const db: DatabaseSync;
declare function accountOf(request: Request): string;
export const typed: (request: Request) => Promise<Response> = createCharge;
`,
    'src/pages/api/charges.ts': program('ASTRO', 'ts').replace('../../charges.ts', '../../../charges.ts'),
  });
  const load = (name: string) => import(pathToFileURL(join(folder, name)).href);
  const orderOf = (body: string) =>
    new Request('http://x/orders', { method: 'POST', headers: { 'Idempotency-Key': 'a' }, body });

  test('what a middleware has found out arrives at handler and principal', async () => {
    const { app } = await load('context.ts');
    for (const replayed of [null, 'true']) {
      const response = await app.request(orderOf('1'));
      assert.equal(await response.text(), '{"account":"alice","path":"/orders"}');
      assert.equal(response.headers.get('idempotent-replayed'), replayed);
    }
  });

  test('problems have another form, and decisions are counted', async (t) => {
    const log = t.mock.method(console, 'log', () => undefined);
    const { problem } = await load('problem.ts');
    const { observe, counts } = await load('observe.ts');
    const { idempotent } = await import('../../src/idempotency/index.ts');
    const { MemoryStore } = await import('../../src/idempotency/stores/memory.ts');
    const handle = idempotent(() => new Response('done'), {
      store: new MemoryStore(),
      principal: () => 'alice',
      problem,
      observe,
    });
    await handle(orderOf('1'));
    const refused = await handle(orderOf('2'));
    assert.equal(refused.status, 409);
    const message = 'The key was first used for POST /orders with other content.';
    assert.deepEqual(await refused.json(), { error: { code: 'key_reused', message } });
    await new Promise(setImmediate);
    assert.deepEqual(Object.fromEntries(counts), { claimed: 1, stored: 1, mismatch: 1 });
    const lines = log.mock.calls.map(({ arguments: [line] }) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ kind, method, path }) => [kind, method, path]),
      ['claimed', 'stored', 'mismatch'].map((kind) => [kind, 'POST', '/orders']),
    );
  });

  test('all of them are right about the types', { timeout: BUILD_LIMIT_MS }, async () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
    const lenient = ['--allowImportingTsExtensions', '--skipLibCheck'];
    const names = ['hono', 'http', 'context', 'problem', 'observe', 'synopsis', 'src/pages/api/charges'];
    const files = names.map((name) => `${name}.ts`);
    await run(process.execPath, [join(ROOT, 'node_modules', '.bin', 'tsc'), ...options, ...lenient, ...files], {
      cwd: folder,
    }).catch(({ stdout }) => assert.fail(stdout));
  });
});
