// `npm start`: sets up what is missing, then goes on as `docent serve` with the arguments given.
import { join } from 'node:path';
import { becomeProgram, COMMAND, ensureReady, ROOT, runMain } from './setup.mjs';

await runMain(async () => {
  const node = await ensureReady();
  return becomeProgram(node, [join(ROOT, COMMAND), 'serve', ...process.argv.slice(2)]);
});
