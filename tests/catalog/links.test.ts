// Where the links of a body lead once all topics are known: relative in HTML, from the root in blocks, nowhere if nothing is there.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Files } from '../support.ts';
import { blocksOf, buildFiles, catalogOf, printed, topicOf } from '../support.ts';

const front = (yaml: string, body = 'x\n') => `---\n${yaml}\n---\n${body}`;

const SITE: Files = {
  'README.md': '# Welcome\n\n## Start here\n',
  'guides.md': 'x',
  'guides/Getting started.md': '# T\n\n## First *cup*\n',
  'guides/brew/README.md': front(
    'aliases: [tea]\nactions: { recipe: { file: ../tea.json, media_type: application/json } }',
  ),
  'errors.md': '# Errors\n\n## All of them\n',
  'errors/TEAPOT.md': '# T\n\n## WHY\n',
  'guides/tea.json': '{}',
};

/** Where `[x](href)` leads from a topic: its address in HTML, in blocks, and what is said about it. */
function resolve(href: string, from = 'errors/FROM.md') {
  const result = buildFiles({ ...SITE, [from]: `${SITE[from] ?? ''}\n\n[x](${href})\n` });
  const id = from.replace(/(\/?README)?\.md$/, '').replaceAll('/', '.');
  const topic = id === '' ? catalogOf(result).landing : topicOf(result, id);
  const blocks = typeof topic?.blocks === 'string' ? blocksOf({ blocks: topic.blocks }) : topic?.blocks;
  const block = blocks?.at(-1);
  const span = block?.type === 'paragraph' ? block.spans[0] : undefined;
  return {
    html: /<a href="([^"]*)">x<\/a>/.exec(topic?.html ?? '')?.[1],
    block: typeof span === 'object' && span.type === 'link' ? span.href : undefined,
    said: printed(result.diagnostics),
  };
}

describe('a link to a topic', () => {
  for (const [href, from, html, block] of [
    ['TEAPOT.md', 'errors/FROM.md', '../../errors/teapot/', '/help/errors/teapot/'],
    ['./TEAPOT.md', 'errors/FROM.md', '../../errors/teapot/', '/help/errors/teapot/'],
    ['teapot.markdown', 'errors/FROM.md', '../../errors/teapot/', '/help/errors/teapot/'],
    ['TEAPOT', 'errors/FROM.md', '../../errors/teapot/', '/help/errors/teapot/'],
    [
      '../guides/Getting%20started.md',
      'errors/FROM.md',
      '../../guides/getting-started/',
      '/help/guides/getting-started/',
    ],
    [
      '<../guides/Getting started.md>',
      'errors/FROM.md',
      '../../guides/getting-started/',
      '/help/guides/getting-started/',
    ],
    ['../guides/brew/README.md', 'errors/FROM.md', '../../guides/brew/', '/help/guides/brew/'],
    ['../guides/brew/', 'errors/FROM.md', '../../guides/brew/', '/help/guides/brew/'],
    ['../guides', 'errors/FROM.md', '../../guides/', '/help/guides/'],
    ['.', 'errors/FROM.md', '../../errors/', '/help/errors/'],
    ['..', 'errors/FROM.md', '../../', '/help/'],
    ['../README.md', 'errors/FROM.md', '../../', '/help/'],
    ['../../guides.md', 'guides/brew/README.md', '../../guides/', '/help/guides/'],
    [
      '../Getting%20started.md#first-cup',
      'guides/brew/README.md',
      '../../guides/getting-started/#first-cup',
      '/help/guides/getting-started/#first-cup',
    ],
    ['errors/TEAPOT.md#why', 'errors.md', '../errors/teapot/#why', '/help/errors/teapot/#why'],
    ['errors/TEAPOT.md?x=1#why', 'errors.md', '../errors/teapot/#why', '/help/errors/teapot/#why'],
    ['errors/TEAPOT.md', 'README.md', 'errors/teapot/', '/help/errors/teapot/'],
    ['README.md#start-here', 'guides.md', '../#start-here', '/help/#start-here'],
    ['.', 'README.md', './', '/help/'],
    ['/help/errors/teapot/', 'guides.md', '../errors/teapot/', '/help/errors/teapot/'],
    ['/help/errors.TEAPOT#why', 'guides.md', '../errors/teapot/#why', '/help/errors/teapot/#why'],
    ['/help/', 'guides.md', '../', '/help/'],
    ['../tea.md', 'errors/FROM.md', '../../guides/brew/', '/help/guides/brew/'],
    ['/help/tea/', 'errors/FROM.md', '../../guides/brew/', '/help/guides/brew/'],
  ] as const) {
    test(`${href} from ${from}`, () => assert.deepEqual(resolve(href, from), { html, block, said: [] }));
  }

  test('that is none leads nowhere and is reported, with the nearest', () => {
    assert.deepEqual(resolve('TEAPOTS.md'), {
      html: undefined,
      block: undefined,
      said: [
        'docs/errors/FROM.md:3:1: warning broken-link: there is no topic at "TEAPOTS.md"\n  hint: did you mean "errors/teapot"?',
      ],
    });
    assert.deepEqual(resolve('/help/something/else/').said, [
      'docs/errors/FROM.md:3:1: warning broken-link: there is no topic at "/help/something/else/"\n  hint: it is printed without a link',
    ]);
  });

  test('that leads out of the source leads nowhere', () => {
    assert.deepEqual(resolve('../../CHANGELOG.md'), {
      html: undefined,
      block: undefined,
      said: [
        'docs/errors/FROM.md:3:1: warning broken-link: "../../CHANGELOG.md" leads out of the source folder\n' +
          '  hint: link to its public address instead',
      ],
    });
    assert.equal(resolve('%2e%2e/%2e%2e/CHANGELOG.md').html, undefined);
  });

  test('keeps its text when it leads nowhere', () => {
    const { html, blocks } = topicOf(buildFiles({ 'a.md': 'see [*this*](b.md) now\n' }), 'a');
    assert.equal(html, '<p>see <a><em>this</em></a> now</p>\n');
    assert.deepEqual(blocksOf({ blocks }), [
      { type: 'paragraph', spans: ['see ', { type: 'link', spans: [{ type: 'em', spans: ['this'] }] }, ' now'] },
    ]);
  });
});

