// Takes the README's pictures: the page of an error, from Docent's own topics, and its examples after Run was pressed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensureBrowser, ensureReady, ROOT, runMain } from './setup.mjs';

const TARGET = fileURLToPath(new URL('../.github/', import.meta.url));
const PAGE = 'help/errors/idempotency_conflict/';

await runMain(async () => {
  const node = await ensureReady();
  const executablePath = await ensureBrowser(ROOT, node);
  // Not before the packages are there.
  const { chromium } = await import('playwright');
  const data = mkdtempSync(join(tmpdir(), 'docent-picture-'));
  const server = spawn(node, ['src/cli/bin.mjs', 'serve', '--port', '0', '--data', data], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await addressOf(server);
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await page.goto(`${url}${PAGE}`);
    await page.screenshot({ path: join(TARGET, 'page.png') });
    await pictureOfRun(page);
    await browser.close();
  } finally {
    server.kill();
    await once(server, 'exit');
    rmSync(data, { recursive: true });
  }
});

/**
 * The first charge, its replay and the conflict, with the answers that came. Narrow, so that a README can show all of it.
 * @param {import('playwright').Page} page
 */
async function pictureOfRun(page) {
  await page.setViewportSize({ width: 700, height: 900 });
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByText('promises kept').waitFor();
  const bar = await page.locator('.example-run').boundingBox();
  const conflict = await page.locator('.example').nth(2).boundingBox();
  if (bar === null || conflict === null) throw new Error('the page has no examples');
  const y = (await page.evaluate(() => window.scrollY)) + bar.y;
  const height = conflict.y + conflict.height - bar.y;
  await page.screenshot({ path: join(TARGET, 'run.png'), fullPage: true, clip: { x: 0, y, width: 700, height } });
}

/** @param {import('node:child_process').ChildProcess} server */
async function addressOf(server) {
  if (server.stdout === null) throw new Error('the server prints nothing');
  for await (const line of createInterface({ input: server.stdout })) if (line.startsWith('http')) return line;
  throw new Error('the server ended before it was up');
}
