// Entity tags, 304, HEAD, compression.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { matchesTag } from '../../src/http/representation.ts';
import type { Page } from '../../src/render/page.ts';
import { buildFiles, buildFixture } from '../render/support.ts';
import { serve, testSite } from './support.ts';

const { get, handler } = await testSite(buildFixture());

const TOPIC = '/help/prose/';
const FORMATS = ['text/html', 'application/json', 'text/markdown', 'text/plain'];
const ENCODINGS = ['identity', 'gzip', 'br'];

async function tagOf(path: string, headers: Record<string, string> = {}): Promise<string> {
  return String((await get(path, headers)).headers.get('etag'));
}

describe('an entity tag', () => {
  test('is strong, and one of its own for each format and encoding', async () => {
    const tags: string[] = [];
    for (const accept of FORMATS)
      for (const encoding of ENCODINGS) tags.push(await tagOf(TOPIC, { accept, 'accept-encoding': encoding }));
    for (const one of tags) assert.match(one, /^"[\w-]{20,}"$/);
    assert.equal(new Set(tags).size, FORMATS.length * ENCODINGS.length);
  });

  test('depends on the bytes alone: the same document has the same one at every address and on every server', async () => {
    const other = await testSite(buildFixture());
    for (const path of [TOPIC, '/help/prose.json', '/help/catalog.json', '/help/guides/install/script', '/'])
      assert.equal((await other.get(path)).headers.get('etag'), await tagOf(path), path);
    assert.equal(await tagOf(TOPIC, { accept: 'application/json' }), await tagOf('/help/prose.json'));
    assert.equal(await tagOf('/api/help'), await tagOf('/help/catalog.json'));
  });

  test('changes with the text', async () => {
    const [one, two] = await Promise.all(['One.', 'Two.'].map((text) => testSite(buildFiles({ 'a.md': text }))));
    for (const path of ['/help/a/', '/help/a.json', '/help/a.md', '/help/index.json'])
      assert.notEqual((await one?.get(path))?.headers.get('etag'), (await two?.get(path))?.headers.get('etag'), path);
  });
});

const tag = await tagOf(TOPIC);

describe('If-None-Match', () => {
  for (const [name, value] of Object.entries({
    'the tag': tag,
    'the tag, weak': `W/${tag}`,
    'any tag': '*',
    'any tag, with blanks': ' * ',
    'a list': `"a", W/"b",${tag} , "c"`,
    'a list without blanks': `"a",${tag}`,
  })) {
    test(`of ${name} is answered 304 without a body`, async () => {
      for (const method of ['GET', 'HEAD'])
        for (const more of [
          {},
          { 'cache-control': 'no-cache' },
          { pragma: 'no-cache' },
          { 'cache-control': 'max-age=0' },
        ]) {
          const response = await get(TOPIC, { 'if-none-match': value, ...more }, method);
          assert.equal(response.status, 304);
          assert.equal(await response.text(), '');
        }
    });
  }

  for (const [name, value] of Object.entries({
    'another tag': '"another"',
    'no quotes': tag.slice(1, -1),
    'a part of the tag': `${tag.slice(0, -2)}"`,
    'the tag in a longer one': `"x${tag.slice(1)}`,
    'a star in quotes': '"*"',
    nothing: '',
  })) {
    test(`of ${name} is answered 200`, async () => {
      assert.equal((await get(TOPIC, { 'if-none-match': value })).status, 200);
    });
  }

  test('is compared with the format and encoding that would be sent', async () => {
    const zipped = await tagOf(TOPIC, { 'accept-encoding': 'gzip' });
    const ask = async (headers: Record<string, string>) => (await get(TOPIC, headers)).status;
    assert.equal(await ask({ 'if-none-match': tag, 'accept-encoding': 'gzip' }), 200);
    assert.equal(await ask({ 'if-none-match': zipped, 'accept-encoding': 'gzip' }), 304);
    assert.equal(await ask({ 'if-none-match': zipped }), 200);
    assert.equal(await ask({ 'if-none-match': tag, accept: 'application/json' }), 200);
  });

  test('gets the headers that a cache has to keep up to date, and none about a body', async () => {
    const { headers } = await get(TOPIC);
    const unchanged = (await get(TOPIC, { 'if-none-match': tag, 'accept-encoding': 'identity' })).headers;
    for (const name of ['etag', 'vary', 'cache-control', 'content-location', 'link', 'access-control-allow-origin'])
      assert.equal(unchanged.get(name), headers.get(name), name);
    for (const name of ['content-type', 'content-length', 'content-encoding'])
      assert.equal(unchanged.get(name), null, name);
  });

  test('means nothing to an error or a redirect', async () => {
    for (const [path, status] of [
      ['/help/no-such-topic/', 404],
      ['/help/%zz/', 400],
      ['/help/errors', 308],
    ] as const)
      assert.equal((await get(path, { 'if-none-match': '*' })).status, status);
    assert.equal((await get(TOPIC, { 'if-none-match': '*' }, 'POST')).status, 405);
  });

  test('works through fetch, which adds Cache-Control: no-cache of its own', async () => {
    const { url } = await serve(handler);
    const first = await fetch(new URL('help/prose.json', url));
    const known = { 'If-None-Match': String(first.headers.get('etag')) };
    await first.arrayBuffer();
    const second = await fetch(new URL('help/prose.json', url), { headers: known });
    assert.equal(second.status, 304);
    assert.equal(await second.text(), '');
  });

  test('is matched exactly, also in a header that is no list', () => {
    for (const header of [' * ', '"a" "b"', 'x"b"', '"a";"b"']) assert.equal(matchesTag(header, '"b"'), true, header);
    for (const header of [null, '"a', 'b', '"a"b"', '**', '"a", *'])
      assert.equal(matchesTag(header, '"b"'), false, String(header));
  });
});

