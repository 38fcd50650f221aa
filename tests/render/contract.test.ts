// What holds for every way to write a topic down.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import type { TopicRenderer } from '../../src/render/context.ts';
import { jsonRenderer } from '../../src/render/json.ts';
import { bodyRenderer, markdownRenderer } from '../../src/render/markdown.ts';
import { textRenderer } from '../../src/render/text.ts';
import { buildFixture, renderEverything, slugsOf } from './support.ts';

interface Case {
  renderer: TopicRenderer;
  mediaType: string;
  /** A text of ours, as opposed to the author's own bytes. */
  composed: boolean;
}

const CASES: Record<string, Case> = {
  json: { renderer: jsonRenderer, mediaType: 'application/json', composed: true },
  body: { renderer: bodyRenderer, mediaType: 'text/markdown', composed: false },
  markdown: { renderer: markdownRenderer, mediaType: 'text/markdown', composed: true },
  text: { renderer: textRenderer, mediaType: 'text/plain', composed: true },
};

const { pack, context } = buildFixture();
const again = buildFixture();
const slugs = slugsOf(pack);

for (const [name, { renderer, mediaType, composed }] of Object.entries(CASES)) {
  describe(`the ${name} renderer`, () => {
    test(`writes ${mediaType}`, () => {
      assert.equal(renderer.mediaType, mediaType);
    });

    test('gives the same text for the same topic, from any pack of the same sources', () => {
      assert.ok(slugs.length >= 15);
      for (const slug of slugs) {
        const text = renderer.render(pack, slug, context);
        assert.equal(renderer.render(pack, slug, context), text, slug);
        assert.equal(renderer.render(again.pack, slug, again.context), text, slug);
      }
    });

    test('says something else for each topic', () => {
      const described = slugs.filter((slug) => pack.topic(slug)?.descriptor.body !== '');
      const texts = new Set(described.map((slug) => renderer.render(pack, slug, context)));
      assert.equal(texts.size, described.length);
    });

    if (composed) {
      test('ends every text with one line break, and breaks lines with LF only', () => {
        for (const slug of slugs) {
          const text = renderer.render(pack, slug, context);
          assert.match(text, /[^\n]\n$/, slug);
          assert.doesNotMatch(text, /\r/, slug);
        }
      });
    } else {
      test('gives the author’s text byte for byte', () => {
        assert.equal(
          renderer.render(pack, 'crlf', context),
          '# Windows line ends\r\n\r\n## DESCRIPTION\r\n\r\nFirst line\r\nsecond line.\r\n\r\n```\r\ncode\r\n```\r\n',
        );
        assert.equal(renderer.render(pack, 'rain', context), '# 雨水\n\n雨を瓶に詰める。☔ It is raining.');
        assert.equal(renderer.render(pack, 'guides', context), '', 'nobody wrote this one');
      });
    }

    for (const slug of ['', 'nothing', 'errors/nothing', 'errors.NOT_FOUND', 'ERRORS', 'errors/', 'not-found']) {
      test(`throws for "${slug}", which is the slug of no topic`, () => {
        assert.throws(() => renderer.render(pack, slug, context), { message: `no topic ${slug} in the pack` });
      });
    }
  });
}

test('what is rendered depends on no clock, locale, terminal or current folder', async () => {
  const env = { LC_ALL: 'tr_TR.UTF-8', TZ: 'Pacific/Kiritimati', FORCE_COLOR: '3', COLUMNS: '40' };
  assert.equal(await renderElsewhere(env, tmpdir()), renderEverything());
});

/** {@link renderEverything} in a process of its own. */
function renderElsewhere(env: Record<string, string>, cwd: string): Promise<string> {
  const script = `
    import { renderEverything } from '${new URL('./support.ts', import.meta.url).href}';
    process.stdout.write(renderEverything());`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`exit code ${code}`))));
  });
}
