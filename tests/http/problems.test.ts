// Errors: RFC 9457 documents for programs, pages for browsers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { documented, type ErrorName } from '../../src/reference/errors.ts';
import { ACME, buildFiles, buildFixture } from '../render/support.ts';
import { elements } from './html.ts';
import { BROWSER, ORIGIN, testSite } from './support.ts';

interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  suggestions?: { topic: string; url: string }[];
  allow?: string[];
}

const { get, reported } = await testSite(buildFixture());

async function problemAt(path: string, ask = get, headers = {}, method = 'GET'): Promise<ProblemDocument> {
  const response = await ask(path, headers, method);
  const text = await response.text();
  assert.equal(response.headers.get('content-type'), 'application/problem+json', path);
  assert.equal(response.headers.get('cache-control'), 'no-cache', path);
  assert.equal(response.headers.get('vary'), 'Accept', path);
  const document = JSON.parse(text) as ProblemDocument;
  assert.equal(text, `${JSON.stringify(document, null, 2)}\n`);
  assert.equal(document.status, response.status);
  const { status, title } = documented(document.code as ErrorName);
  assert.deepEqual({ status: document.status, title: document.title }, { status, title });
  return document;
}

describe('a path that is malformed', () => {
  for (const path of [
    '/help//',
    '/help/errors//not_found/',
    '/help/errors..not_found',
    '/help/.errors',
    '/help/errors./',
    '/help/.json',
    '/help/.md',
    '/help//index.md',
    '/help/-errors/',
    '/help/_errors/',
    '/help/a%20b/',
    '/help/what%3F.json',
    '/help/a%2F%2Fb/',
    '/help/a%23b/',
    '/help/a%25b/',
    '/help/a+b/',
    '/help/a%0d%0aSet-Cookie:x/',
    '/help/a%00/',
    '/help/%E9%9B%A8/',
    '/help/<script>/',
    '/help/%zz/',
    '/help/%',
    '/help/%ff/',
    '/help/%c3%28/',
    `/help/${'a'.repeat(401)}/`,
    `/help/${'a/'.repeat(4000)}`,
    '/api/help/a%20b',
    '/api/help/errors..x',
    '/%zz',
  ]) {
    test(`is 400: ${path.slice(0, 40)}`, async () => {
      const { code, instance, type, detail } = await problemAt(path);
      assert.equal(code, 'BAD_REQUEST');
      assert.equal(type, 'about:blank', 'the fixture documents no such error');
      assert.equal(instance, new URL(path, ORIGIN).pathname);
      assert.ok(detail.length < 300, detail);
    });
  }
});

describe('a topic that is unknown', () => {
  for (const [path, meant] of [
    ['/help/erors/', ['errors']],
    ['/help/errors/not_fond/', ['errors.NOT_FOUND']],
    ['/help/not_found.json', ['errors.NOT_FOUND', 'errors.HELP_TOPIC_NOT_FOUND']],
    ['/help/install', ['guides.install', 'guides.old-install']],
    ['/help/errors/conflict.md', ['errors.IDEMPOTENCY_CONFLICT']],
    ['/help/errors/qqq/index.md', ['errors']],
    ['/help/guides/install/SCRIPT', ['guides.install']],
    ['/help/guides/install/script.json', ['guides.install']],
    ['/help/errors.jsonp/', ['errors']],
    ['/help/errors.json/', ['errors']],
    ['/api/help/errors.not_fond', ['errors.NOT_FOUND']],
    ['/help/zzzzzzz/', []],
  ] as [string, string[]][]) {
    test(`is 404 with suggestions: ${path}`, async () => {
      const { code, suggestions = [], detail, type } = await problemAt(path);
      assert.equal(code, 'HELP_TOPIC_NOT_FOUND');
      assert.equal(type, `${ORIGIN}/help/errors/help_topic_not_found/`);
      assert.deepEqual(
        suggestions.map(({ topic }) => topic),
        meant,
      );
      for (const { url } of suggestions) assert.equal((await get(new URL(url).pathname)).status, 200, url);
      if (meant.length > 0) assert.ok(detail.includes(`Did you mean ${meant.join(', ')}?`), detail);
      else assert.ok(detail.includes('/help/index.json'), detail);
    });
  }

  test('may be as long as 400 characters', async () => {
    assert.equal((await problemAt(`/help/${'a'.repeat(400)}/`)).code, 'HELP_TOPIC_NOT_FOUND');
  });

  test('gets at most five suggestions', async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`rain${n}.md`, 'Text.']));
    const { get: ask } = await testSite(buildFiles(files));
    assert.equal((await problemAt('/help/rain', ask)).suggestions?.length, 5);
  });
});

