import { after, before } from 'node:test';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright';

/** A phone, a tablet, a desk. CSS pixels. */
export const WIDTHS = [360, 768, 1280];
export const THEMES = ['light', 'dark'] as const;

/** Chromium as root, without a sandbox, and without the errands that it runs at its maker's. */
const ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

export interface OpenOptions {
  width?: number;
  theme?: (typeof THEMES)[number];
  javaScriptEnabled?: boolean;
}

export interface Opened {
  page: Page;
  /** Whatever goes wrong on the page. */
  complaints: string[];
  status: number | undefined;
}

let browser: Browser;

/** Starts a browser for the tests of a file, and ends it with them. */
export function useBrowser(): void {
  before(async () => {
    const executablePath = process.env.DOCENT_CHROMIUM;
    browser = await chromium.launch({ args: ARGUMENTS, ...(executablePath ? { executablePath } : {}) });
  });
  after(() => browser?.close());
}

/** Opens a page as a reader who was never here before. */
export async function openPage(
  url: string,
  { width = 1280, theme = 'light', javaScriptEnabled = true }: OpenOptions = {},
): Promise<Opened> {
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
  const response = await page.goto(url);
  return { page, complaints, status: response?.status() };
}

/** By how much the page is wider than its window. CSS pixels. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

/** Violations of WCAG 2.2 level AA that a machine can see, by rule and element. */
export async function accessibilityViolations(page: Page): Promise<string[]> {
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
