// Sets a clone up: packages, Node, build, browser. Each function does nothing, quickly, where there is nothing to do.
// Runs on Node 20 with no packages installed; importing it has no effect.
import { fileURLToPath } from 'node:url';
import { ensureBrowser } from './lib/browser.mjs';
import { ensureBuild } from './lib/build.mjs';
import { runMain, say } from './lib/console.mjs';
import { ensurePackages, nodePath } from './lib/packages.mjs';

export { runMain, SetupError } from './lib/console.mjs';
export { becomeProgram } from './lib/process.mjs';
export { COMMAND } from './lib/steps.mjs';
export { ensureBrowser, ensureBuild, ensurePackages, nodePath };

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

/** Everything `docent` needs to run in a clone; answers the Node to run it with. */
export async function ensureReady(root = ROOT) {
  await ensurePackages(root);
  const node = await nodePath(root);
  await ensureBuild(root, node);
  return node;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const node = await ensureReady();
    say(`ready, with ${node}`);
    say(`browser for the tests: ${await ensureBrowser(ROOT, node)}`);
  });
}
