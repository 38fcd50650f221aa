// Where `docent serve` keeps the data of the reference API, and how that is said.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { API, CHARGE, charge, newKey, newToken, read, send } from '../reference/support.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import { docent, ROOT, serve, temporaryFolder, writeFiles } from './support.ts';

const project = (reference: object, files = {}) =>
  writeFiles(temporaryFolder(), {
    'docent.config.json': JSON.stringify({ content: ['topics'], reference }),
    'topics/a.md': '# A\n',
    ...files,
  });

/** The files of SQLite databases below a folder. */
const databases = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.sqlite'));

describe('a store is taken from', () => {
  for (const [where, reference, args, env, expected] of [
    [
      'the flag',
      { store: 'sqlite:file.sqlite' },
      ['--store', 'sqlite:flag.sqlite'],
      { DOCENT_REFERENCE_STORE: 'sqlite:env.sqlite' },
      'work/flag.sqlite',
    ],
    [
      '--data, which is a flag as well',
      {},
      ['--data', 'state'],
      { DOCENT_REFERENCE_STORE: 'sqlite:env.sqlite' },
      'work/state/reference.sqlite',
    ],
    [
      'the environment',
      { store: 'sqlite:file.sqlite' },
      [],
      { DOCENT_REFERENCE_STORE: 'sqlite:env.sqlite', DOCENT_DATA: 'state' },
      'work/env.sqlite',
    ],
    ['DOCENT_DATA', { store: 'sqlite:file.sqlite' }, [], { DOCENT_DATA: 'state' }, 'work/state/reference.sqlite'],
    ['the configuration, beside which its file is', { store: 'sqlite:data/file.sqlite' }, [], {}, 'data/file.sqlite'],
    ['nowhere: then it is the state folder', { enabled: true }, [], {}, 'work/.local/state/docent/reference.sqlite'],
  ] as const) {
    test(where, async () => {
      const folder = project(reference, { 'work/.keep': '' });
      const server = await serve([...args], {
        cwd: join(folder, 'work'),
        env: { DOCENT_REFERENCE_ENABLED: '1', ...env },
      });
      assert.deepEqual(databases(folder), [], 'it was made before it was needed');
      const token = await newToken(server.url);
      const made = await charge(server.url, { token });
      assert.equal(made.status, 201);
      assert.deepEqual(databases(folder), [expected]);
      assert.equal(await server.stop(), 0);
      const again = await serve(['--store', `sqlite:${join(folder, expected)}`], { cwd: folder });
      assert.equal((await read(again.url, token, made.headers.get('location') ?? '')).text, made.text);
      await again.stop();
      assert.equal(server.errors() + again.errors(), '');
    });
  }
});

test('naming a store turns the API on', async () => {
  const cwd = project({});
  const without = await serve([], { cwd });
  assert.notEqual((await fetch(`${without.url}${API}/sandboxes`, { method: 'POST' })).status, 201);
  await without.stop();
  const server = await serve(['--store', 'sqlite:a.sqlite'], { cwd });
  assert.equal((await fetch(`${server.url}${API}/sandboxes`, { method: 'POST' })).status, 201);
  await server.stop();
});

test('a store is not used while the API is switched off, and that is said', async () => {
  const cwd = project({ enabled: false });
  const server = await serve(['--store', 'sqlite:a.sqlite'], { cwd });
  assert.match(server.errors(), /^docent: --store is not used, because "reference.enabled" is off\n$/);
  assert.notEqual((await fetch(`${server.url}${API}/sandboxes`, { method: 'POST' })).status, 201);
  await server.stop();
  assert.ok(!existsSync(join(cwd, 'a.sqlite')));
});

