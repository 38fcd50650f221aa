import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright';
import { docent, ROOT, type Server, serve, temporaryFolder, writeFiles } from '../cli/support.ts';
import { accessibilityViolations, type Opened, openPage, overflow, THEMES, useBrowser, WIDTHS } from './support.ts';

/** A charge that is made. */
const charge = (amount = 1000, info = '') => `\`\`\`http${info}
POST /api/charges HTTP/1.1
Authorization: Bearer {{$token}}
Content-Type: application/json
Idempotency-Key: "{{$uuid}}"

{"amount": ${amount}, "currency": "usd", "description": "{{$text.400}}"}
\`\`\`
`;

const promise = (...lines: string[]) => `\n\`\`\`http\n${lines.join('\n')}\n\`\`\`\n`;

const FILES = {
  'docent.config.json': '{"reference": {"enabled": true}, "content": ["topics"]}',
  'plain/docent.config.json': '{"content": ["../topics"]}',
  'topics/kept.md': `# Kept

${charge()}${promise('HTTP/1.1 201 Created', 'Content-Type: application/json', '', '{"id": "{{id}}", "amount": 1000, "...": "..."}')}
And once more:

${charge()}
The words between are no obstacle.
${promise('HTTP/1.1 201 Created', 'Idempotent-Replayed: true')}
${charge(1, ' skip="it would prove nothing"')}`,
  'topics/broken.md': `# Broken

${charge()}${promise('HTTP/1.1 200 OK', 'X-Colour: blue', '', '{"amount": 2000, "...": "..."}')}
\`\`\`http
GET /api/charges/{{unknown}} HTTP/1.1
\`\`\`
${promise('HTTP/1.1 200 OK')}`,
  'topics/calm.md': '# Calm\n\nNothing to run.\n',
  'topics/shown.md': `# Shown\n\n${charge(1, ' skip="it is only shown"')}`,
};

const folder = writeFiles(temporaryFolder(), FILES);
let server: Server;

useBrowser();
before(async () => {
  server = await serve([], { cwd: folder });
});
after(() => server?.stop());

const open = (topic: string, options = {}, url = server.url) => openPage(`${url}/help/${topic}/`, options);

const states = (page: Page) => page.locator('.example-state').allTextContents();
const summary = async (page: Page) => (await page.getByRole('status').textContent())?.trim();
const start = (page: Page) => page.getByRole('button', { name: /^Run/ });

/** Presses Run as a keyboard does, and waits for the end of the run. */
async function run(page: Page, key = 'Enter'): Promise<void> {
  await start(page).focus();
  await page.keyboard.press(key);
  await ended(page);
}

/** Presses Run, and keeps the server from answering. */
async function runForEver(page: Page): Promise<void> {
  await page.route('**/api/charges', () => {});
  await start(page).focus();
  await page.keyboard.press('Enter');
  await page.getByText('running', { exact: true }).waitFor();
}

async function ended(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Run again' }).waitFor();
}

/** What a browser complains about, other than an answer that is no success: examples are to show errors. */
function complaintsOf({ complaints }: Opened): string[] {
  return complaints.filter((text) => !/Failed to load resource|\/api\/\S* (failed|\d{3})$/.test(text));
}

/** Everything that would be sent with a form or a script, by URL and key. */
function recordPosts(page: Page): { url: string; key: string | undefined }[] {
  const posts: { url: string; key: string | undefined }[] = [];
  page.on('request', (request) => {
    if (request.method() !== 'POST') return;
    posts.push({ url: new URL(request.url()).pathname, key: request.headers()['idempotency-key'] });
  });
  return posts;
}