describe('a fragment', () => {
  test('must be a heading of the page it leads to, its own or another', () => {
    assert.deepEqual(resolve('#wy', 'errors/TEAPOT.md').said, [
      'docs/errors/TEAPOT.md:6:1: warning broken-link: there is no heading "#wy" there\n  hint: did you mean "#why"?',
    ]);
    assert.deepEqual(resolve('TEAPOT.md#elsewhere').said, [
      'docs/errors/FROM.md:3:1: warning broken-link: there is no heading "#elsewhere" there\n  hint: its headings have other names',
    ]);
  });

  test('that is not there still leads to the page', () => {
    assert.equal(resolve('TEAPOT.md#elsewhere').html, '../../errors/teapot/#elsewhere');
    assert.equal(resolve('#wy', 'errors/TEAPOT.md').html, '#wy');
  });

  test('of the page itself stays as it is, and may be the top', () => {
    for (const href of ['#why', '#', '#top'])
      assert.deepEqual(resolve(href, 'errors/TEAPOT.md'), { html: href, block: href, said: [] });
  });
});

describe('a link to anything else', () => {
  for (const href of [
    'https://e.example/?a=1#b',
    'http://e.example',
    'mailto:a@b.example',
    '//e.example/x',
    '/pricing',
    '/',
  ])
    test(`${href} stays as it is`, () => assert.deepEqual(resolve(href), { html: href, block: href, said: [] }));

  for (const [href, html] of [
    ['/help/index.json', '../../index.json'],
    ['/help/errors/teapot.md', '../../errors/teapot.md'],
    ['/help/topic-tree/', '../../topic-tree/'],
    ['/help/v1.2/errors/', '../../v1.2/errors/'],
  ] as const) {
    test(`${href} is a document of the site`, () => {
      assert.deepEqual(resolve(href), { html, block: href, said: [] });
    });
  }

  test('an action’s file leads to the action', () => {
    assert.deepEqual(resolve('../guides/tea.json'), {
      html: '../../guides/brew/recipe',
      block: '/help/guides/brew/recipe',
      said: [],
    });
  });

  test('is escaped in HTML, and only there', () => {
    assert.deepEqual(resolve('<https://e.example/?a="b"&c=<d>>').html, undefined);
    assert.deepEqual(resolve('<https://e.example/?a="b"&c=\'d\'>'), {
      html: "https://e.example/?a=&quot;b&quot;&amp;c='d'",
      block: 'https://e.example/?a="b"&c=\'d\'',
      said: [],
    });
  });

  test('has no effect on text that looks like one inside the compiler', () => {
    const { html, blocks } = topicOf(
      buildFiles({ 'a.md': '[x](#) <a href="docent-link:0"> `src="docent-link:0"`\n' }),
      'a',
    );
    assert.equal(html, '<p><a href="#">x</a> &lt;a href="docent-link:0"&gt; <code>src="docent-link:0"</code></p>\n');
    assert.match(blocks, /<a href=\\"docent-link:0\\">/);
  });
});

describe('a topic that front matter names', () => {
  test('may be another spelling, an alias, or a parent without a file', () => {
    const result = buildFiles({
      'a.md': front('see_also: [ERRORS.teapot, tea, only]\nreplaced_by: Errors'),
      'only/child.md': 'x',
      ...SITE,
    });
    assert.deepEqual(
      result.diagnostics.map(({ code }) => code),
      ['missing-parent'],
    );
  });

  test('that is none is reported, with the nearest', () => {
    const result = buildFiles({
      ...SITE,
      'a.md': front('title: A\nsee_also:\n- errors\n- errors.TEAPOD\nreplaced_by: b'),
    });
    assert.deepEqual(printed(result.diagnostics), [
      'docs/a.md:5:3: warning unknown-see-also: there is no topic "errors.TEAPOD"\n  hint: did you mean "errors.TEAPOT"?',
      'docs/a.md:6:14: warning unknown-replaced-by: there is no topic "b"\n  hint: did you mean "a"?',
    ]);
    assert.deepEqual(topicOf(result, 'a').descriptor.see_also, ['errors', 'errors.TEAPOD']);
  });
});

test('every link of a build is reported, not only the first', () => {
  const { diagnostics } = buildFiles({ 'a.md': '[a](b.md) [c](d.md)\n\n- [e](f.md)\n', 'g.md': '> [h](i.md)\n' });
  assert.deepEqual(
    diagnostics.map(({ file, line, column }) => `${file}:${line}:${column}`),
    ['docs/a.md:1:1', 'docs/a.md:1:11', 'docs/a.md:3:3', 'docs/g.md:1:3'],
  );
});
