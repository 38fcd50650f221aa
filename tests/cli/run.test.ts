// `docent run` and `docent check --run`, as processes, against real servers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { BIN, docent, type Result, ROOT, type RunOptions, temporaryFolder, writeFiles } from './support.ts';

const fence = (text: string, info = '') => `\`\`\`http${info}\n${text}\n\`\`\`\n`;
const NOT_FOUND =
  fence('GET /nowhere HTTP/1.1') + fence('HTTP/1.1 404 Not Found\n\n{"code": "NOT_FOUND", "...": "..."}');
const BROKEN = fence('GET /nowhere HTTP/1.1') + fence('HTTP/1.1 200 OK\nX-A: b\n\n{"code": "FOUND", "...": "..."}');

const folder = writeFiles(temporaryFolder(), {
  'good/errors.md': '# Errors\n',
  'good/errors/NOT_FOUND.md': `---\nerror: {status: 404, retryable: never}\n---\n# Not found\n\n${NOT_FOUND}`,
  'good/pay.md': `# Pay\n\n${NOT_FOUND}\n${fence('POST /card', ' skip="it needs\u001b[31m a card" id=card')}`,
  'good/plain.md': '# Plain\n',
  'bad/a.md': `# A\n\n${BROKEN}${NOT_FOUND}${fence('GET /{{nobody}}')}${fence('HTTP/1.1 200')}`,
  'bad/b.md': `# B\n\n${fence('GET http://x.example/')}\n\`\`\`\nGET / HTTP/1.1\n\`\`\`\n`,
  'bad/errors.md': '# Errors\n',
  'bad/errors/GONE.md': `---\ntitle: Gone\nerror: {status: 410, retryable: never}\n---\n${NOT_FOUND}`,
  'bad/errors/LATER.md': '---\nerror: {status: 410, retryable: never, state: reserved}\n---\nLater.\n',
  'none/a.md': '# A\n\n```sh\nls\n```\n',
});

const run = (args: string[], options: Partial<RunOptions> = {}): Promise<Result> =>
  docent(['run', ...args], { cwd: folder, ...options });
const check = (args: string[], options: Partial<RunOptions> = {}): Promise<Result> =>
  docent(['check', '--run', ...args], { cwd: folder, ...options });