describe('what makes no sense is told with its place, and no password', () => {
  for (const [what, args, env, message] of [
    [
      'an unknown scheme',
      ['--store', 'mysql://u:secret@db'],
      {},
      /^docent: --store begins with "mysql:", for which there is no store\n {2}hint: write sqlite:/,
    ],
    [
      'a URL that is none',
      ['--store', 'redis://u:sec#ret@db'],
      {},
      /^docent: --store is no redis URL\n {2}hint: write it like redis:.*%23/,
    ],
    ['nothing', ['--store', ''], {}, /^docent: --store is empty\n {2}hint: /],
    [
      'two places',
      ['--store', 'sqlite:a', '--data', 'b'],
      {},
      /^docent: --store and --data both say where the data is\n {2}hint: leave/,
    ],
    [
      'an unknown durability',
      ['--durability', 'ful'],
      {},
      /^docent: --durability is "ful", which is none of its values\n {2}hint: did you mean "full"\?/,
    ],
    [
      'the environment',
      [],
      { DOCENT_REFERENCE_STORE: 'postgres:u:secret' },
      /^docent: the DOCENT_\* environment is not valid: "reference.store" is no postgres URL \(write/,
    ],
    [
      'a switch that is none',
      [],
      { DOCENT_LOG: 'yes' },
      /^docent: DOCENT_LOG is "yes"\n {2}hint: write 1 or true, 0 or false/,
    ],
    [
      'a proxy that is none',
      [],
      { DOCENT_REFERENCE_TRUSTED_PROXIES: '10.0.0.0/8,proxy', DOCENT_REFERENCE_ENABLED: '1' },
      /^docent: "reference.trustedProxies" has "proxy", which is neither .*\n {2}hint: write an address/,
    ],
    ['a port that is none', ['--metrics', 'x'], {}, /^docent: "x" is no port\n {2}hint: /],
  ] as const) {
    test(what, async () => {
      const { code, stderr } = await docent(['serve', '--port', '0', ...args], { cwd: project({}), env });
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /sec/);
    });
  }

  test('the configuration', async () => {
    const { code, stderr } = await docent(['serve'], { cwd: project({ store: 'mysql://u:secret@db' }) });
    assert.equal(code, 2);
    assert.match(stderr, /docent\.config\.json:1:\d+: error invalid-value: "reference\.store" begins with "mysql:"/);
    assert.doesNotMatch(stderr, /secret/);
  });
});

