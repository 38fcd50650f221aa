// Whole pages of the fixture site, byte for byte.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { landingMarkdown, llmsText, markdownRenderer } from '../../src/render/markdown.ts';
import type { TerminalStyle } from '../../src/render/terminal.ts';
import { overviewText, textRenderer, topicText } from '../../src/render/text.ts';
import { buildFixture, expected } from './support.ts';

const { pack, context } = buildFixture();

function style(width: number, rich = false): TerminalStyle {
  return { width, color: rich, links: rich };
}

describe('the page as Markdown', () => {
  for (const [slug, file] of [
    ['errors/idempotency_conflict', 'idempotency_conflict.index.md'],
    ['errors', 'errors.index.md'],
    ['guides', 'guides.index.md'],
  ] as const) {
    test(`of ${slug} is ${file}`, () => {
      assert.equal(markdownRenderer.render(pack, slug, context), expected(file));
    });
  }

  test('of the landing text is landing.index.md', () => {
    assert.equal(landingMarkdown(pack, context), expected('landing.index.md'));
  });
});

describe('llms.txt', () => {
  test('at the root lists the top-level topics', () => {
    assert.equal(llmsText(pack, context, false), expected('llms.txt'));
  });

  test('below /help/ lists every topic', () => {
    assert.equal(llmsText(pack, context, true), expected('help-llms.txt'));
  });
});

describe('the page in a terminal', () => {
  for (const [slug, file, width] of [
    ['errors/idempotency_conflict', 'idempotency_conflict.80.txt', 80],
    ['prose', 'prose.80.txt', 80],
    ['guides/install', 'install.40.txt', 40],
  ] as const) {
    test(`of ${slug} in ${width} columns is ${file}`, () => {
      assert.equal(topicText(pack, slug, style(width)), expected(file));
    });
  }

  test('in colour is old-install.color.txt', () => {
    assert.equal(topicText(pack, 'guides/old-install', style(60, true)), expected('old-install.color.txt'));
  });

  test('of the whole manual is overview.80.txt', () => {
    assert.equal(overviewText(pack, style(80)), expected('overview.80.txt'));
  });

  test('sent over HTTP has 80 columns and no escape sequence', () => {
    for (const slug of ['errors/idempotency_conflict', 'prose'])
      assert.equal(textRenderer.render(pack, slug, context), topicText(pack, slug, style(80)));
  });
});