describe('HEAD', () => {
  const paths = [
    ...['/', '/help/', TOPIC, '/help/topic-tree/', '/help/index.json', '/help/prose.md', '/llms.txt', '/api/help'],
    ...[
      '/help/guides/install/answers',
      '/help/_files/images/bottle.svg',
      '/favicon.svg',
      '/schemas/config.schema.json',
    ],
    ...['/help/errors', '/help/no-such-topic/', '/help/%zz/', '/nothing', '/help/v1.4/'],
  ];
  test('is GET without the body: same status, same headers, length included', async () => {
    for (const path of paths) {
      for (const headers of [{}, { 'accept-encoding': 'br' }, { accept: 'text/html' }, { accept: 'application/pdf' }]) {
        const [full, head] = await Promise.all(['GET', 'HEAD'].map((method) => get(path, headers, method)));
        assert.equal(head?.status, full?.status, path);
        assert.deepEqual(Object.fromEntries(head?.headers ?? []), Object.fromEntries(full?.headers ?? []), path);
        const bytes = await full?.arrayBuffer();
        assert.equal(full?.headers.get('content-length'), String(bytes?.byteLength), path);
        assert.equal(await head?.text(), '', path);
      }
    }
  });
});

describe('compression', () => {
  const decode: Record<string, (bytes: Buffer) => Buffer> = { gzip: gunzipSync, br: brotliDecompressSync };
  const encodingOf = async (path: string, accepted: string) =>
    (await get(path, { 'accept-encoding': accepted })).headers.get('content-encoding');

  for (const [accepted, encoding] of [
    ['gzip', 'gzip'],
    ['br', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['GZIP', 'gzip'],
    ['identity', null],
    ['identity, gzip;q=0.5', null],
    ['gzip;q=0', null],
    ['deflate, zstd', null],
    ['', null],
    ['garbage', null],
  ] as const) {
    test(`for "${accepted}" is ${encoding ?? 'left out'}`, async () => {
      assert.equal(await encodingOf(TOPIC, accepted), encoding);
    });
  }

  test('changes the bytes, not the text', async () => {
    for (const path of [
      TOPIC,
      '/help/catalog.json',
      '/help/prose.md',
      '/help/guides/install/answers',
      '/schemas/config.schema.json',
    ]) {
      const plain = Buffer.from(await (await get(path)).arrayBuffer());
      for (const [encoding, undo] of Object.entries(decode)) {
        const response = await get(path, { 'accept-encoding': encoding });
        const bytes = Buffer.from(await response.arrayBuffer());
        assert.equal(response.headers.get('content-encoding'), encoding, path);
        assert.equal(response.headers.get('content-length'), String(bytes.length), path);
        assert.ok(bytes.length < plain.length, path);
        assert.deepEqual(undo(bytes), plain, path);
      }
    }
  });

  test('is not for what is small or compressed already', async () => {
    for (const path of ['/help/rain.md', '/help/guides/install/script', '/help/_files/images/bottle.svg'])
      assert.equal(await encodingOf(path, 'br'), null, path);
    const image = new Uint8Array(5000).fill(120);
    const { get: ask } = await testSite(
      buildFiles({ 'a.md': '![x](x.png) ![y](y.svg)', 'x.png': image, 'y.svg': image }),
    );
    const sent = async (path: string) => (await ask(path, { 'accept-encoding': 'br' })).headers.get('content-encoding');
    assert.equal(await sent('/help/_files/x.png'), null);
    assert.equal(await sent('/help/_files/y.svg'), 'br');
  });

  test('is announced to caches also where it was not used', async () => {
    for (const path of ['/help/rain.md', TOPIC, '/help/_files/images/bottle.svg', '/'])
      assert.match((await get(path)).headers.get('vary') ?? '', /\bAccept-Encoding\b/, path);
  });

  test('begins at 1024 bytes', async () => {
    const body = (bytes: number) => `${'x'.repeat(bytes - 1)}\n`;
    const { get: ask } = await testSite(buildFiles({ 'less.md': body(1023), 'enough.md': body(1024) }));
    const sent = async (path: string) => (await ask(path, { 'accept-encoding': 'br' })).headers.get('content-encoding');
    assert.equal(await sent('/help/less.md'), null);
    assert.equal(await sent('/help/enough.md'), 'br');
  });
});

test('what has been answered before is answered alike again, however it is asked for', async () => {
  const { get: ask } = await testSite(buildFixture());
  const paths = [
    TOPIC,
    '/help/',
    '/help/prose.json',
    '/help/_files/images/bottle.svg',
    '/favicon.svg',
    '/',
    '/help/x/',
  ];
  const accepts = ['text/html', 'text/markdown;q=0.5, application/json', 'application/pdf', '*/*', 'x'.repeat(1000)];
  const asked = paths.flatMap((path) =>
    accepts.flatMap((accept) =>
      ENCODINGS.flatMap((encoding) =>
        [undefined, tag, '*'].flatMap((known) =>
          ['GET', 'HEAD'].map((method) => ({
            path,
            method,
            headers: {
              accept,
              'accept-encoding': encoding,
              ...(known === undefined ? {} : { 'if-none-match': known }),
            },
          })),
        ),
      ),
    ),
  );
  const answerOf = async ({ path, method, headers }: (typeof asked)[number]) => {
    const response = await ask(path, headers, method);
    const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
    return { path, headers, status: response.status, fields: Object.fromEntries(response.headers), body };
  };
  const first = [];
  for (const one of asked) first.push(await answerOf(one));
  assert.ok(new Set(first.map(({ status }) => status)).size >= 4, 'they differ');
  for (const [index, one] of asked.entries()) assert.deepEqual(await answerOf(one), first[index]);
});

test('a crowd that asks for one page at once has it made once', async () => {
  const built = buildFixture();
  const { site } = await testSite(built);
  let made = 0;
  const pages = {
    asset: site.pages.asset,
    assetPaths: site.pages.assetPaths,
    render: (page: Page) => {
      made++;
      return site.pages.render(page);
    },
  };
  const { get: ask } = await testSite(built, { pages });
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(TOPIC)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.equal(made, 1);
});