describe('examples', () => {
  const fence = (text: string) => `\n\`\`\`http\n${text}\n\`\`\`\n`;
  const request = `POST /api/charges\nAuthorization: Bearer {{$token}}\nContent-Type: application/json\nIdempotency-Key: "{{$uuid}}"\n\n${JSON.stringify(CHARGE)}`;
  const topic = `# A\n${fence(request)}${fence('HTTP/1.1 201 Created')}`;

  test('are kept away from a store that only the configuration or the environment names', async () => {
    const cwd = project({ store: 'sqlite:file.sqlite' }, { 'topics/a.md': topic });
    const env = { DOCENT_REFERENCE_STORE: 'sqlite:env.sqlite' };
    for (const args of [
      ['check', '--run'],
      ['run', 'a'],
    ]) {
      const { code, stderr } = await docent(args, { cwd, env });
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(databases(cwd), []);
  });

  test('are run on the store that is named for them', async () => {
    for (const args of [
      ['check', '--run'],
      ['run', 'a'],
    ]) {
      const cwd = project({}, { 'topics/a.md': topic });
      const { code, stderr } = await docent([...args, '--store', 'sqlite:own.sqlite'], { cwd });
      assert.equal(code, 0, stderr);
      assert.deepEqual(databases(cwd), ['own.sqlite']);
    }
  });

  for (const [name, open] of [
    ['PostgreSQL', postgresDatabase],
    ['Redis', async () => (await startRedis()).url],
  ] as const) {
    test(`of our own topics are all kept on ${name} as well`, async () => {
      const { code, stdout, stderr } = await docent(['check', '--run', '--store', await open()], { cwd: ROOT });
      assert.match(stdout, /^(\d+) examples: \1 kept, 0 broken, 0 failed, 0 skipped$/m, stderr);
      assert.equal(code, 0);
    });
  }

  test('are not sent where the server of a store cannot be used', async () => {
    const { code, stdout, stderr } = await docent(['check', '--run', '--store', 'redis://u:secret@127.0.0.1:9'], {
      cwd: project({}, { 'topics/a.md': topic }),
    });
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(
      stderr,
      /^docent: redis:\/\/u@127\.0\.0\.1:9 cannot be used \(.*ECONNREFUSED.*\)\n {2}hint: see that it/,
    );
  });

  for (const [what, args, message] of [
    ['where none is run', ['check', '--store', 'sqlite:a'], /^docent: --store says where .*\n {2}hint: add --run/],
    [
      'where another server is named',
      ['check', '--run', '--store', 'sqlite:a', '--base-url', 'http://127.0.0.1:9'],
      /^docent: --store is for a server that is started here/,
    ],
    [
      'of no known kind',
      ['run', 'a', '--store', 'x'],
      /^docent: --store does not begin with the kind of store\n {2}hint: write sqlite:FILE/,
    ],
  ] as const) {
    test(`a store is refused ${what}`, async () => {
      const { code, stderr } = await docent([...args], { cwd: project({}, { 'topics/a.md': topic }) });
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }
});

test('whom a request comes from, a trusted proxy says, and nobody else', async () => {
  const left = async (url: string, address: string) => {
    const answer = await send(url, { path: `${API}/sandboxes`, headers: [['X-Forwarded-For', address]] });
    assert.equal(answer.status, 201);
    return /"address";r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1];
  };
  const args = ['--store', 'sqlite:a.sqlite'];
  const believing = await serve(args, { cwd: project({ trustedProxies: ['127.0.0.0/8'] }) });
  const [first, second, other] = [
    await left(believing.url, '192.0.2.1'),
    await left(believing.url, '192.0.2.1'),
    await left(believing.url, '192.0.2.2'),
  ];
  assert.equal(Number(second), Number(first) - 1);
  assert.equal(other, first);
  await believing.stop();
  const strict = await serve(args, { cwd: project({}) });
  assert.equal(await left(strict.url, '192.0.2.1'), first);
  assert.equal(await left(strict.url, '192.0.2.2'), second);
  await strict.stop();
});

test('quotas are those of the configuration', async () => {
  const limits = { sandboxesPerHour: 2, requestsPerMinute: 0 };
  const server = await serve(['--store', 'sqlite:a.sqlite'], { cwd: project({ limits }) });
  const make = () => send(server.url, { path: `${API}/sandboxes` });
  const [first, second, third] = [await make(), await make(), await make()];
  assert.deepEqual([first.status, second.status, third.status], [201, 201, 429]);
  assert.equal(third.json.code, 'rate_limited');
  assert.equal(first.headers.get('ratelimit-policy'), '"address";q=2;w=3600');
  const listed = await send(server.url, {
    method: 'GET',
    path: `${API}/charges`,
    headers: [['Authorization', `Bearer ${first.json.token}`]],
  });
  assert.deepEqual([listed.status, listed.headers.get('ratelimit')], [200, null]);
  await server.stop();
});

test('--durability says what an answer survives; what was answered survives kill -9 in any case', async () => {
  for (const durability of ['full', 'relaxed']) {
    const cwd = project({});
    const args = ['--store', 'sqlite:a.sqlite', '--durability', durability];
    const server = await serve(args, { cwd });
    const token = await newToken(server.url);
    const key = newKey();
    const first = await charge(server.url, { token, key });
    await server.kill();
    const again = await serve(args, { cwd });
    const replayed = await charge(again.url, { token, key });
    assert.deepEqual([replayed.status, replayed.headers.get('idempotent-replayed')], [201, 'true']);
    assert.deepEqual(replayed.bytes, first.bytes);
    await again.stop();
  }
});
