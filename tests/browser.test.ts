import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  accessibilityViolations,
  type OpenOptions,
  openPage,
  overflow,
  THEMES,
  useBrowser,
  WIDTHS,
} from './browser/support.ts';
import { ROOT, type Server, serve, temporaryFolder } from './cli/support.ts';

/** One page of each kind. */
const PAGES = {
  home: '/',
  contents: '/help/',
  topic: '/help/topics/',
  'topic with children': '/help/cli/',
  error: '/help/errors/idempotency_conflict/',
  'topic with tables': '/help/config/',
  tree: '/help/topic-tree/',
  'all errors': '/errors/',
};

useBrowser();

let server: Server;

before(async () => {
  server = await serve([ROOT.replace(/$/, 'content')], { cwd: temporaryFolder() });
});

after(() => server?.stop());

const open = (path: string, options?: OpenOptions) => openPage(`${server.url}${path}`, options);

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
  // The browser tells of the jump a moment after it made it.
  const main = await page.evaluate(() => document.querySelector('main')?.id);
  await page.waitForURL((url) => url.hash === `#${main}`);
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
