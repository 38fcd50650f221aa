// A site below a path of its host: everything is there, and nothing beside it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACME, buildFixture, slugsOf } from '../render/support.ts';
import { addressesOf, linksOf } from './html.ts';
import { BROWSER, ORIGIN, type TestSite, testSite } from './support.ts';

const built = buildFixture({ ...ACME, site: { url: 'https://docs.example/acme/manual/', title: 'Acme manual' } });
const { get } = await testSite(built);
const BASE = '/acme/manual';

describe('below the base path', () => {
  const slugs = slugsOf(built.pack);
  const pages = ['/', '/help/', '/help/topic-tree/', ...slugs.map((slug) => `/help/${slug}/`)];

  test('every page is there, and leads to addresses below it only', async () => {
    const seen = new Set<string>();
    for (const page of pages) {
      const response = await get(`${BASE}${page}`);
      assert.equal(response.status, 200, page);
      for (const address of addressesOf(await response.text())) {
        const target = new URL(address, `${ORIGIN}${BASE}${page}`);
        if (target.origin === ORIGIN) seen.add(target.pathname);
      }
    }
    assert.ok(seen.size > pages.length * 4);
    for (const path of seen) {
      assert.ok(path.startsWith(`${BASE}/`), path);
      assert.equal((await get(path)).status, 200, path);
    }
  });

  test('a page has its public address, and its style sheet below the path', async () => {
    for (const page of pages) {
      const text = await (await get(`${BASE}${page}`)).text();
      assert.deepEqual(linksOf(text, 'canonical'), [`https://docs.example${BASE}${page}`]);
      const [sheet] = linksOf(text, 'stylesheet');
      assert.match(String(sheet), /^\/acme\/manual\/_astro\/[^/]+\.css$/);
      assert.equal((await get(String(sheet))).headers.get('content-type'), 'text/css; charset=utf-8');
    }
  });

  test('the headers name addresses below it', async () => {
    const { headers } = await get(`${BASE}/help/errors/`, { accept: 'application/json' });
    assert.equal(headers.get('content-location'), `${BASE}/help/errors.json`);
    const links = [...(headers.get('link') ?? '').matchAll(/<([^>]*)>/g)].map(([, url]) => url);
    assert.deepEqual(links, [
      `${BASE}/help/errors.json`,
      `${BASE}/help/errors/index.md`,
      `${BASE}/help/errors/`,
      `${BASE}/schemas/descriptor.schema.json`,
    ]);
  });

  test('redirects lead to addresses below it', async () => {
    const redirects: Record<string, string> = {
      '': '/',
      '/help': '/help/',
      '/help/errors.NOT_FOUND?a=b': '/help/errors/not_found/?a=b',
      '/help/setup/script': '/help/guides/install/script',
      '/help/v1.4/errors/': '/help/errors/',
    };
    for (const [path, address] of Object.entries(redirects))
      assert.equal((await get(`${BASE}${path}`)).headers.get('location'), `${BASE}${address}`, path);
  });

  test('an error names addresses below it', async () => {
    const nothing = await (await get(`${BASE}/help/zzz/`)).json();
    assert.match((nothing as { detail: string }).detail, / \/acme\/manual\/help\/index\.json\.$/);
    const page = await (await get(`${BASE}/help/erors/`, { accept: BROWSER })).text();
    const own = addressesOf(page).filter((address) => !address.startsWith('https:'));
    for (const address of own) assert.match(address, /^(\/acme\/manual\/|#)/);
    assert.ok(own.includes(`${BASE}/help/errors/help_topic_not_found/`));
    const refused = (await (await get(`${BASE}/help/errors/`, { accept: 'image/png' })).json()) as {
      alternatives: { url: string }[];
    };
    for (const { url } of refused.alternatives) assert.equal((await get(url)).status, 200, url);
  });

  test('the live API and the schemas are below it as well', async () => {
    for (const path of ['/api/help', '/api/help/errors', '/schemas/config.schema.json', '/llms.txt', '/favicon.svg'])
      assert.equal((await get(`${BASE}${path}`)).status, 200, path);
  });
});

describe('beside the base path', () => {
  for (const path of [
    '/',
    '/help/',
    '/help/errors/',
    '/acme',
    '/acme/',
    '/acme/manuals/',
    '/ACME/manual/',
    '/acme/manual%2Fhelp/',
  ]) {
    test(`${path} is 404 and says where the site is`, async () => {
      const response = await get(path);
      assert.equal(response.status, 404);
      const { code, detail } = (await response.json()) as { code: string; detail: string };
      assert.deepEqual([code, detail], ['NOT_FOUND', 'This site is at /acme/manual/.']);
    });
  }
});

describe('a base path with characters that a URL encodes', () => {
  const answers = async ({ get: ask }: TestSite, path: string) => {
    const response = await ask(path);
    return [response.status, response.headers.get('location')];
  };

  for (const url of ['https://docs.example/dök é', 'https://docs.example/d%C3%B6k%20%C3%A9/']) {
    test(`is found under each way to encode them: ${url}`, async () => {
      const site = await testSite(buildFixture({ ...ACME, site: { url } }));
      assert.deepEqual(await answers(site, '/dök é/help/errors/'), [200, null]);
      assert.deepEqual(await answers(site, '/d%c3%b6k%20%C3%A9/help/errors/'), [200, null]);
      assert.deepEqual(await answers(site, '/d%C3%B6k%20%C3%A9/help/ERRORS'), [308, '/d%C3%B6k%20%C3%A9/help/errors/']);
      assert.deepEqual(await answers(site, '/d%C3%B6k%20%C3%A9'), [308, '/d%C3%B6k%20%C3%A9/']);
      assert.deepEqual(await answers(site, '/help/errors/'), [404, null]);
    });
  }
});

test('a site at the root of its host has public addresses and plain paths', async () => {
  const { get: ask } = await testSite(buildFixture({ ...ACME, site: { url: 'https://acme.example/' } }));
  const page = await (await ask('/help/errors/')).text();
  assert.deepEqual(linksOf(page, 'canonical'), ['https://acme.example/help/errors/']);
  assert.match(String(linksOf(page, 'stylesheet')[0]), /^\/_astro\//);
  assert.match(await (await ask('/llms.txt')).text(), /\(https:\/\/acme\.example\/help\/cli\/index\.md\)/);
});
