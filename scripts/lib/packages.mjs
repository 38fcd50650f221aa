// The packages package-lock.json names, and a Node that is new enough to run Docent.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, majorOf, SetupError, say } from './console.mjs';
import { withLock } from './lock.mjs';
import { findProgram, isExecutable, runQuietly, withoutProjectBin } from './process.mjs';

/** Docent itself needs this; only the set-up scripts run on less. */
const NODE_MAJOR = 24;

/** @param {string} root */
export const lockFileOf = (root) => join(root, '.setup.lock');

/**
 * Installs the packages unless node_modules already holds just what package-lock.json says.
 * @param {string} root
 */
export async function ensurePackages(root) {
  if (packagesProblem(root) === undefined) return;
  await withLock(lockFileOf(root), async () => {
    const problem = packagesProblem(root);
    if (problem === undefined) return;
    say(`installing packages (${problem}) …`);
    await install(root);
    const left = packagesProblem(root);
    if (left !== undefined)
      throw new SetupError(`packages are still not complete: ${left}. Run \`npm ci\` and see what it says.`);
  });
}

/** @param {string} root */
async function install(root) {
  const env = withoutProjectBin(root);
  if (!findProgram('npm', env))
    throw new SetupError('npm is not on PATH. Install it (Debian: `apt-get install npm`) and try again.');
  // Whatever the user's npm is set to: the tools are needed, and this Node may be older than `engines` asks for.
  const args = ['ci', '--include=dev', '--no-engine-strict', '--no-audit', '--no-fund', '--loglevel=error'];
  const { ok, output } = await runQuietly('npm', args, { cwd: root, env });
  if (ok) return;
  throw new SetupError(
    `\`npm ci\` failed; it said:\n${withoutUsage(output)}\nPut right what it names (most often: no network or registry), then try again.`,
  );
}

/** npm adds all its options to some messages, far from the cause. @param {string} output */
function withoutUsage(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== 'npm error');
  const end = lines.findIndex((line) => /^npm error (Clean install a project|Usage:)/.test(line));
  return lines.slice(0, end === -1 ? undefined : end).join('\n');
}

/**
 * Why `npm ci` must run, in a few words; undefined if it need not. npm's own record of what it installed is the
 * stamp: it is written last, and a plain `npm install` keeps it up to date as well.
 * @param {string} root
 * @returns {string | undefined}
 */
export function packagesProblem(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (!wanted)
    throw new SetupError('package-lock.json is missing or no JSON: get it back from the repository.', EXIT.failed);
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'none yet';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.optional || entry.link) continue;
    const have = installed[path];
    if (!have) return `${path} is new`;
    if (have.version !== entry.version || have.integrity !== entry.integrity) return `${path} has changed`;
    if (!existsSync(join(root, path, 'package.json'))) return `${path} is missing`;
  }
  return Object.keys(installed).some((path) => !(path in wanted)) ? 'some are no longer wanted' : undefined;
}

/**
 * @typedef {{version?: string, integrity?: string, optional?: boolean, link?: boolean}} LockEntry
 * @param {string} file
 * @returns {Record<string, LockEntry> | undefined}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * A Node that is new enough: the one running this, else the one among the packages.
 * @param {string} root
 * @param {string} [running]
 * @returns {Promise<string>}
 */
export async function nodePath(root, running = process.versions.node) {
  // After `npm ci` the running Node's file may be gone, although it still runs.
  if (majorOf(running) >= NODE_MAJOR && isExecutable(process.execPath)) return process.execPath;
  const own = join(root, 'node_modules', '.bin', 'node');
  const { ok, output } = await runQuietly(own, ['--version'], { cwd: root });
  if (ok && majorOf(output) >= NODE_MAJOR) return own;
  throw new SetupError(
    `Docent needs Node ${NODE_MAJOR} or newer; this is ${running}, and the one among the packages does not run ` +
      `(${output || 'no output'}). Run \`npm rebuild node --ignore-scripts=false\`, or install Node ${NODE_MAJOR} from your system.`,
  );
}
