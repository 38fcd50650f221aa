import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright';
import { ROOT, type Server, serve, temporaryFolder } from './cli/support.ts';

const WIDTHS = [360, 768, 1280];
const THEMES = ['light', 'dark'] as const;

/** Chromium as root, without a sandbox, and without the errands that it runs at its maker's. */
const ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** One page of each kind. */
const PAGES = {
  home: '/',
  contents: '/help/',
  topic: '/help/topics/',
  'topic with children': '/help/cli/',
  error: '/help/errors/idempotency_conflict/',
  'topic with tables': '/help/config/',
  tree: '/help/topic-tree/',
};

let server: Server;
let browser: Browser;

before(async () => {
  const executablePath = process.env.DOCENT_CHROMIUM;
  browser = await chromium.launch({ args: ARGUMENTS, ...(executablePath ? { executablePath } : {}) });
  server = await serve([ROOT.replace(/$/, 'content')], { cwd: temporaryFolder() });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a page and collects whatever goes wrong on the way. */
async function open(
  path: string,
  options: { width?: number; theme?: 'light' | 'dark'; javaScriptEnabled?: boolean } = {},
) {
  const { width = 1280, theme = 'light', javaScriptEnabled = true } = options;
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: theme, javaScriptEnabled });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  page.on(
    'response',
    (response) => response.status() >= 400 && complaints.push(`${response.url()} ${response.status()}`),
  );
  const response = await page.goto(`${server.url}${path}`);
  return { page, complaints, status: response?.status() };
}

const overflow = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

describe('every kind of page', () => {
  for (const [kind, path] of Object.entries(PAGES)) {
    test(`${kind}: no error, no failed request, no sideways scrolling at any width in either theme`, async () => {
      for (const width of WIDTHS) {
        for (const theme of THEMES) {
          const { page, complaints, status } = await open(path, { width, theme });
          assert.equal(status, 200);
          assert.deepEqual(complaints, []);
          assert.ok((await overflow(page)) <= 0, `${width} px, ${theme}`);
          assert.equal(await page.locator('h1').count(), 1);
          await page.context().close();
        }
      }
    });
  }
});

/** Contrast of two `rgb(…)` colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
      const value = Number(part) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** Violations of WCAG 2.2 level AA that a machine can see, by rule and element. */
async function accessibilityViolations(page: Page): Promise<string[]> {
  // The page's own policy forbids scripts, and is right to; this one goes in by way of the debugger.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const results = await (window as unknown as { axe: typeof import('axe-core') }).axe.run(document, {
      runOnly: tags,
    });
    return results.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
  });
  return violations;
}

for (const [kind, path] of Object.entries({ ...PAGES, problem: '/help/no-such-topic' })) {
  test(`${kind}: accessible by WCAG 2.2 AA in both themes`, async () => {
    for (const theme of THEMES) {
      const { page } = await open(path, { theme, width: theme === 'dark' ? 360 : 1280 });
      assert.deepEqual(await accessibilityViolations(page), [], theme);
      await page.context().close();
    }
  });
}

test('the two themes differ, and body text is legible in both', async () => {
  const backgrounds: string[] = [];
  for (const theme of THEMES) {
    const { page } = await open('/help/errors/', { theme });
    const { text, background } = await page.evaluate(() => ({
      text: getComputedStyle(document.querySelector('main p') as Element).color,
      background: [document.body, document.documentElement]
        .map((element) => getComputedStyle(element).backgroundColor)
        .find((color) => !/, 0\)$|transparent/.test(color)),
    }));
    assert.ok(background !== undefined && contrast(text, background) >= 4.5, `${theme}: ${text} on ${background}`);
    backgrounds.push(background);
    await page.context().close();
  }
  assert.notEqual(backgrounds[0], backgrounds[1]);
});

test('a reader comes from the home page to a topic and back, by links alone, without JavaScript', async () => {
  const { page } = await open('/', { javaScriptEnabled: false });
  await page.getByRole('link', { name: 'Errors', exact: true }).first().click();
  await page.waitForURL('**/help/errors/');
  await page
    .locator('main')
    .getByRole('link', { name: /IDEMPOTENCY_CONFLICT/ })
    .first()
    .click();
  await page.waitForURL('**/help/errors/idempotency_conflict/');
  assert.match((await page.locator('h1').textContent()) ?? '', /IDEMPOTENCY_CONFLICT/);
  await page.getByRole('navigation').getByRole('link', { name: 'Errors' }).first().click();
  await page.waitForURL('**/help/errors/');
  await page.context().close();
});

test('the keyboard reaches the content first', async () => {
  const { page } = await open('/help/errors/');
  await page.keyboard.press('Tab');
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /skip/i);
  await page.keyboard.press('Enter');
  assert.equal(new URL(page.url()).hash, await page.evaluate(() => `#${document.querySelector('main')?.id}`));
  await page.context().close();
});

test('an unknown topic is a page that says so and helps on', async () => {
  const { page, status } = await open('/help/errors/idempotency_conflic');
  assert.equal(status, 404);
  assert.match((await page.locator('main').textContent()) ?? '', /IDEMPOTENCY_CONFLICT/);
  await page
    .locator('main')
    .getByRole('link', { name: /IDEMPOTENCY_CONFLICT/ })
    .first()
    .click();
  await page.waitForURL('**/help/errors/idempotency_conflict/');
  await page.context().close();
});

test('an id in the URL takes the reader to its section', async () => {
  const { page } = await open('/help/errors/idempotency_conflict/#what-to-do');
  const top = await page.locator('#what-to-do').evaluate((heading) => heading.getBoundingClientRect().top);
  assert.ok(top >= 0 && top < 800);
  await page.context().close();
});
