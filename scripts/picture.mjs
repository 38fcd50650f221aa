// Takes the README's picture: the page of an error, from Docent's own topics, as Chromium shows it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensureBrowser, ensureReady, ROOT, runMain } from './setup.mjs';

const TARGET = fileURLToPath(new URL('../.github/page.png', import.meta.url));
const PAGE = 'help/errors/idempotency_conflict/';

await runMain(async () => {
  const node = await ensureReady();
  const executablePath = await ensureBrowser(ROOT, node);
  // Not before the packages are there.
  const { chromium } = await import('playwright');
  const server = spawn(node, ['src/cli/bin.mjs', 'serve', '--port', '0'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await addressOf(server);
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await page.goto(`${url}${PAGE}`);
    await page.screenshot({ path: TARGET });
    await browser.close();
  } finally {
    server.kill();
    await once(server, 'exit');
  }
});

/** @param {import('node:child_process').ChildProcess} server */
async function addressOf(server) {
  if (server.stdout === null) throw new Error('the server prints nothing');
  for await (const line of createInterface({ input: server.stdout })) if (line.startsWith('http')) return line;
  throw new Error('the server ended before it was up');
}
