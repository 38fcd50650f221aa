// Debian's packages, for a machine that has nothing yet.
import { say } from './console.mjs';
import { findProgram, runQuietly } from './process.mjs';

/** A slow mirror and a large package; above it, something hangs. */
const APT_LIMIT_MS = 600_000;

/**
 * Installs a package where the system is Debian's and the user may.
 * @param {string} name
 * @param {string[]} reasons takes a sentence on why it could not be done.
 * @returns {Promise<boolean>}
 */
export async function installDebianPackage(name, reasons) {
  const apt = findProgram('apt-get');
  if (!apt) return false;
  if (process.getuid?.() !== 0) {
    reasons.push('Installing the Debian package needs root.');
    return false;
  }
  say(`installing the Debian package ${name} …`);
  // The run level is that of maintenance: a server that is installed is not started in a container.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { cwd: '/', env, limitMs: APT_LIMIT_MS };
  // A bare machine has no package lists; where only the update fails, older lists may still do.
  await runQuietly(apt, ['update'], options);
  const args = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', name];
  const { ok, output } = await runQuietly(apt, args, options);
  if (!ok) reasons.push(`apt-get could not install ${name}: ${reasonIn(output)}`);
  return ok;
}

/** The line of a tool's output that most likely says why. @param {string} output */
export function reasonIn(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const tells = [/^\(ended/, /^E: /, /E(NOTFOUND|AI_AGAIN|TIMEDOUT|CONN[A-Z]+)\b/, /^Error: /, /./];
  const cause = tells.map((tell) => lines.findLast((line) => tell.test(line))).find(Boolean);
  return cause ?? 'it did not say why';
}
