// The HTML pages of the fixture site, read over real HTTP from `/` on, as a crawler does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildFixture, slugsOf } from '../render/support.ts';
import { addressesOf, elements, linksOf, textOf, textsOf, valuesOf } from './html.ts';
import { BROWSER, serve, testSite } from './support.ts';

const built = buildFixture();
const { handler, reported } = await testSite(built);
const { url: origin } = await serve(handler);

interface Crawled {
  status: number;
  type: string;
  text: string;
}

/** Follows every link of every page that it can reach, and no redirect. */
async function crawl(): Promise<Map<string, Crawled>> {
  const found = new Map<string, Crawled>();
  const queue = [new URL(origin).pathname];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (found.has(path)) continue;
    const response = await fetch(new URL(path, origin), { redirect: 'manual', headers: { Accept: BROWSER } });
    const type = response.headers.get('content-type') ?? '';
    const text = await response.text();
    found.set(path, { status: response.status, type, text });
    if (!type.startsWith('text/html') || path.endsWith('/Page')) continue;
    for (const address of addressesOf(text)) {
      const target = new URL(address, new URL(path, origin));
      if (target.origin === new URL(origin).origin) queue.push(target.pathname);
    }
  }
  return found;
}

const crawled = await crawl();
const pages = [...crawled].filter(([path, { type }]) => type.startsWith('text/html') && !path.endsWith('/Page'));
const pageAt = (path: string) => crawled.get(path)?.text ?? '';

describe('a crawl from the title page', () => {
  test('finds every topic, its raw formats, its files and its images, and no broken link or redirect', () => {
    const wrong = [...crawled]
      .filter(([, { status }]) => status !== 200)
      .map(([path, { status }]) => `${status} ${path}`);
    assert.deepEqual(wrong, []);
    for (const slug of slugsOf(built.pack))
      for (const form of ['/', '.json', '.md', '/index.md'])
        assert.ok(crawled.has(`/help/${slug}${form}`), `${slug}${form}`);
    for (const path of [
      ...[
        '/help/',
        '/help/topic-tree/',
        '/help/index.json',
        '/help/index.md',
        '/help/catalog.json',
        '/llms.txt',
        '/favicon.svg',
      ],
      ...['/help/guides/install/script', '/help/guides/install/Page', '/help/guides/install/answers'],
      ...['/help/_files/images/bottle.svg', '/help/_files/images/drop%20%26%20splash.png'],
    ])
      assert.ok(crawled.has(path), path);
    assert.deepEqual(reported, []);
  });

  test('leads each fragment to an element of its page', () => {
    let checked = 0;
    for (const [path, { text }] of pages) {
      for (const address of addressesOf(text)) {
        const target = new URL(address, new URL(path, origin));
        if (target.origin !== new URL(origin).origin || target.hash === '') continue;
        checked++;
        const ids = valuesOf(pageAt(target.pathname), 'id');
        assert.ok(ids.includes(decodeURIComponent(target.hash.slice(1))), `${path} → ${address}`);
      }
    }
    assert.ok(checked > pages.length, 'each page has a link to its own text at least');
  });
});

describe('every page', () => {
  for (const [path, { text }] of pages) {
    test(`${path} is a sound document`, () => {
      assert.match(text, /^<!DOCTYPE html><html lang="en">/);
      const headings = textsOf(text, 'h1');
      assert.equal(headings.length, 1);
      assert.notEqual(headings[0], '');
      const titles = textsOf(text, 'title');
      assert.equal(titles.length, 1);
      assert.match(String(titles[0]), /Acme manual$/);
      for (const name of ['main', 'header', 'footer']) assert.ok(elements(text, name).length >= 1, name);
      assert.equal(elements(text, 'main').length, 1);
      const ids = valuesOf(text, 'id');
      assert.deepEqual(
        ids.filter((id, index) => ids.indexOf(id) !== index),
        [],
        'ids are unique',
      );
    });

    test(`${path} needs no right that its policy denies`, () => {
      for (const name of ['script', 'style', 'iframe', 'object', 'embed', 'base', 'form'])
        assert.deepEqual(elements(text, name), [], name);
      for (const { attributes } of elements(text))
        for (const name of attributes.keys()) assert.doesNotMatch(name, /^(on|style$|srcdoc$)/);
      for (const address of addressesOf(text)) assert.match(new URL(address, origin).protocol, /^(https?|mailto):$/);
      assert.ok(linksOf(text, 'stylesheet').length > 0);
      for (const sheet of linksOf(text, 'stylesheet')) assert.match(sheet, /^\//);
      for (const image of elements(text, 'img')) assert.ok(image.attributes.has('alt'));
    });

    test(`${path} names its address and its other formats`, () => {
      assert.deepEqual(linksOf(text, 'canonical'), [path]);
      const alternates = linksOf(text, 'alternate');
      assert.ok(alternates.length > 0);
      for (const alternate of alternates) assert.equal(crawled.get(alternate)?.status, 200, alternate);
    });
  }
});

describe('a topic page', () => {
  test('shows the topic: id, title, command, facts, text, files, formats', () => {
    const text = pageAt('/help/errors/idempotency_conflict/');
    assert.deepEqual(textsOf(text, 'h1'), ['IDEMPOTENCY_CONFLICT — same key, other request']);
    assert.deepEqual(textsOf(text, 'title'), ['IDEMPOTENCY_CONFLICT — same key, other request — Acme manual']);
    const all = textOf(text);
    for (const part of [
      ...['acme help errors IDEMPOTENCY_CONFLICT', 'errors.IDEMPOTENCY_CONFLICT', '14 May 2026', 'Since'],
      ...['409', 'Conflict', 'Never', 'Reserved', 'use_new_idempotency_key', 'idempotency_key_reused', '422'],
      ...['AcmeIdempotencyError', '*acme.IdempotencyError', 'not in this manual', 'full descriptor'],
    ])
      assert.ok(all.includes(part), part);
  });

  test('says what a deprecated topic is replaced by', () => {
    const [notice] = elements(pageAt('/help/guides/old-install/'), 'aside');
    assert.match(
      textOf(String(notice?.inner)),
      /^Deprecated since 1\.2\. .* Use Install Acme guides\.install instead\.$/,
    );
    assert.ok(notice?.inner.includes('href="/help/guides/install/"'));
  });

  test('has its headings with GitHub’s ids, numbered where they repeat', () => {
    const headings = elements(pageAt('/help/guides/install/'), 'h3').map(({ attributes }) => attributes.get('id'));
    assert.deepEqual(headings, ['tools-tools', 'tools']);
  });

  test('shows the author’s HTML as text and marks as marks', () => {
    const text = pageAt('/help/prose/');
    assert.ok(text.includes('&lt;b&gt;raw&lt;/b&gt;'));
    for (const name of ['table', 'strong', 'em', 'del', 'code', 'input'])
      assert.ok(elements(text, name).length > 0, name);
    assert.ok(elements(pageAt('/help/guides/install/'), 'blockquote').length > 0);
  });

  test('escapes a title with quotes, brackets and ampersands', () => {
    const text = pageAt('/help/cli/run/');
    assert.deepEqual(textsOf(text, 'title'), ['run <bottle> & [cork] \\ "rain" — Acme manual']);
    assert.deepEqual(elements(text, 'bottle'), []);
  });
});
