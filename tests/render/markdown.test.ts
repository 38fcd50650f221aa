// The page as Markdown: what differs from one catalog to the next.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { landingMarkdown, llmsText, markdownRenderer } from '../../src/render/markdown.ts';
import type { DocentConfig } from '../../src/topic/descriptor.ts';
import { ACME, buildFiles, buildFixture, buildTopic } from './support.ts';

const RAW_FORMATS = `## Raw formats

- [\`/help/topic.json\`](/help/topic.json) — full descriptor (matches \`GET /help/{topic}\` envelope)
- [\`/help/topic.md\`](/help/topic.md) — body only
`;

/** The page of the one topic of a catalog. */
function pageOf(source: string, product: DocentConfig['product'] = { name: 'acme', command: 'acme help' }): string {
  const { pack, context } = buildFiles({ 'topic.md': source }, { product });
  return markdownRenderer.render(pack, 'topic', context);
}

/** The heading `name` of the page of a topic of the given files, without the others. */
function sectionOf(name: string, files: Record<string, string>): string {
  const { pack, context } = buildFiles(files);
  const page = markdownRenderer.render(pack, 'topic', context);
  return page.split(`\n## ${name}\n\n`)[1]?.split('\n\n## ')[0] ?? '';
}

describe('the version line', () => {
  test('is missing where the product has no version', () => {
    assert.equal(pageOf('# Title\n\nText.'), `# Title\n\nText.\n\n# Title\n\nText.\n\n${RAW_FORMATS}`);
  });

  test('is not linked where the product has no release page', () => {
    const page = pageOf('# Title\n\nText.', { name: 'acme', version: '1.0' });
    assert.equal(page, `# Title\n\nText.\n\n<em>acme version 1.0</em>\n\n# Title\n\nText.\n\n${RAW_FORMATS}`);
  });

  test('is HTML, whatever the product is called', () => {
    const product = { name: 'R&D <x>', version: '1"<', releaseUrl: 'https://acme.example/?v={version}&a=b' };
    const line = '<em>R&amp;D &lt;x&gt; version <a href="https://acme.example/?v=1&quot;<&amp;a=b">1"&lt;</a></em>';
    assert.equal(pageOf('Text.', product).split('\n\n')[2], line);
  });
});

describe('the text', () => {
  test('has LF line breaks where the source has CRLF', () => {
    const page = pageOf('---\r\ntitle: T\r\n---\r\n\r\nFirst\r\nline.\r\n\r\nSecond.\r\n\r\n\r\n');
    assert.equal(page, `# T\n\nFirst\nline.\n\nFirst\nline.\n\nSecond.\n\n${RAW_FORMATS}`);
  });

  test('may begin with code, which is then the synopsis', () => {
    const code = '```sh\nacme run\n\nacme help\n```';
    assert.equal(pageOf(`---\ntitle: T\n---\n${code}`), `# T\n\n${code}\n\n${code}\n\n${RAW_FORMATS}`);
  });

  test('may be missing: a title alone is a page', () => {
    assert.equal(pageOf('# T'), `# T\n\n# T\n\n${RAW_FORMATS}`);
  });

  test('keeps a title on one line', () => {
    assert.equal(pageOf('---\ntitle: "two\\n  lines"\n---\nText.').split('\n\n')[0], '# two lines');
  });
});

describe('Subtopics', () => {
  test('lists the children in order, each with its synopsis', () => {
    const files = { 'topic.md': '# T', 'topic/B.md': 'About B.', 'topic/a.md': 'About a.', 'topic/a/deep.md': 'Deep.' };
    assert.equal(
      sectionOf('Subtopics', files),
      '- [`acme help topic B`](/help/topic/b/) — About B.\n- [`acme help topic a`](/help/topic/a/) — About a.',
    );
  });
});

