// The table of every error, as a page and as data, and the sitemap.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validate } from '../../src/compile/schema.ts';
import { ACME, buildFiles, buildFixture } from '../render/support.ts';
import { elements, linksOf, textOf, textsOf, valuesOf } from './html.ts';
import { BROWSER, testSite } from './support.ts';

const built = buildFixture();
const { get } = await testSite(built);
const page = await (await get('/errors/')).text();

const silent = buildFiles({ 'topic.md': '# Topic\n\nText.\n', 'other.md': '# Other\n' });
const withoutErrors = await testSite(silent);

/** The rows of the table as text, cell by cell. */
function rowsOf(html: string): string[][] {
  return elements(html, 'tr').map(({ inner }) =>
    inner
      .split(/<\/t[hd]>/)
      .slice(0, -1)
      .map(textOf),
  );
}

describe('the table of errors', () => {
  test('has every topic that documents an error, with status, retryability and state', async () => {
    const { get: ask } = await testSite(
      buildFiles({
        'errors/GONE.md': '---\ntitle: GONE\nerror: { status: 410, retryable: with-caution, state: retired }\n---\nx\n',
        'errors/LATER.md':
          '---\ntitle: LATER — not yet\nerror: { status: 409, status_by_dialect: { ietf: 422 }, retryable: as-is, state: reserved, codes: { a: later, b: too_late } }\n---\nx\n',
        'errors/about.md': '# About errors\n\nNo error: `"error": {`\n',
        'deep/er/NOW.md': '---\nerror: { status: 503, retryable: never }\nstability: deprecated\n---\nx\n',
      }),
    );
    assert.deepEqual(rowsOf(await (await ask('/errors/')).text()), [
      ['Error', 'Status', 'Retry', 'State'],
      ['deep.er.NOW deprecated', '503', 'Never', 'Active'],
      ['GONE', '410', 'With caution', 'Retired'],
      ['LATER — not yet too_late', '409 ietf 422', 'As is', 'Reserved'],
    ]);
  });

  test('leads to each of them, and has no row for a topic of another kind', () => {
    const targets = elements(page, 'tbody').flatMap(({ inner }) => valuesOf(inner, 'href', 'a'));
    const documented = built.pack.rows().filter(({ slug }) => built.pack.topic(slug)?.descriptor.error !== undefined);
    assert.ok(documented.length >= 2);
    assert.deepEqual(
      targets,
      documented.map(({ slug }) => `/help/${slug}/`),
    );
  });

  test('is a table whose columns and rows have headers, and explains its words', () => {
    assert.deepEqual(textsOf(page, 'h1'), ['Errors']);
    const scopes = elements(page, 'th').map(({ attributes }) => attributes.get('scope'));
    assert.deepEqual(scopes, [
      'col',
      'col',
      'col',
      'col',
      ...rowsOf(page)
        .slice(1)
        .map(() => 'row'),
    ]);
    assert.match(textOf(elements(page, 'dl')[0]?.inner ?? ''), /Never — the same request fails again/);
  });

  test('says so where no topic documents an error', async () => {
    const html = await (await withoutErrors.get('/errors/')).text();
    assert.equal(elements(html, 'table').length, 0);
    assert.match(textOf(html), /No topic of this manual documents an error\./);
  });

  test('is linked from the contents, the tree, every error and the topic above them; where there is none, from nowhere', async () => {
    const linksTo = async (path: string, ask = get) => valuesOf(await (await ask(path)).text(), 'href', 'a');
    const paths = ['/help/', '/help/topic-tree/', '/help/errors/', '/help/errors/not_found/'];
    for (const path of paths) assert.ok((await linksTo(path)).includes('/errors/'), path);
    assert.ok(!(await linksTo('/help/guides/')).includes('/errors/'));
    for (const path of ['/help/', '/help/topic-tree/', '/help/topic/'])
      assert.ok(!(await linksTo(path, withoutErrors.get)).includes('/errors/'), path);
  });
});

