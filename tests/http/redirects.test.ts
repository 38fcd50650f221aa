// Spellings of an address, and the one address that they lead to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildFixture } from '../render/support.ts';
import { ORIGIN, testSite } from './support.ts';

const { get } = await testSite(buildFixture());

const PERMANENT: [spelling: string, address: string][] = [
  ['/help', '/help/'],
  ['/help/topic-tree', '/help/topic-tree/'],
  ['/help/errors', '/help/errors/'],
  ['/help/ERRORS/', '/help/errors/'],
  ['/help/errors/NOT_FOUND/', '/help/errors/not_found/'],
  ['/help/errors.NOT_FOUND', '/help/errors/not_found/'],
  ['/help/Errors.Not_Found/', '/help/errors/not_found/'],
  ['/help/errors%2Fnot_found/', '/help/errors/not_found/'],
  ['/help/errors%2fnot_found/', '/help/errors/not_found/'],
  ['/help/errors%2fNOT_FOUND', '/help/errors/not_found/'],
  ['/help/errors%2F', '/help/errors/'],
  ['/help/guides.deploy/linux.SYSTEMD', '/help/guides/deploy/linux/systemd/'],
  // Aliases.
  ['/help/not-found/', '/help/errors/not_found/'],
  ['/help/Not-Found', '/help/errors/not_found/'],
  ['/help/errors.MISSING', '/help/errors/not_found/'],
  ['/help/errors/missing/', '/help/errors/not_found/'],
  ['/help/setup', '/help/guides/install/'],
  ['/help/guides/getting-started', '/help/guides/install/'],
  // A final suffix names the format, whatever is before it.
  ['/help/errors.NOT_FOUND.json', '/help/errors/not_found.json'],
  ['/help/errors/not_found.JSON', '/help/errors/not_found.json'],
  ['/help/errors%2Fnot_found.json', '/help/errors/not_found.json'],
  ['/help/Errors.md', '/help/errors.md'],
  ['/help/errors.Md', '/help/errors.md'],
  ['/help/setup.json', '/help/guides/install.json'],
  ['/help/setup.md', '/help/guides/install.md'],
  ['/help/setup/index.md', '/help/guides/install/index.md'],
  ['/help/errors.NOT_FOUND/index.md', '/help/errors/not_found/index.md'],
  ['/help/errors/INDEX.MD', '/help/errors/index.md'],
  // Actions keep the case of their own names.
  ['/help/setup/script', '/help/guides/install/script'],
  ['/help/GUIDES/install/script', '/help/guides/install/script'],
  ['/help/guides.install.script', '/help/guides/install/script'],
  ['/help/guides/install/script/', '/help/guides/install/script'],
  ['/help/Guides.Install/Page', '/help/guides/install/Page'],
];

describe('another spelling', () => {
  for (const [spelling, address] of PERMANENT) {
    test(`${spelling} leads to ${address} for good`, async () => {
      for (const method of ['GET', 'HEAD']) {
        const response = await get(spelling, {}, method);
        assert.equal(response.status, 308, method);
        assert.equal(response.headers.get('location'), address, method);
        assert.equal(response.headers.get('content-length'), '0', method);
        assert.equal(await response.text(), '');
      }
      assert.equal((await get(address)).status, 200);
    });
  }

  test('keeps its query', async () => {
    for (const query of ['?a=1&b=%20%2F', '?', '??', '?x=/help/errors'])
      assert.equal(
        (await get(`/help/ERRORS${query}`)).headers.get('location'),
        `/help/errors/${query === '?' ? '' : query}`,
      );
    assert.equal((await get('/help?x')).headers.get('location'), '/help/?x');
  });

  test('leads there before the format is asked for', async () => {
    const response = await get('/help/ERRORS', { accept: 'application/pdf' });
    assert.equal(response.headers.get('location'), '/help/errors/');
  });

  test('that differs only in how a letter is encoded is the same address', async () => {
    assert.equal((await get('/help/%65rrors/')).status, 200);
    assert.equal((await get('/help/errors%2Ejson')).headers.get('content-type'), 'application/json');
  });
});

describe('a version', () => {
  for (const [path, address] of [
    ['/help/v1.4', '/help/'],
    ['/help/v1.4/', '/help/'],
    ['/help/v1.4/index.json', '/help/index.json'],
    ['/help/v1.4/errors/not_found/', '/help/errors/not_found/'],
    ['/help/v1.4/errors.NOT_FOUND.json?x=1', '/help/errors.NOT_FOUND.json?x=1'],
    ['/help/v1.4/a%3Fb%23c%20d/', '/help/a%3Fb%23c%20d/'],
    ['/help/v1.4//evil.example/', '/help//evil.example/'],
  ] as const) {
    test(`that is current leads ${path} to ${address} for now`, async () => {
      const response = await get(path);
      assert.equal(response.status, 307);
      assert.equal(response.headers.get('location'), address);
    });
  }

  for (const path of ['/help/v1.3/', '/help/v1.40/errors/', '/help/v14.2', '/help/v9.9/index.json']) {
    test(`that is not here makes ${path} a 404 that says which one is`, async () => {
      const response = await get(path);
      assert.equal(response.status, 404);
      const problem = (await response.json()) as { code: string; detail: string };
      assert.equal(problem.code, 'NOT_FOUND');
      assert.match(problem.detail, /The catalog has version 1\.4\./);
    });
  }

  test('is looked for in vain where the product has none', async () => {
    const { get: ask } = await testSite(buildFixture({ product: { name: 'acme' } }));
    const response = await ask('/help/v1.4/');
    assert.equal(response.status, 404);
    assert.match(((await response.json()) as { detail: string }).detail, /has no versions/);
  });

  test('is no version without a dot or with a letter: it may be a topic', async () => {
    for (const path of ['/help/v1/', '/help/v1.x/', '/help/v1.4.2/'])
      assert.equal(((await (await get(path)).json()) as { code: string }).code, 'HELP_TOPIC_NOT_FOUND', path);
  });
});

// Where each one would be looked at again from every one before it, this would take minutes.
test('a million surplus slashes are read once', async () => {
  const slashes = '/'.repeat(1_000_000);
  const response = await get(`/api/help/errors${slashes}x/`);
  assert.equal(response.headers.get('location') === `/api/help/errors${slashes}x`, true);
});

test('no redirect leads to another site', async () => {
  for (const path of [
    '//evil.example',
    '//evil.example/help',
    '/%2F/evil.example/',
    '/%2Fevil.example',
    '/help/%2F/evil.example',
    '/help//evil.example',
    '/help/v1.4/%2F%2Fevil.example',
  ]) {
    const { headers } = await get(path);
    const location = headers.get('location');
    if (location !== null) assert.equal(new URL(location, ORIGIN).origin, ORIGIN, path);
  }
  assert.equal((await get('/help/v1.4/%2F%2Fevil.example')).status, 307);
});