describe('See also', () => {
  const seeAlso = (source: string) =>
    sectionOf('See also', { 'topic.md': '---\nsee_also: [Other]\n---\nText.', 'Other.md': source }).trim();

  for (const [what, source, about] of [
    ['a paragraph on one line', '# T\n\nTwo\nlines\\\nand a **third**.', 'Two lines and a **third**.'],
    [
      'a tagline for fenced code',
      '# T\n\n## NAME\n\nother — what it is\n\n## DESCRIPTION\n\n```\nx\n```',
      'what it is',
    ],
    ['a tagline for indented code', '# T\n\n    acme run', 'acme run'],
    ['a tagline for a list', '# T\n\n- one\n- *two*', 'one; two'],
    ['a tagline for a numbered list', '# T\n\n1. one\n2. two', 'one; two'],
    ['a tagline for a table', '# T\n\n| a | b |\n|---|---|\n| 1 | 2 |', 'a b; 1 2'],
    ['a tagline for a quote', '# T\n\n> said\n> so', 'said so'],
  ] as const) {
    test(`has ${what}`, () => {
      assert.equal(seeAlso(source), `- [\`acme help Other\`](/help/other/) — ${about}`);
    });
  }

  test('has no dash after a topic about which nothing is said', () => {
    assert.equal(seeAlso('# T'), '- [`acme help Other`](/help/other/)');
  });

  test('names a topic by its own id where another spelling was written', () => {
    const files = {
      'topic.md': '---\nsee_also: [ALIAS, other]\n---\n',
      'Other.md': '---\naliases: [alias]\n---\nText.',
    };
    const line = '- [`acme help Other`](/help/other/) — Text.';
    assert.equal(sectionOf('See also', files), `${line}\n${line}`);
  });

  test('prints what does not exist without a link', () => {
    assert.equal(
      sectionOf('See also', { 'topic.md': '---\nsee_also: [no.SUCH]\n---\nText.' }),
      '- `acme help no SUCH`',
    );
  });
});

describe('below a base path', () => {
  const { pack, context } = buildFixture({ ...ACME, site: { url: 'https://docs.example/acme/', title: 'Acme' } });

  test('every link of a page begins with it', () => {
    const page = markdownRenderer.render(pack, 'errors', context);
    const targets = [...page.matchAll(/\]\((\/[^)]*)\)/g)].map(([, target]) => target);
    assert.deepEqual(targets, [
      '/acme/help/errors/help_topic_not_found/',
      '/acme/help/errors/idempotency_conflict/',
      '/acme/help/errors/not_found/',
      '/acme/help/cli/',
      '/acme/help/errors.json',
      '/acme/help/errors.md',
    ]);
    assert.match(landingMarkdown(pack, context), /\]\(\/acme\/help\/cli\/\)/);
  });

  test('llms.txt has the public address of every page', () => {
    for (const all of [true, false]) {
      const targets = [...llmsText(pack, context, all).matchAll(/\]\(([^)]*)\)/g)].map(([, target]) => target ?? '');
      assert.ok(targets.length > 5);
      assert.deepEqual(
        targets.filter((target) => !target.startsWith('https://docs.example/acme/')),
        [],
      );
      assert.ok(llmsText(pack, context, all).includes('\nA topic is at `https://docs.example/acme/help/<slug>/`; '));
    }
  });
});

describe('the landing page', () => {
  const landing = (files: Record<string, string>, config: DocentConfig = {}) => {
    const { pack, context } = buildFiles({ 'topic.md': 'Text.', ...files }, config);
    return landingMarkdown(pack, context).split('\n\n## ')[0];
  };

  test('has the site’s title where nobody wrote one', () => {
    assert.equal(landing({}, { site: { title: 'Acme manual' } }), '# Acme manual');
  });

  test('begins with the author’s heading, or with the title that it lacks', () => {
    assert.equal(landing({ 'index.md': '\n# Hello\r\n\r\nText.\r\n' }), '# Hello\n\nText.');
    assert.equal(landing({ 'index.md': '---\ntitle: Hello\n---\nText.' }), '# Hello\n\nText.');
    assert.equal(landing({ 'README.md': 'Text.' }, { site: { title: 'Acme' } }), '# Acme\n\nText.');
  });
});

describe('llms.txt', () => {
  test('describes a site without a landing text', () => {
    const { pack, context } = buildTopic('# T\n\nText.');
    assert.match(llmsText(pack, context, false), /^# Acme manual\n\n> Help topics of acme\.\n\n/);
  });

  test('keeps a label on one line and its brackets closed', () => {
    const { pack, context } = buildTopic('---\ntitle: "a ] b\\nc \\\\"\n---\n');
    assert.ok(llmsText(pack, context, false).includes('\n- [a \\] b c \\\\](/help/topic/index.md)\n'));
  });
});