describe('the address of the table', () => {
  test('answers in the format that is asked for', async () => {
    for (const [accept, type] of [
      [BROWSER, 'text/html; charset=utf-8'],
      ['*/*', 'text/html; charset=utf-8'],
      ['application/json', 'application/json'],
      ['application/json, text/html;q=0.9', 'application/json'],
    ] as const) {
      const response = await get('/errors/', { accept });
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, type], accept);
      assert.equal(response.headers.get('vary'), 'Accept, Accept-Encoding');
      assert.equal(response.headers.get('content-location'), type === 'application/json' ? '/errors.json' : '/errors/');
    }
    assert.equal((await get('/errors/', { accept: 'image/png' })).status, 406);
  });

  test('names its twin and its own address, redirects to the slash, and knows when nothing has changed', async () => {
    const { headers } = await get('/errors/');
    assert.equal(
      headers.get('link'),
      '</errors.json>; rel="alternate"; type="application/json", </errors/>; rel="canonical"',
    );
    assert.deepEqual(linksOf(page, 'alternate'), ['/errors.json']);
    assert.deepEqual(linksOf(page, 'canonical'), ['/errors/']);
    const redirect = await get('/errors');
    assert.deepEqual([redirect.status, redirect.headers.get('location')], [308, '/errors/']);
    assert.equal((await get('/errors/', { 'if-none-match': headers.get('etag') ?? '' })).status, 304);
    const head = await get('/errors/', {}, 'HEAD');
    assert.deepEqual([head.status, await head.text(), head.headers.get('etag')], [200, '', headers.get('etag')]);
  });
});

describe('the data of the table', () => {
  const read = async (ask: typeof get) => {
    const response = await ask('/errors.json');
    assert.equal(response.headers.get('content-type'), 'application/json');
    const text = await response.text();
    const value = JSON.parse(text);
    assert.equal(text, `${JSON.stringify(value, null, 2)}\n`);
    assert.deepEqual(validate('errors', value), []);
    return value;
  };

  test('is what the descriptors say, valid by its schema, which it names', async () => {
    const { errors, version, schema } = await read(get);
    assert.deepEqual([schema, version], [1, '1.4.2']);
    for (const { topic, title, stability, tagline, error } of errors) {
      const slug = topic.replaceAll('.', '/').toLowerCase();
      const descriptor = JSON.parse(built.pack.topicJson(slug) ?? '');
      assert.deepEqual({ title, stability, error }, { title: descriptor.title, stability, error: descriptor.error });
      assert.equal(tagline, built.pack.row(slug)?.tagline);
    }
    const described = (await get('/errors.json')).headers.get('link');
    assert.equal(described, '</schemas/errors.schema.json>; rel="describedby"');
    assert.equal((await get('/schemas/errors.schema.json')).status, 200);
  });

  test('is an empty list where no topic documents an error', async () => {
    assert.deepEqual((await read(withoutErrors.get)).errors, []);
  });
});

describe('the sitemap', () => {
  test('has the public address of every page, and of no other format', async () => {
    const site = { url: 'https://docs.example/a&b' };
    const { get: ask } = await testSite(buildFixture({ ...ACME, site }));
    const response = await ask('/a&b/sitemap.xml');
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/xml']);
    const text = await response.text();
    const slugs = built.pack.rows().map(({ slug }) => `/help/${slug}/`);
    assert.deepEqual(
      [...text.matchAll(/<loc>(.*)<\/loc>/g)].map((match) => match[1]),
      ['/', '/help/', '/help/topic-tree/', '/errors/', ...slugs].map((path) => `https://docs.example/a&amp;b${path}`),
    );
    assert.match(text, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<urlset xmlns="[^"]+">\n/);
    assert.match(text, /\n<\/urlset>\n$/);
  });

  test('is not there where the public address is unknown, and the answer says why', async () => {
    const response = await get('/sitemap.xml');
    assert.equal(response.status, 404);
    const { code, detail } = JSON.parse(await response.text());
    assert.equal(code, 'NOT_FOUND');
    assert.match(detail, /site\.url/);
  });

  test('does not name the table of errors where it is empty', async () => {
    const files = { 'topic.md': '# Topic\n' };
    const { get: ask } = await testSite(buildFiles(files, { ...ACME, site: { url: 'https://docs.example' } }));
    assert.doesNotMatch(await (await ask('/sitemap.xml')).text(), /errors/);
  });
});