describe('IDEMPOTENCY_CONFLICT', () => {
  let own: Server;

  before(async () => {
    own = await serve([join(ROOT, 'content')], { cwd: temporaryFolder() });
  });
  after(() => own?.stop());

  test('its page runs by keyboard: the charge, its replay and the conflict are as promised, every time anew', async () => {
    const opened = await open('errors/idempotency_conflict', {}, own.url);
    const { page } = opened;
    const posts = recordPosts(page);
    const ids: (string | undefined)[] = [];
    for (const key of ['Enter', 'Space']) {
      await run(page, key);
      assert.match((await summary(page)) ?? '', /^(\d+) of \1 promises kept\.$/);
      const actual = await page.locator('.example-actual pre:not(details pre)').allTextContents();
      assert.match(actual[0] ?? '', /^HTTP\/1\.1 201/);
      assert.match(actual[1] ?? '', /^HTTP\/1\.1 201[\s\S]*Idempotent-Replayed: true/);
      assert.match(actual[2] ?? '', /^HTTP\/1\.1 409[\s\S]*"code": "idempotency_conflict"/);
      const [first, second] = actual.map((text) => /"id": "(.*)"/.exec(text)?.[1]);
      assert.ok(first !== undefined && first === second);
      ids.push(first);
    }
    assert.notEqual(ids[0], ids[1]);
    const keys = new Set(posts.flatMap(({ key }) => key ?? []));
    assert.ok(keys.size >= 2, 'a run has a key of its own');
    assert.deepEqual(complaintsOf(opened), []);
    await page.context().close();
  });

  test('says what it does in a terminal', async () => {
    const { page } = await open('errors/idempotency_conflict', {}, own.url);
    assert.match((await page.locator('.example-run').textContent()) ?? '', /docent run errors IDEMPOTENCY_CONFLICT/);
    await page.context().close();
  });
});

test('each example says how it went, in words, and what really came', async () => {
  const opened = await open('kept');
  const { page } = opened;
  assert.deepEqual(await states(page), []);
  await run(page);
  assert.equal(await summary(page), '2 of 2 promises kept, 1 skipped.');
  assert.deepEqual(await states(page), ['kept', 'kept', 'skipped']);
  const actual = page.locator('.example-actual').first();
  // The promised header first, JSON on several lines, everything else to be had.
  assert.match((await actual.locator('pre').first().textContent()) ?? '', /^HTTP.*\nContent-Type: .*\n\n\{\n {2}"id"/);
  await actual.getByText(/more headers$/).click();
  assert.equal(await actual.getByText('Cache-Control: no-store').isVisible(), true);
  assert.match((await page.locator('main').textContent()) ?? '', /not run: it would prove nothing/);
  assert.deepEqual(complaintsOf(opened), []);
  await page.context().close();
});

test('a broken promise names every difference, and what cannot be sent says why', async () => {
  const { page } = await open('broken');
  await run(page);
  assert.equal(await summary(page), '0 of 2 promises kept, 1 broken, 1 failed.');
  assert.deepEqual(await states(page), ['broken', 'failed']);
  assert.deepEqual(await page.locator('.example-differences li').allTextContents(), [
    'status: promised 200, got 201',
    'header X-Colour: promised blue, got nothing',
    'body /amount: promised 2000, got 1000',
  ]);
  assert.match((await page.locator('.example-message').textContent()) ?? '', /\{\{unknown\}\} has no value/);
  await page.context().close();
});

test('one run at a time; it can be stopped, and the focus stays', async () => {
  const { page } = await open('kept');
  const posts = recordPosts(page);
  await runForEver(page);
  assert.deepEqual(await states(page), ['running', 'waiting', 'skipped']);
  assert.equal(await page.locator(':focus').textContent(), 'Running …');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.locator(':focus').textContent(), 'Stop');
  await page.keyboard.press('Space');
  await ended(page);
  assert.equal(await page.locator(':focus').textContent(), 'Run again');
  assert.equal(await summary(page), '0 of 2 promises kept, 2 stopped, 1 skipped.');
  assert.deepEqual(await states(page), ['stopped', 'stopped', 'skipped']);
  assert.equal(posts.filter(({ url }) => url === '/api/sandboxes').length, 1);
  await page.context().close();
});

test('a server that is gone is told, and used again when it is back', async () => {
  const options = { cwd: writeFiles(temporaryFolder(), FILES) };
  const first = await serve([], options);
  const { page } = await open('kept', {}, first.url);
  await run(page);
  await first.stop();
  await run(page);
  assert.match((await summary(page)) ?? '', /does not answer.*docent serve.*run again/);
  const second = await serve(['--port', new URL(first.url).port], options);
  await run(page);
  assert.equal(await summary(page), '2 of 2 promises kept, 1 skipped.');
  await second.stop();
  await page.context().close();
});