describe('a path that leads nowhere', () => {
  for (const path of [
    ...[
      '/nothing',
      '//',
      '//evil.example/',
      '/HELP/',
      '/help.json',
      '/index.html',
      '/favicon.ico',
      '/_astro/',
      '/_astro/no.css',
    ],
    ...['/schemas/', '/schemas/no.schema.json', '/schemas/__proto__', '/help/_files/', '/help/_files/no.svg'],
    ...['/help/_files/%2e%2e%2ferrors.md', '/help/_files/images%2Fbottle.svg', '/api', '/api/helpers'],
  ]) {
    test(`is 404: ${path}`, async () => {
      assert.equal((await problemAt(path)).code, 'NOT_FOUND');
    });
  }
});

describe('a method that is not there', () => {
  test('is 405 and says which are', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
      for (const path of ['/', '/help/', '/help/errors/', '/api/help', '/nothing']) {
        const { code, allow, detail } = await problemAt(path, get, {}, method);
        assert.equal(code, 'METHOD_NOT_ALLOWED');
        assert.deepEqual(allow, ['GET', 'HEAD', 'OPTIONS']);
        assert.ok(detail.includes(method));
        assert.equal((await get(path, {}, method)).headers.get('allow'), 'GET, HEAD, OPTIONS');
      }
    }
  });
});

describe('the type of a problem', () => {
  const files = {
    'errors.md': 'Errors.',
    'errors/not_found.md': '# N',
    'renamed.md': '---\naliases: [errors.BAD_REQUEST]\n---\nB.',
  };

  test('is the address of the topic about it, also where another name is an alias, and about:blank without one', async () => {
    const { get: ask } = await testSite(buildFiles(files));
    assert.equal((await problemAt('/nothing', ask)).type, `${ORIGIN}/help/errors/not_found/`);
    assert.equal((await problemAt('/help/%zz', ask)).type, `${ORIGIN}/help/renamed/`);
    assert.equal((await problemAt('/help/zzz', ask)).type, 'about:blank');
  });

  test('and the suggestions have the public address of the site where that is known', async () => {
    const config = { ...ACME, site: { url: 'https://docs.example/acme' } };
    const { get: ask } = await testSite(buildFixture(config));
    const { type, suggestions } = await problemAt('/acme/help/erors/', ask);
    assert.equal(type, 'https://docs.example/acme/help/errors/help_topic_not_found/');
    assert.deepEqual(suggestions, [{ topic: 'errors', url: 'https://docs.example/acme/help/errors/' }]);
  });
});

describe('the format of a problem', () => {
  for (const [accept, html] of [
    [BROWSER, true],
    ['text/html', true],
    ['text/*', true],
    ['text/html, application/json;q=0.9', true],
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    ['application/problem+json, text/html;q=0.5', false],
    ['application/pdf', false],
    ['text/markdown', false],
    ['text/markdown, text/html;q=0.5, */*;q=0.1', true],
    ['garbage', false],
  ] as const) {
    test(`for ${accept} is ${html ? 'a page' : 'problem+json'}`, async () => {
      for (const [path, status] of [
        ['/help/erors/', 404],
        ['/help/%zz/', 400],
        ['/nothing', 404],
      ] as const) {
        const { headers, status: answered } = await get(path, accept === undefined ? {} : { accept });
        assert.equal(answered, status);
        assert.equal(headers.get('content-type'), html ? 'text/html; charset=utf-8' : 'application/problem+json');
        assert.equal(headers.get('content-security-policy') !== null, html);
        assert.equal(headers.get('vary'), 'Accept');
      }
    });
  }

  test('as a page says the same: code, detail, suggestions, and where the error is explained', async () => {
    const response = await get('/help/erors/', { accept: BROWSER });
    const page = await response.text();
    assert.equal(response.status, 404);
    for (const part of [
      'HELP_TOPIC_NOT_FOUND',
      'Did you mean errors?',
      '404',
      'href="/help/errors/"',
      'href="/help/errors/help_topic_not_found/"',
    ])
      assert.ok(page.includes(part), part);
    const posted = await get('/help/', { accept: BROWSER }, 'POST');
    assert.equal(posted.headers.get('allow'), 'GET, HEAD, OPTIONS');
    assert.match(await posted.text(), /METHOD_NOT_ALLOWED/);
  });

  test('as a page shows what was asked for as text', async () => {
    const page = await (await get('/help/%3Cscript%3Ealert(1)%3C%2Fscript%3E/', { accept: BROWSER })).text();
    assert.ok(page.includes('&lt;script&gt;alert(1)'));
    assert.deepEqual(elements(page, 'script'), []);
  });
});

test('no mistake of a client is reported as a fault of the server', () => {
  assert.deepEqual(reported, []);
});
