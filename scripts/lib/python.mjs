// A Python for the tests: they run the Python program of a guide.
import { SetupError } from './console.mjs';
import { installDebianPackage } from './debian.mjs';
import { findProgram } from './process.mjs';

/** Installs `python3` where it is missing and that is possible. */
export async function ensurePython() {
  /** @type {string[]} */
  const reasons = [];
  if (findProgram('python3') || ((await installDebianPackage('python3', reasons)) && findProgram('python3'))) return;
  const advice = 'Install Python 3 (Debian: `apt-get install python3` as root).';
  throw new SetupError(['no python3 for the tests of the guides.', ...reasons, advice].join('\n'));
}
