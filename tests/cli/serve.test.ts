import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { BIN, docent, type Server, serve, temporaryFolder, writeFiles } from './support.ts';

const folder = writeFiles(temporaryFolder(), {
  'plain/README.md': '# Teapots\n\nAll about them.\n',
  'plain/brew.md': '# Brew\n\nSee [the pot](pot/README.md).\n',
  'plain/pot/README.md': '# Pot\n\nOf clay.\n\n![A pot](pot.svg)\n',
  'plain/pot/pot.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'base/docent.config.json':
    '{"product": {"name": "tea", "version": "1.2.3"}, "content": ["../plain"], "site": {"url": "https://tea.example/docs/"}}',
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('it did not come true within 10 seconds');
}

const titleOf = async (server: Server, topic: string) => {
  const response = await fetch(`${server.url}/help/${topic}.json`);
  return response.ok ? (await response.json()).title : response.status;
};

test('a folder of plain Markdown is served without any configuration', async () => {
  const server = await serve(['plain'], { cwd: folder });
  assert.match(server.output(), /^Docent \d+\.\d+\.\d+: 2 topics in \d+\.\d\d s\nhttp:\/\/127\.0\.0\.1:\d+\/\n$/);
  const html = await (await fetch(`${server.url}/help/brew/`)).text();
  assert.match(html, /docent help --from plain brew/);
  assert.match(html, /<a href="\.\.\/\.\.\/help\/pot\/"|<a href="\.\.\/pot\/">the pot<\/a>/);
  assert.match(await (await fetch(`${server.url}/help/`)).text(), /All about them/);
  assert.match(await (await fetch(`${server.url}/help/pot/`)).text(), /src="\.\.\/_files\/pot\/pot\.svg"/);
  assert.equal((await fetch(`${server.url}/help/_files/pot/pot.svg`)).headers.get('content-type'), 'image/svg+xml');
  assert.equal(await server.stop(), 0);
});

test('a pack is served as it is', async () => {
  await docent(['pack', 'plain', '--out', 'tea.pack'], { cwd: folder });
  const server = await serve(['tea.pack'], { cwd: folder });
  assert.equal(await titleOf(server, 'pot'), 'Pot');
  await server.stop();
});

test('a public address with a path moves every URL below it', async () => {
  const server = await serve(['--config', join(folder, 'base/docent.config.json')], { cwd: folder });
  assert.match(server.url, /\/docs$/);
  const html = await (await fetch(`${server.url}/help/pot/`)).text();
  assert.match(html, /href="\/docs\/_astro\/[^"]+\.css"/);
  assert.match(html, /rel="canonical" href="https:\/\/tea\.example\/docs\/help\/pot\/"/);
  await server.stop();
});

test('--watch compiles again on a change, and keeps the last good catalog when it cannot', async () => {
  const source = writeFiles(join(folder, 'watched'), { 'a.md': '# One\n\nText.\n' });
  const server = await serve(['watched', '--watch', '--strict'], {
    cwd: folder,
    env: { DOCENT_DEFAULT_STABILITY: 'stable' },
  }).catch((error: Error) => error);
  // A strict build infers nothing, so the first build already fails, with every reason.
  assert.ok(server instanceof Error);
  assert.match(
    server.message,
    /ended with 1[\s\S]*"topic" is missing[\s\S]*"title" is missing[\s\S]*"stability" is missing/,
  );
  const head = (title: string) => `---\ntopic: a\ntitle: ${title}\nstability: stable\n---\nText.\n`;
  writeFileSync(join(source, 'a.md'), head('One'));
  const live = await serve(['watched', '--watch', '--strict'], { cwd: folder });
  assert.equal(await titleOf(live, 'a'), 'One');
  writeFileSync(join(source, 'a.md'), head('Two'));
  await until(async () => (await titleOf(live, 'a')) === 'Two');
  writeFileSync(join(source, 'a.md'), 'no front matter\n');
  await until(async () => live.output().includes('the last good catalog stays'));
  assert.equal(await titleOf(live, 'a'), 'Two');
  writeFileSync(join(source, 'a.md'), head('Three'));
  writeFiles(source, { 'b.md': head('New').replace('topic: a', 'topic: b') });
  await until(async () => (await titleOf(live, 'b')) === 'New');
  assert.equal(await titleOf(live, 'a'), 'Three');
  rmSync(join(source, 'b.md'));
  await until(async () => (await titleOf(live, 'b')) === 404);
  assert.equal(await live.stop(), 0);
});

test('--watch finds a source folder again that was removed, and does not mind its own pack', async () => {
  const source = writeFiles(join(folder, 'moved'), { 'a.md': '# One\n\nText.\n' });
  const server = await serve(['moved', '--watch', '--pack', 'moved/own.pack'], { cwd: folder });
  rmSync(source, { recursive: true });
  await until(async () => server.output().includes('moved is gone; the last good catalog stays'));
  assert.equal(await titleOf(server, 'a'), 'One');
  writeFiles(source, { 'a.md': '# Two\n\nText.\n' });
  await until(async () => (await titleOf(server, 'a')) === 'Two');
  const builds = () => server.output().match(/compiled again/g)?.length;
  const before = builds();
  await new Promise((done) => setTimeout(done, 600));
  assert.equal(builds(), before);
  assert.equal(await server.stop(), 0);
});

test('a client that never finishes its request does not keep the server alive', async () => {
  const server = await serve(['plain'], { cwd: folder });
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHo');
  assert.equal(await server.stop(), 0);
  socket.destroy();
});

test('flags weigh more than the environment, the environment more than the file', async () => {
  const options = {
    cwd: join(folder, 'base'),
    env: { DOCENT_PRODUCT_VERSION: '9.9.9', DOCENT_SITE_URL: 'https://tea.example' },
  };
  const server = await serve([], options);
  const { current } = await (await fetch(`${server.url}/help/versions.json`)).json();
  assert.equal(current, '9.9');
  await server.stop();
  const busy = await docent(['serve', '--port', 'x'], { ...options, env: { DOCENT_PORT: '0' } });
  assert.equal(busy.code, 2);
});

test('the newer Node that goes on for an older one ends with it, however that one ends', async () => {
  // As the bin starts it when Node is too old; that one is killed, which closes the channel and nothing else.
  const child = spawn(process.execPath, [BIN, 'serve', 'plain', '--port', '0'], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, DOCENT_CONTINUED: '1' },
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit');
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  child.disconnect();
  assert.deepEqual(await ended, [null, 'SIGKILL']);
});

test('--data says where the reference API keeps its data, and nobody else may read them', async () => {
  const cwd = writeFiles(temporaryFolder(), {
    'docent.config.json': '{"content": ["topics"], "reference": {"enabled": true}}',
    'topics/a.md': '# A\n',
  });
  const server = await serve(['--data', 'state/of/things'], { cwd });
  const created = await fetch(`${server.url}/api/sandboxes`, { method: 'POST' });
  assert.equal(created.status, 201);
  const { token } = await created.json();
  assert.equal((await fetch(`${server.url}/api/help`)).status, 200);
  assert.equal(await server.stop(), 0);
  assert.equal(statSync(join(cwd, 'state/of/things/reference.sqlite')).mode & 0o077, 0);
  const again = await serve([], { cwd, env: { DOCENT_DATA: 'state/of/things' } });
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${again.url}/api/charges/ch_none`, { headers });
  assert.equal((await answer.json()).code, 'charge_not_found');
  await again.stop();
});

test('help and the reference API cannot be at the same paths', async () => {
  for (const helpPath of ['/api', '/api/charges', '/api/sandboxes/help']) {
    const cwd = writeFiles(temporaryFolder(), {
      'docent.config.json': JSON.stringify({ content: ['.'], reference: { enabled: true }, api: { helpPath } }),
      'a.md': '# A\n',
    });
    const { code, stderr } = await docent(['serve', '--port', '0'], { cwd });
    assert.equal(code, 2, helpPath);
    assert.match(stderr, new RegExp(`"api.helpPath" is ${helpPath}, where the reference API is\n  hint: `));
  }
});
