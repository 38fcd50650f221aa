// A Chromium for the tests: one that is there, else Playwright's, else Debian's.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SetupError, say } from './console.mjs';
import { installDebianPackage, reasonIn } from './debian.mjs';
import { findProgram, isExecutable, runQuietly } from './process.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ANSWER_LIMIT_MS = 20_000;
const DOWNLOAD_LIMIT_MS = 150_000;
const ADVICE =
  'Install Chromium (Debian: `apt-get install chromium` as root), or set CHROMIUM_PATH to the path of a Chromium or Chrome.';

/**
 * The path of a Chromium that starts; installs one where that is possible.
 * @param {string} root
 * @param {string} node
 * @returns {Promise<string>}
 */
export async function ensureBrowser(root, node) {
  const asked = process.env.CHROMIUM_PATH;
  if (asked) {
    if (await starts(asked)) return asked;
    throw new SetupError(`CHROMIUM_PATH is ${asked}, but that does not start as a browser. Correct it or unset it.`);
  }
  /** @type {string[]} */
  const reasons = [];
  const found = (await installed()) ?? (await playwrights(root, node, reasons)) ?? (await debians(reasons));
  if (found) return found;
  throw new SetupError(['no Chromium for the browser tests.', ...reasons, ADVICE].join('\n'));
}

/** A program that is there but lacks a library, or is a stub that points to a shop, does not count. @param {string} file */
async function starts(file) {
  if (!isExecutable(file)) return false;
  return (await runQuietly(file, ['--version'], { cwd: '/', limitMs: ANSWER_LIMIT_MS })).ok;
}

async function installed() {
  for (const name of NAMES) {
    const file = findProgram(name);
    if (file && (await starts(file))) return file;
  }
  return undefined;
}

/**
 * @param {string} root
 * @param {string} node
 * @param {string[]} reasons
 */
async function playwrights(root, node, reasons) {
  const require = createRequire(join(root, 'package.json'));
  const file = require('playwright').chromium.executablePath();
  if (await starts(file)) return file;
  say('downloading a Chromium with Playwright …');
  const cli = join(root, 'node_modules', 'playwright', 'cli.js');
  const env = { ...process.env, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '10000' };
  const args = [cli, 'install', '--no-shell', 'chromium'];
  const { ok, output } = await runQuietly(node, args, { cwd: root, env, limitMs: DOWNLOAD_LIMIT_MS });
  if (ok && (await starts(file))) return file;
  reasons.push(
    ok
      ? 'Playwright downloaded one, but libraries it needs are missing.'
      : `Playwright's download failed: ${reasonIn(output)}`,
  );
  return undefined;
}

/** @param {string[]} reasons */
async function debians(reasons) {
  return (await installDebianPackage('chromium', reasons)) ? installed() : undefined;
}
