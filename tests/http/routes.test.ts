// Every URL: what it answers, and with which headers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { schemaFiles } from '../../src/compile/schema.ts';
import { jsonRenderer, manifestJson, payloadJson, versionsJson } from '../../src/render/json.ts';
import { bodyRenderer, landingMarkdown, llmsText, markdownRenderer } from '../../src/render/markdown.ts';
import { ACME, buildFixture, slugsOf } from '../render/support.ts';
import { testSite } from './support.ts';

const built = buildFixture();
const { pack, context } = built;
const { get, site, reported } = await testSite(built);

const content = (path: string) => readFileSync(new URL(`../fixtures/site/content/${path}`, import.meta.url));

const HTML = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json';
const MARKDOWN = 'text/markdown; charset=utf-8';
const PLAIN = 'text/plain; charset=utf-8';

/** Documents whose text the renderers say. */
const DOCUMENTS: [path: string, type: string, text: string][] = [
  ['/help/index.json', JSON_TYPE, manifestJson(pack)],
  ['/help/index.md', MARKDOWN, landingMarkdown(pack, context)],
  ['/help/catalog.json', JSON_TYPE, payloadJson(pack)],
  ['/help/versions.json', JSON_TYPE, versionsJson(pack, context)],
  ['/llms.txt', PLAIN, llmsText(pack, context, false)],
  ['/help/llms.txt', PLAIN, llmsText(pack, context, true)],
  ['/api/help', JSON_TYPE, payloadJson(pack)],
  ...slugsOf(pack).flatMap((slug): [string, string, string][] => [
    [`/help/${slug}.json`, JSON_TYPE, jsonRenderer.render(pack, slug, context)],
    [`/help/${slug}.md`, MARKDOWN, bodyRenderer.render(pack, slug, context)],
    [`/help/${slug}/index.md`, MARKDOWN, markdownRenderer.render(pack, slug, context)],
    [`/api/help/${slug}`, JSON_TYPE, jsonRenderer.render(pack, slug, context)],
    [`/api/help/${slug.replaceAll('/', '.')}`, JSON_TYPE, jsonRenderer.render(pack, slug, context)],
  ]),
  ...[...schemaFiles()].map(([name, text]): [string, string, string] => [
    `/schemas/${name}`,
    'application/schema+json',
    text,
  ]),
];

describe('a document', () => {
  for (const [path, type, text] of DOCUMENTS) {
    test(`${path} is ${type}`, async () => {
      const response = await get(path);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), type);
      assert.equal(response.headers.get('vary'), 'Accept-Encoding');
      assert.equal(response.headers.get('content-location'), null);
      assert.equal(await response.text(), text);
    });
  }

  test('has one format, whatever the client accepts', async () => {
    for (const path of [
      '/help/errors.json',
      '/help/errors.md',
      '/help/errors/index.md',
      '/api/help/errors',
      '/llms.txt',
      '/',
    ]) {
      const response = await get(path, { accept: 'image/png' });
      assert.equal(response.status, 200, path);
      assert.equal(response.headers.get('content-type'), (await get(path)).headers.get('content-type'), path);
    }
  });

  test('of the live API takes a topic in any spelling', async () => {
    for (const spelling of [
      'errors.NOT_FOUND',
      'errors/NOT_FOUND',
      'Errors.not_found',
      'errors%2Fnot_found',
      'not-found',
      'errors.MISSING',
    ])
      assert.equal(await (await get(`/api/help/${spelling}`)).text(), pack.topicJson('errors/not_found'), spelling);
  });
});

describe('a page', () => {
  const paths = ['/', '/help/', '/help/topic-tree/', ...slugsOf(pack).map((slug) => `/help/${slug}/`)];
  for (const path of paths) {
    test(`${path} is HTML that may do nothing but show itself`, async () => {
      const { status, headers } = await get(path);
      assert.equal(status, 200);
      assert.equal(headers.get('content-type'), HTML);
      const policy = headers.get('content-security-policy') ?? '';
      for (const part of ["default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'self'"])
        assert.ok(policy.includes(part), part);
      assert.doesNotMatch(policy, /script-src|unsafe|\*/);
    });
  }
});

describe('a file of the theme', () => {
  test('is named by the page and kept for good when its name carries its hash', async () => {
    const page = await (await get('/')).text();
    const [, sheet] = /<link rel="stylesheet" href="([^"]+)"/.exec(page) ?? [];
    const { status, headers } = await get(String(sheet));
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'text/css; charset=utf-8');
    assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable');
    const icon = await get('/favicon.svg');
    assert.equal(icon.headers.get('content-type'), 'image/svg+xml');
    assert.equal(icon.headers.get('cache-control'), 'public, no-cache');
  });
});

