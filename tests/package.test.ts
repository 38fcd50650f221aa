import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { docent, ROOT, serve, temporaryFolder, writeFiles } from './cli/support.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const installed = join(folder, 'node_modules', 'docent');
const bin = join(folder, 'node_modules', '.bin', 'docent');

/** A first installation fetches the run-time packages. Milliseconds. */
const INSTALL_LIMIT_MS = 180_000;

before(
  async () => {
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: ROOT,
    });
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    assert.ok(tarball !== undefined, stdout);
    writeFiles(folder, { 'package.json': '{"private": true}', 'docs/hello.md': '# Hello\n\nFrom a package.\n' });
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder });
  },
  { timeout: INSTALL_LIMIT_MS },
);

test('the package brings what it needs and nothing of the build', () => {
  const packages = readdirSync(join(folder, 'node_modules'));
  for (const name of ['astro', 'vite', 'typescript', 'playwright', 'shiki', 'pg', 'redis'])
    assert.ok(!packages.includes(name), name);
  assert.ok(!existsSync(join(installed, 'content')) && !existsSync(join(installed, 'tests')));
  for (const path of [
    'dist/cli/main.js',
    'dist/theme/server/entry.mjs',
    'dist/docent.pack',
    'schemas/descriptor.schema.json',
  ]) {
    assert.ok(existsSync(join(installed, path)), path);
  }
});

test('no file of the package names the folder that it was built in', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.startsWith('node_modules'),
  );
  for (const path of files) {
    if (!statSync(join(installed, path)).isFile()) continue;
    assert.ok(!readFileSync(join(installed, path), 'latin1').includes(ROOT.replace(/\/$/, '')), path);
  }
});

test('the idempotency library can be imported, with its stores and types', async () => {
  const program = `
    import { DatabaseSync } from 'node:sqlite';
    import { execute, idempotent, type IdempotencyProblem, type Reply } from 'docent/idempotency';
    import { MemoryStore } from 'docent/idempotency/stores/memory';
    import { type RedisClient, RedisStore } from 'docent/idempotency/stores/redis';
    import { SqliteStore } from 'docent/idempotency/stores/sqlite';

    const id = { principal: 'p', key: 'k' };
    const request = { fingerprint: 'f', method: 'POST', path: '/' };
    const reply: Reply = { status: 201, headers: [], body: new Uint8Array() };
    for (const store of [new MemoryStore(), new SqliteStore(new DatabaseSync(':memory:'))])
      for (let time = 0; time < 2; time += 1) console.log((await execute(store, id, request, async () => reply)).kind);
    const client: RedisClient = { isReady: false, sendCommand: async () => 'OK' };
    console.log((await execute(new RedisStore(client), id, request, async () => reply).catch((error) => error)).problem);
    const problem = ({ code, status }: IdempotencyProblem) => new Response(code, { status });
    const handle = idempotent(() => new Response('done'), { store: new MemoryStore(), principal: () => 'p', problem });
    const send = (key: string) => handle(new Request('http://x/', { method: 'POST', headers: { 'Idempotency-Key': key } }));
    for (const key of ['a', 'a', '"']) {
      const response = await send(key);
      console.log(await response.text(), response.headers.get('idempotent-replayed'));
    }
  `;
  writeFiles(folder, { 'user.mts': program });
  const { stdout } = await run(process.execPath, ['user.mts'], { cwd: folder });
  const handled = 'done null\ndone true\nidempotency_key_invalid null\n';
  assert.equal(stdout, `executed\nreplayed\nexecuted\nreplayed\nunavailable\n${handled}`);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  const roots = ['--typeRoots', join(ROOT, 'node_modules', '@types')];
  await run(join(ROOT, 'node_modules', '.bin', 'tsc'), [...options, ...roots, 'user.mts'], { cwd: folder });
});

test('help shows Docent’s own topics', async () => {
  const { code, stdout } = await docent(['help', 'errors', 'IDEMPOTENCY_CONFLICT'], { cwd: folder, bin });
  assert.equal(code, 0);
  assert.match(stdout, /^errors\.IDEMPOTENCY_CONFLICT /);
});

test('serve compiles a folder and renders pages without Astro', async () => {
  const server = await serve(['docs'], { cwd: folder, bin });
  const html = await (await fetch(`${server.url}/help/hello/`)).text();
  assert.match(html, /<h1[^>]*>[\s\S]*Hello[\s\S]*<\/h1>/);
  const css = /href="(\/_astro\/[^"]+\.css)"/.exec(html)?.[1];
  assert.equal((await fetch(`${server.url}${css}`)).status, 200);
  assert.equal((await fetch(`${server.url}/schemas/descriptor.schema.json`)).status, 200);
  assert.equal(await server.stop(), 0);
});

test('a store whose client is not installed is told, and how to install it', async () => {
  for (const [store, name] of [
    ['postgres://u:secret@127.0.0.1:9/docent', 'pg'],
    ['redis://u:secret@127.0.0.1:9', 'redis'],
  ] as const) {
    const { code, stderr } = await docent(['serve', 'docs', '--port', '0', '--store', store], { cwd: folder, bin });
    assert.equal(code, 3);
    const message = `docent: this store needs the package "${name}", which is not installed beside Docent`;
    assert.equal(stderr, `${message}\n  hint: run: npm install ${name}\n`);
  }
});

test('counters are there without anything else to install', async () => {
  const server = await serve(['docs', '--metrics', '0'], { cwd: folder, bin });
  const metrics = /^metrics: (\S+)$/m.exec(server.output())?.[1] ?? '';
  assert.match(await (await fetch(metrics)).text(), /^docent_build_info\{version="/m);
  assert.equal(await server.stop(), 0);
});

test('pack, build and check work from the package', async () => {
  assert.equal((await docent(['check', 'docs'], { cwd: folder, bin })).code, 0);
  assert.match(
    (await docent(['build', 'docs', '--out', 'site'], { cwd: folder, bin })).stdout,
    /^site: \d+ topics?, \d+ files\n$/,
  );
  assert.equal((await docent(['pack', 'docs', '--out', 'x.pack'], { cwd: folder, bin })).code, 0);
});
