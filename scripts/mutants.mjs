// `npm run mutants`: plants faults into copies of the sources, and shows which test finds each; see tests/mutants/main.ts.
import { fileURLToPath } from 'node:url';
import { becomeProgram, ensurePackages, nodePath, ROOT, runMain } from './setup.mjs';

await runMain(async () => {
  await ensurePackages(ROOT);
  const main = fileURLToPath(new URL('../tests/mutants/main.ts', import.meta.url));
  return becomeProgram(await nodePath(ROOT), [main, ...process.argv.slice(2)]);
});