describe('foreign content', () => {
  for (const [path, type, file] of [
    ['/help/guides/install/script', 'text/x-shellscript; charset=utf-8', 'guides/install.sh'],
    ['/help/guides/install/Page', HTML, 'guides/page.html'],
    ['/help/guides/install/answers', JSON_TYPE, 'guides/answers.json'],
    ['/help/_files/images/bottle.svg', 'image/svg+xml', 'images/bottle.svg'],
    ['/help/_files/images/drop%20%26%20splash.png', 'image/png', 'images/drop & splash.png'],
  ] as const) {
    test(`${path} is the file byte for byte, and has no rights on this origin`, async () => {
      const response = await get(path);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), type);
      const policy = response.headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none';.*; sandbox$/);
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), content(file));
    });
  }
});

describe('every answer', () => {
  const paths = [
    ...DOCUMENTS.map(([path]) => path),
    ...['/', '/help/', '/help/errors/', '/help/topic-tree/', '/favicon.svg', '/help/_files/images/bottle.svg'],
    ...['/help', '/help/errors', '/help/v1.4/', '/help/no-such-topic/', '/help/%zz/', '/nothing', '/help/v9.9/'],
  ];

  test('may be read by any page of any origin, and is what its type says', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      for (const path of paths) {
        const { headers } = await get(path, { origin: 'https://app.example' }, method);
        assert.equal(headers.get('access-control-allow-origin'), '*', path);
        assert.equal(headers.get('access-control-expose-headers'), 'Allow, Content-Location, ETag, Link', path);
        assert.equal(headers.get('access-control-allow-credentials'), null, path);
        assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      }
    }
    assert.deepEqual(reported, []);
  });

  test('to OPTIONS is 204 and says which methods there are', async () => {
    for (const path of paths) {
      const response = await get(path, { 'access-control-request-method': 'GET' }, 'OPTIONS');
      assert.equal(response.status, 204, path);
      assert.equal(await response.text(), '', path);
      for (const name of ['allow', 'access-control-allow-methods'])
        assert.equal(response.headers.get(name), 'GET, HEAD, OPTIONS', path);
      assert.match(response.headers.get('access-control-allow-headers') ?? '', /\bIf-None-Match\b/);
      assert.match(response.headers.get('access-control-max-age') ?? '', /^[1-9]\d*$/);
    }
  });
});

describe('the links in a header', () => {
  const linksOf = async (path: string) => (await get(path)).headers.get('link')?.split(', ');

  test('of a topic lead to its other formats, its address and its schema, in every format', async () => {
    const expected = [
      '</help/errors/not_found.json>; rel="alternate"; type="application/json"',
      '</help/errors/not_found/index.md>; rel="alternate"; type="text/markdown"',
      '</help/errors/not_found/>; rel="canonical"',
      '</schemas/descriptor.schema.json>; rel="describedby"; type="application/schema+json"',
    ];
    for (const path of ['/', '.json', '.md', '/index.md'])
      assert.deepEqual(await linksOf(`/help/errors/not_found${path}`), expected, path);
    assert.deepEqual(await linksOf('/api/help/errors.NOT_FOUND'), expected);
  });

  test('of the landing page lead to its other formats', async () => {
    assert.deepEqual(await linksOf('/help/'), [
      '</help/index.json>; rel="alternate"; type="application/json"',
      '</help/index.md>; rel="alternate"; type="text/markdown"',
      '</help/>; rel="canonical"',
    ]);
  });

  test('of a document name its schema, which is there', async () => {
    for (const [path, name] of [
      ['/help/index.json', 'manifest'],
      ['/help/catalog.json', 'payload'],
      ['/help/versions.json', 'versions'],
    ]) {
      assert.deepEqual(await linksOf(String(path)), [`</schemas/${name}.schema.json>; rel="describedby"`]);
      assert.ok(site.schemas.has(`${name}.schema.json`));
    }
  });
});

test('the live API is where the configuration puts it, and only there', async () => {
  const moved = await testSite(buildFixture({ ...ACME, api: { helpPath: '/v1/manual' } }));
  assert.equal(await (await moved.get('/v1/manual')).text(), payloadJson(pack));
  assert.equal(await (await moved.get('/v1/manual/errors.NOT_FOUND')).text(), pack.topicJson('errors/not_found'));
  assert.equal((await moved.get('/api/help')).status, 404);
  assert.equal((await moved.get('/api/help/errors')).status, 404);
});