/** A server of somebody else; answers its URL. */
async function stranger(answer: (url: string) => { status: number; headers?: Record<string, string>; body?: string }) {
  const server = createServer(({ url = '' }, response) => {
    const { status, headers = {}, body = '' } = answer(url);
    response.writeHead(status, headers).end(body);
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('docent run', () => {
  test('sends the examples of a topic to a server of its own, in any spelling of the topic', async () => {
    for (const words of [['errors', 'NOT_FOUND'], ['errors.not_found'], ['errors/not_found']]) {
      const { code, stdout, stderr } = await run([...words, '--from', 'good']);
      assert.equal(stderr, '');
      assert.equal(code, 0, stdout);
      assert.match(
        stdout,
        /^errors NOT_FOUND at a server started for this run with the help alone; --base-url names another\n/,
      );
      assert.match(stdout, /^✓ kept 1 GET \/nowhere$/m);
      assert.match(stdout, /^ {4}promised\n {6}HTTP\/1\.1 404\n/m);
      assert.match(stdout, /^ {4}answered in \d+ ms\n {6}HTTP\/1\.1 404 Not Found\n/m);
      assert.match(stdout, /^ {8}"code": "NOT_FOUND"$/m);
      assert.match(stdout, /^1 example: 1 kept, 0 broken, 0 failed, 0 skipped\n$/m);
    }
  });

  test('shows what is broken, what failed and what is skipped, and ends with 1 for the first two', async () => {
    const { code, stdout } = await run(['a', '--from', 'bad']);
    assert.equal(code, 1);
    assert.match(stdout, /^✗ broken 1 GET \/nowhere$/m);
    assert.match(stdout, /^ {4}status\n {6}promised {2}200\n {6}answered {2}404$/m);
    assert.match(stdout, /^ {4}header X-A\n {6}promised {2}b\n {6}answered {2}nothing$/m);
    assert.match(stdout, /^ {4}body \/code\n {6}promised {2}"FOUND"\n {6}answered {2}"NOT_FOUND"$/m);
    assert.match(stdout, /^! failed 3 GET \/\{\{nobody\}\}$/m);
    assert.match(stdout, /\{\{nobody\}\} has no value/);
    assert.match(stdout, /^3 examples: 1 kept, 1 broken, 1 failed, 0 skipped$/m);
    const skipping = await run(['pay', '--from', 'good']);
    assert.equal(skipping.code, 0);
    assert.match(skipping.stdout, /^– skipped card POST \/card\n\n {4}not sent: it needs\ufffd\[31m a card$/m);
    assert.match(skipping.stdout, /^2 examples: 1 kept, 0 broken, 0 failed, 1 skipped$/m);
  });

  test('says all of it as data', async () => {
    const { code, stdout, stderr } = await run(['a', '--from', 'bad', '--json']);
    assert.equal(code, 1);
    assert.equal(stderr, '');
    const { topic, base_url, ledger, outcomes } = JSON.parse(stdout);
    assert.equal(topic, 'a');
    assert.match(base_url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.deepEqual(ledger, { found: 3, kept: 1, broken: 1, failed: 1, skipped: 0 });
    assert.deepEqual(
      outcomes.map(({ kind }: { kind: string }) => kind),
      ['broken', 'kept', 'failed'],
    );
    assert.equal(outcomes[0].differences[0].where, 'status');
    assert.equal(outcomes[1].actual.status, 404);
    assert.equal(outcomes[2].reason, 'unbound');
  });

  test('sends them to another server, shows nothing that a terminal would obey, and stays as wide as asked', async () => {
    const paths: string[] = [];
    const url = await stranger((path) => {
      paths.push(path);
      const long = 'x'.repeat(3000);
      return { status: 200, headers: { 'X-A': 'b\tc' }, body: `{"code":"\u001b]0;evil\u0007\u202e","long":"${long}"}` };
    });
    const { code, stdout } = await run(['a', '--from', 'bad', '--base-url', `${url}/v1/`]);
    assert.equal(code, 1);
    assert.match(stdout, new RegExp(`^a at ${url}/v1/\n`));
    // The first request only looks whether anybody is there.
    assert.deepEqual(paths, ['/v1/', '/v1/nowhere', '/v1/nowhere']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(stdout));
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });

  test('has colours only where they are wanted', async () => {
    const args = ['errors', 'NOT_FOUND', '--from', 'good'];
    const colored = await run(args, { env: { FORCE_COLOR: '1' } });
    assert.ok(colored.stdout.includes('\u001b[32m'));
    const plain = await run(args, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    assert.ok(!plain.stdout.includes('\u001b') && plain.stdout.includes('✓ kept'));
  });

  test('reads a pack, and the pack of the package', async () => {
    await docent(['pack', 'good', '--out', 'good.pack'], { cwd: folder });
    assert.equal((await run(['pay', '--pack', 'good.pack'])).code, 0);
    assert.equal((await run(['pay'], { env: { DOCENT_PACK: 'good.pack' } })).code, 0);
    const { code, stdout } = await run(['errors', 'IDEMPOTENCY_CONFLICT'], { cwd: temporaryFolder() });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^errors IDEMPOTENCY_CONFLICT at a server started for this run\n/);
    assert.match(stdout, /Bearer sk_/, 'the reference API is there for Docent’s own topics');
  });

  for (const [what, args, exit, message] of [
    ['no topic', [], 2, /no topic is named\n {2}hint: try: docent run TOPIC/],
    [
      'an unknown topic',
      ['errors', 'NOT_FOND', '--from', 'good'],
      1,
      /did you mean\n {4}docent run --from good errors NOT_FOUND\n/,
    ],
    ['a topic without examples', ['plain', '--from', 'good'], 1, /the topic plain has no example to run\n {2}hint: /],
    [
      'a base URL that is none',
      ['pay', '--from', 'good', '--base-url', 'localhost:1'],
      2,
      /"localhost:1" is no base URL\n {2}hint: /,
    ],
    ['a base URL with a password', ['pay', '--from', 'good', '--base-url', 'http://a:b@c'], 2, /is no base URL/],
    [
      'nobody there',
      ['pay', '--from', 'good', '--base-url', 'http://127.0.0.1:1'],
      3,
      /nothing answers at http:\/\/127\.0\.0\.1:1\/ \(.*\)\n {2}hint: /,
    ],
    ['a source that is not there', ['pay', '--from', 'nowhere'], 2, /there is no folder nowhere/],
  ] as const) {
    test(`${what}: exit ${exit}, with a hint`, async () => {
      const { code, stdout, stderr } = await run([...args]);
      assert.deepEqual([code, stdout], [exit, '']);
      assert.match(stderr, message);
    });
  }
});

describe('docent check --run', () => {
  test('runs the examples of all topics, and keeps a ledger', async () => {
    const { code, stdout, stderr } = await check(['good']);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.deepEqual(stdout.split('\n'), [
      'good/pay.md:13:1: skipped: example card (POST /card): it needs\ufffd[31m a card',
      '3 examples: 2 kept, 0 broken, 0 failed, 1 skipped',
      '4 topics, nothing to complain about',
      '',
    ]);
  });

  test('says at its place what is broken, what failed, what is not understood, and which error was never seen', async () => {
    const { code, stdout, stderr } = await check(['bad']);
    assert.equal(code, 1);
    const lines = stderr.split('\n').filter((line) => !line.startsWith('  hint: '));
    assert.deepEqual(lines, [
      'bad/a.md:7:1: error example-broken: example 1 (GET /nowhere) is not answered as promised: status: promised 200, got 404; header X-A: promised b, got nothing; body /code: promised "FOUND", got "NOT_FOUND"',
      'bad/a.md:21:1: error example-failed: example 3 (GET /{{nobody}}) was not answered: {{nobody}} has no value; a response before it has to promise that name, and come',
      'bad/b.md:4:5: error example-invalid: "http://x.example/" is no path of the server',
      'bad/b.md:7:1: error example-untagged: this looks like an HTTP message and is not tagged as one',
      'bad/errors/GONE.md:3:1: error error-without-example: no example of this topic was answered with 410 and GONE',
      '',
    ]);
    assert.deepEqual(stdout.split('\n').slice(-3), [
      '4 examples: 2 kept, 1 broken, 1 failed, 0 skipped',
      '5 topics, 5 errors',
      '',
    ]);
  });

  test('without --run the same topics only have warnings', async () => {
    const { code, stdout } = await docent(['check', 'bad'], { cwd: folder });
    assert.deepEqual([code, stdout], [0, '5 topics, 2 warnings\n']);
  });

  test('says all of it as data', async () => {
    const { code, stdout, stderr } = await check(['bad', '--json']);
    assert.equal(code, 1);
    assert.match(stderr, /^4 examples: .*\n5 topics, 5 errors\n$/);
    const { diagnostics, ledger, examples } = JSON.parse(stdout);
    assert.equal(diagnostics.length, 5);
    assert.deepEqual(ledger, { found: 4, kept: 2, broken: 1, failed: 1, skipped: 0 });
    assert.equal(examples.length, ledger.found);
    const { topic, file, line, column, kind } = examples[0];
    assert.deepEqual([topic, file, line, column, kind], ['a', 'bad/a.md', 4, 1, 'broken']);
  });

  test('finds it wrong that there is nothing to run', async () => {
    const { code, stdout, stderr } = await check(['none']);
    assert.equal(code, 1);
    assert.match(stderr, /^none:1:1: error no-examples: no example was found in 1 source\n {2}hint: /);
    assert.match(stdout, /^0 examples: 0 kept, /);
  });

  test('asks another server', async () => {
    const url = await stranger(() => ({ status: 404, body: '{"code":"NOT_FOUND"}' }));
    assert.equal((await check(['good', '--base-url', url])).code, 0);
    const broken = await stranger(() => ({ status: 302, headers: { Location: url } }));
    const { code, stdout } = await check(['good'], { env: { DOCENT_BASE_URL: broken } });
    assert.equal(code, 1);
    assert.match(stdout, /^3 examples: 0 kept, 2 broken, 0 failed, 1 skipped$/m);
    assert.equal((await check(['good', '--base-url', 'http://127.0.0.1:1'])).code, 3);
  });

  test('says how to see the whole exchange, or that the API is not there to be asked', async () => {
    const hintIn = ({ stderr }: Result) => /error example-broken: .*\n {2}hint: (.*)\n/.exec(stderr)?.[1];
    assert.match(hintIn(await check(['bad'])) ?? '', /^it was sent to a server with the help alone; .*--base-url$/);
    const url = await stranger(() => ({ status: 404 }));
    const command = `docent run --from bad --base-url ${url} a`;
    assert.equal(hintIn(await check(['bad', '--base-url', url])), `${command} shows the whole exchange`);
    const shown = await run(command.split(' ').slice(2));
    assert.match(shown.stdout, /^✗ broken 1 GET \/nowhere$/m);
    assert.equal(hintIn(await check(['bad', 'good', '--base-url', url])), undefined);
    const env = { DOCENT_CONTENT: 'bad', DOCENT_REFERENCE_ENABLED: '1' };
    assert.equal(hintIn(await check([], { env })), 'docent run a shows the whole exchange');
  });

  test('gives no verdict when it is interrupted', async () => {
    const server = createServer(({ url }, response) => {
      // The first request only looks whether anybody is there; the second one is never answered.
      if (url === '/') response.end();
      else running.kill('SIGINT');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const args = [BIN, 'check', 'good', '--run', '--base-url', `http://127.0.0.1:${port}`];
    const running = spawn(process.execPath, args, { cwd: folder, timeout: 30_000 });
    const [[code], stdout, stderr] = await Promise.all([
      once(running, 'close'),
      running.stdout.toArray(),
      running.stderr.toArray(),
    ]);
    server.close();
    assert.deepEqual([code, stdout.join('')], [1, '']);
    assert.match(stderr.join(''), /^docent: interrupted\n {2}hint: .*\n$/);
  });

  test('does not take --base-url for something else', async () => {
    const { code, stderr } = await docent(['check', 'good', '--base-url', 'http://a'], { cwd: folder });
    assert.equal(code, 2);
    assert.match(stderr, /hint: add --run/);
  });

  test('serves at the root whatever the site is to be, with the reference API where it is enabled, and leaves nothing behind', async () => {
    const api = fence('POST /api/sandboxes') + fence('HTTP/1.1 201 Created\n\n{"token": "{{token}}", "...": "..."}');
    const help = fence('GET /help/a.json') + fence('HTTP/1.1 200 OK\n\n{"topic": "a", "...": "..."}');
    const project = writeFiles(temporaryFolder(), {
      'docent.config.json':
        '{"content": ["docs"], "site": {"url": "https://docs.example.com/base"}, "reference": {"enabled": true}}',
      'docs/a.md': `# A\n\n${api}${help}`,
      'tmp/.keep': '',
    });
    const { code, stdout, stderr } = await check([], { cwd: project, env: { TMPDIR: join(project, 'tmp') } });
    assert.equal(code, 0, stdout + stderr);
    const left = readdirSync(join(project, 'tmp')).filter((name) => name.startsWith('docent'));
    assert.deepEqual(left, []);
    const off = await check([], { cwd: project, env: { DOCENT_REFERENCE_ENABLED: '0' } });
    assert.equal(off.code, 1);
  });

  test('is what our own topics stand: they promise nothing that Docent does not do', async () => {
    const { code, stdout, stderr } = await check(['--strict'], { cwd: ROOT });
    assert.equal(code, 0, stderr + stdout);
    assert.match(stdout, /^\d{2,} examples: /m);
  });
});
