// `npm run bench`: measures, on a Node that is new enough, what has been built; with arguments, only the parts they name.
import { join } from 'node:path';
import { becomeProgram, ensureReady, ROOT, runMain } from './setup.mjs';

await runMain(async () => {
  const node = await ensureReady();
  return becomeProgram(node, [join(ROOT, 'bench', 'run.ts'), ...process.argv.slice(2)]);
});
