// One address, several formats: which one a client gets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manifestJson } from '../../src/render/json.ts';
import { landingMarkdown, markdownRenderer } from '../../src/render/markdown.ts';
import { PLAIN } from '../../src/render/terminal.ts';
import { overviewText, textRenderer } from '../../src/render/text.ts';
import { buildFixture } from '../render/support.ts';
import { BROWSER, testSite } from './support.ts';

const built = buildFixture();
const { pack, context } = built;
const { get } = await testSite(built);

type Format = 'html' | 'json' | 'markdown' | 'text';

const TYPES: Record<Format, string> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  markdown: 'text/markdown; charset=utf-8',
  text: 'text/plain; charset=utf-8',
};

const ACCEPTED: [accept: string, format: Format][] = [
  ['', 'html'],
  ['   ', 'html'],
  ['*/*', 'html'],
  ['*/*;q=0.1', 'html'],
  [BROWSER, 'html'],
  // Safari, curl, Go, Java, a terminal browser.
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'html'],
  ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 'html'],
  ['text/html, text/plain, text/sgml, text/css, */*;q=0.01', 'html'],
  // Agents.
  ['text/markdown, text/html, */*', 'markdown'],
  ['text/markdown, text/plain;q=0.9, */*;q=0.8', 'markdown'],
  ['text/markdown;q=1.0, text/html;q=0.9, text/plain;q=0.8', 'markdown'],
  ['application/json, text/plain, */*', 'json'],
  ['application/json', 'json'],
  ['text/plain', 'text'],
  ['TEXT/Markdown', 'markdown'],
  // Quality decides, the more specific range counts, then the client's order, then ours.
  ['text/html;q=0.5, application/json', 'json'],
  ['text/html;q=0.1, application/json;q=0.2, text/markdown;q=0.3, text/plain;q=0.4', 'text'],
  ['application/json;q=0.999, text/markdown;q=1', 'markdown'],
  ['text/html;q=0.2, text/*;q=0.9', 'markdown'],
  ['text/plain, application/json', 'text'],
  ['application/json, text/plain', 'json'],
  ['text/*', 'html'],
  ['application/*', 'json'],
  ['text/*, application/json;q=0.5', 'html'],
  ['application/pdf, */*;q=0.1', 'html'],
  ['application/json;q=0.001', 'json'],
  // Zero means no.
  ['text/html;q=0, */*', 'json'],
  ['text/html;q=0.0, application/json;q=0.000, */*', 'markdown'],
  ['text/*;q=0, */*', 'json'],
  ['*/*;q=0, text/plain', 'text'],
  // What is sent is UTF-8, so asking for it asks for nothing else.
  ['application/json; charset=utf-8', 'json'],
  ['text/markdown;charset="UTF-8";q=0.5, text/html;q=0.4', 'markdown'],
  // What makes no sense is passed over.
  ['garbage, text/plain', 'text'],
  [',,, text/plain ,,', 'text'],
  ['text/html;q=nonsense, text/plain;q=0.1', 'text'],
];

const REFUSED = [
  'application/pdf',
  'application/xml, image/*',
  'text/html;q=0',
  '*/*;q=0',
  'application/vnd.api+json',
  'application/json;profile="x"',
  'text/html;charset=iso-8859-1',
  'garbage',
  ',',
  '/',
  ';;;',
  '\u00fc',
];

for (const [path, json, location] of [
  ['/help/errors/not_found/', '/help/errors/not_found.json', '/help/errors/not_found/index.md'],
  ['/help/', '/help/index.json', '/help/index.md'],
] as const) {
  describe(`at ${path}`, () => {
    const locations: Record<Format, string | null> = { html: path, json, markdown: location, text: null };

    for (const [accept, format] of ACCEPTED) {
      test(`"${accept}" gets ${format}`, async () => {
        const { status, headers } = await get(path, { accept });
        assert.equal(status, 200);
        assert.equal(headers.get('content-type'), TYPES[format]);
        assert.equal(headers.get('content-location'), locations[format]);
        assert.equal(headers.get('vary'), 'Accept, Accept-Encoding');
      });
    }

    for (const accept of REFUSED) {
      test(`"${accept}" gets 406 and the alternatives`, async () => {
        const response = await get(path, { accept });
        assert.equal(response.status, 406);
        assert.equal(response.headers.get('content-type'), 'application/problem+json');
        const problem = (await response.json()) as {
          code: string;
          alternatives: { media_type: string; url: string }[];
        };
        assert.equal(problem.code, 'NOT_ACCEPTABLE');
        assert.deepEqual(problem.alternatives, [
          { media_type: 'text/html', url: path },
          { media_type: 'application/json', url: json },
          { media_type: 'text/markdown', url: location },
          { media_type: 'text/plain', url: path },
        ]);
        for (const { media_type, url } of problem.alternatives) {
          const alternative = await get(url, { accept: media_type });
          assert.ok(alternative.headers.get('content-type')?.startsWith(media_type), url);
        }
      });
    }

    test('a client without the header gets HTML', async () => {
      assert.equal((await get(path)).headers.get('content-type'), TYPES.html);
    });

    test('each format says the same as the address that always gives it', async () => {
      for (const [format, url] of Object.entries(locations)) {
        if (url === null) continue;
        const type = TYPES[format as Format].split(';')[0] as string;
        assert.equal(await (await get(path, { accept: type })).text(), await (await get(url)).text(), format);
      }
    });
  });
}

test('plain text is the page as in a terminal of 80 columns', async () => {
  const accept = { accept: 'text/plain' };
  assert.equal(await (await get('/help/prose/', accept)).text(), textRenderer.render(pack, 'prose', context));
  assert.equal(await (await get('/help/', accept)).text(), overviewText(pack, PLAIN));
});

test('JSON and Markdown are the documents that the renderers write', async () => {
  const ask = async (path: string, accept: string) => (await get(path, { accept })).text();
  assert.equal(await ask('/help/prose/', 'application/json'), pack.topicJson('prose'));
  assert.equal(await ask('/help/prose/', 'text/markdown'), markdownRenderer.render(pack, 'prose', context));
  assert.equal(await ask('/help/', 'application/json'), manifestJson(pack));
  assert.equal(await ask('/help/', 'text/markdown'), landingMarkdown(pack, context));
});
