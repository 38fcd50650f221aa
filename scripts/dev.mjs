// `npm run dev`: Astro's development server for the pages, on a Node that is new enough.
import { join } from 'node:path';
import { becomeProgram, ensurePackages, nodePath, ROOT, runMain } from './setup.mjs';

await runMain(async () => {
  await ensurePackages(ROOT);
  const node = await nodePath(ROOT);
  const astro = join(ROOT, 'node_modules', 'astro', 'bin', 'astro.mjs');
  const args = [astro, 'dev', '--port', '4321', '--host', '127.0.0.1', ...process.argv.slice(2)];
  return becomeProgram(node, args, { ...process.env, ASTRO_TELEMETRY_DISABLED: '1' });
});
