// Faults of our own: the client is told that there is one, the log which, and the server goes on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERRORS } from '../../src/reference/errors.generated.ts';
import type { Page } from '../../src/render/page.ts';
import { buildFixture } from '../render/support.ts';
import { BROWSER, loadTheme, testSite } from './support.ts';

const SECRET = 'SECRET at /srv/acme/theme.ts:1';

async function assertInternal(response: Response): Promise<void> {
  assert.equal(response.status, 500);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  const text = await response.text();
  const { code, status, detail, title } = JSON.parse(text);
  assert.deepEqual(
    { code, status, title },
    { code: 'INTERNAL_ERROR', status: 500, title: ERRORS.INTERNAL_ERROR.title },
  );
  assert.equal(detail, 'The server could not answer. Its log says why.');
  assert.doesNotMatch(text, /SECRET|\/srv|\.ts:|pack/);
}

describe('a theme that fails', () => {
  test('makes that page a 500, and nothing else', async () => {
    const theme = await loadTheme('');
    const failing = {
      ...theme,
      render: (page: Page) =>
        page.title === 'Windows line ends' ? Promise.reject(new Error(SECRET)) : theme.render(page),
    };
    const { get, reported } = await testSite(buildFixture(), { pages: failing });
    for (const headers of [{}, { accept: BROWSER }]) await assertInternal(await get('/help/crlf/', headers));
    assert.deepEqual(reported.map(String), [`Error: ${SECRET}`, `Error: ${SECRET}`]);
    for (const path of ['/help/crlf.json', '/help/prose/', '/']) assert.equal((await get(path)).status, 200, path);
    assert.equal((await get('/help/crlf/', {}, 'HEAD')).status, 500);
    assert.equal(await (await get('/help/crlf/', {}, 'HEAD')).text(), '');
  });

  test('on the page about an error makes that a 500 in JSON', async () => {
    const theme = await loadTheme('');
    const failing = { ...theme, render: () => Promise.reject(new Error(SECRET)) };
    const { get, reported } = await testSite(buildFixture(), { pages: failing });
    await assertInternal(await get('/help/no-such-topic/', { accept: BROWSER }));
    assert.equal(reported.length, 1);
    assert.equal((await get('/help/no-such-topic/')).status, 404);
  });

  test('at once is caught like one that fails later', async () => {
    const theme = await loadTheme('');
    const failing = {
      ...theme,
      render: () => {
        throw new TypeError(SECRET);
      },
    };
    const { get } = await testSite(buildFixture(), { pages: failing });
    await assertInternal(await get('/'));
  });

  test('once is asked again: a failure is not remembered', async () => {
    const theme = await loadTheme('');
    let calls = 0;
    const failing = {
      ...theme,
      render: (page: Page) => (calls++ === 0 ? Promise.reject(new Error(SECRET)) : theme.render(page)),
    };
    const { get } = await testSite(buildFixture(), { pages: failing });
    assert.equal((await get('/help/prose/')).status, 500);
    assert.equal((await get('/help/prose/')).status, 200);
    assert.equal((await get('/help/prose/')).status, 200);
    assert.equal(calls, 2, 'the good page is remembered');
  });
});

describe('a pack that cannot be read any more', () => {
  test('makes what needs it a 500, says so in the log alone, and leaves the rest', async () => {
    const built = buildFixture();
    const { get, reported } = await testSite(built);
    assert.equal((await get('/help/prose/')).status, 200);
    built.pack.close();
    const broken = ['/help/crlf/', '/help/index.json', '/api/help', '/help/no-such-topic/', '/help/_files/x.svg', '/'];
    for (const path of broken)
      for (const headers of [{}, { accept: BROWSER }]) await assertInternal(await get(path, headers));
    assert.equal(reported.length, broken.length * 2);
    for (const error of reported) assert.match(String(error), /the pack .* is damaged/);
    assert.equal((await get('/help/prose/')).status, 200, 'what has been read before is still there');
    assert.equal((await get('/favicon.svg')).status, 200);
    assert.equal((await get('/help/', {}, 'OPTIONS')).status, 204);
    assert.equal((await get('/help/v1.4/')).status, 307);
  });
});
