// `npm run build`: brings dist/ up to date.
import { ensureReady, runMain } from './setup.mjs';

await runMain(async () => {
  await ensureReady();
});
