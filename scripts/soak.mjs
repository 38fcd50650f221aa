// `npm run soak`: the proofs of the idempotency library at full length; see tests/proof/soak.ts.
import { fileURLToPath } from 'node:url';
import { becomeProgram, ensurePackages, nodePath, ROOT, runMain } from './setup.mjs';

await runMain(async () => {
  await ensurePackages(ROOT);
  const main = fileURLToPath(new URL('../tests/proof/soak.ts', import.meta.url));
  return becomeProgram(await nodePath(ROOT), [main, ...process.argv.slice(2)]);
});