test('examples that are others than those on the page are not run', async () => {
  const cwd = writeFiles(temporaryFolder(), FILES);
  const watching = await serve(['--watch'], { cwd });
  const { page } = await open('kept', {}, watching.url);
  const posts = recordPosts(page);
  writeFiles(cwd, { 'topics/kept.md': `# Changed\n\n${charge(5)}${promise('HTTP/1.1 201 Created')}` });
  while (!watching.output().includes('compiled again')) await page.waitForTimeout(50);
  await run(page);
  assert.match((await summary(page)) ?? '', /Load the page again/);
  assert.deepEqual(posts, []);
  await watching.stop();
  await page.context().close();
});

test('below a base path everything stays below it', async () => {
  const below = await serve([], { cwd: folder, env: { DOCENT_SITE_URL: 'http://localhost/docs/' } });
  const { page } = await open('kept', {}, below.url);
  const posts = recordPosts(page);
  await run(page);
  assert.equal(await summary(page), '2 of 2 promises kept, 1 skipped.');
  assert.deepEqual([...new Set(posts.map(({ url }) => url))], ['/docs/api/sandboxes', '/docs/api/charges']);
  await below.stop();
  await page.context().close();
});

test('without JavaScript the examples are there, and no button that does nothing', async () => {
  const { page } = await open('kept', { javaScriptEnabled: false });
  assert.equal(await page.getByRole('button').count(), 0);
  assert.equal(await page.getByText('Promised response').first().isVisible(), true);
  assert.equal(await page.getByText('not run: it would prove nothing').isVisible(), true);
  assert.equal(await page.getByText('docent run kept').isVisible(), true);
  await page.context().close();
});

describe('a page has no button, no script and no leave for one', () => {
  async function assertStill(url: string): Promise<void> {
    const response = await fetch(url);
    assert.equal(response.status, 200, url);
    assert.doesNotMatch(response.headers.get('content-security-policy') ?? '', /script-src|connect-src/);
    assert.doesNotMatch(await response.text(), /<script|<button|example-run/);
  }

  test('when its topic has nothing to run', async () => {
    for (const path of ['help/calm/', 'help/shown/', 'help/', '']) await assertStill(`${server.url}/${path}`);
  });

  test('when there is no API that it could run against', async () => {
    const still = await serve([], { cwd: join(folder, 'plain') });
    await assertStill(`${still.url}/help/kept/`);
    await still.stop();
  });

  test('when somebody else has made the pack', async () => {
    await docent(['pack', '--out', 'foreign.pack'], { cwd: folder });
    const still = await serve(['foreign.pack'], { cwd: folder, env: { DOCENT_REFERENCE_ENABLED: '1' } });
    await assertStill(`${still.url}/help/kept/`);
    await still.stop();
  });

  test('when it is a file', async () => {
    const { code, stderr } = await docent(['build', '--out', 'site'], { cwd: folder });
    assert.equal(code, 0, stderr);
    const html = readFileSync(join(folder, 'site/help/kept/index.html'), 'utf8');
    assert.match(html, /Promised response/);
    assert.doesNotMatch(html, /<script|<button|example-run/);
  });
});

describe('accessible by WCAG 2.2 AA and without sideways scrolling', () => {
  for (const theme of THEMES) {
    for (const topic of ['kept', 'broken']) {
      test(`${topic}, ${theme}: before and after a run`, async () => {
        for (const width of WIDTHS) {
          const { page } = await open(topic, { theme, width });
          if (width === WIDTHS[0]) assert.deepEqual(await accessibilityViolations(page), []);
          assert.ok((await overflow(page)) <= 0, `${width} px before`);
          await run(page);
          for (const fold of await page.locator('.example-actual summary').all()) await fold.click();
          assert.deepEqual(await accessibilityViolations(page), []);
          assert.ok((await overflow(page)) <= 0, `${width} px after`);
          await page.context().close();
        }
      });
    }

    test(`${theme}: while it runs`, async () => {
      const { page } = await open('kept', { theme, width: 360 });
      await runForEver(page);
      assert.deepEqual(await accessibilityViolations(page), []);
      assert.ok((await overflow(page)) <= 0);
      await page.context().close();
    });
  }
});
