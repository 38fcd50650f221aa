import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'astro/config';

// Astro reports nothing about whoever builds or changes the theme; the variable is read after this file.
process.env.ASTRO_TELEMETRY_DISABLED = '1';

/** The smallest adapter there is: `src/theme/renderer.ts` wraps Astro's app, everything bundled in. */
const renderer = {
  name: 'docent-renderer',
  hooks: {
    'astro:config:setup': ({ command, updateConfig }) => {
      // The built theme has to work where Astro is not installed. The development server cannot load it that way.
      if (command === 'build') updateConfig({ vite: { ssr: { noExternal: true } } });
    },
    'astro:config:done': ({ config, setAdapter }) => {
      renderer.config = config;
      setAdapter({
        name: 'docent-renderer',
        entrypointResolution: 'auto',
        serverEntrypoint: new URL('./src/theme/renderer.ts', import.meta.url),
        supportedAstroFeatures: { serverOutput: 'stable', sharpImageService: 'unsupported' },
      });
    },
    'astro:build:done': () =>
      forgetFolder(fileURLToPath(renderer.config.build.server), fileURLToPath(renderer.config.root)),
  },
};

/** Astro writes the folder of the build into its output, as names of modules and otherwise unused. It is nobody's business. */
function forgetFolder(output, root) {
  const folder = root.replaceAll('\\', '/');
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const text = readFileSync(file, 'utf8');
    if (text.includes(folder)) writeFileSync(file, text.replaceAll(folder, '/'));
  }
}

export default defineConfig({
  output: 'server',
  outDir: './dist/theme',
  adapter: renderer,
  // A page is a pure function of `locals.page`: no session, no form, no image to process.
  session: false,
  security: { checkOrigin: false },
  image: { service: { entrypoint: 'astro/assets/services/noop' } },
  // The Content-Security-Policy allows style sheets and scripts of the site only, none inside a page.
  build: { inlineStylesheets: 'never' },
  vite: {
    build: {
      assetsInlineLimit: 0,
      // By its route the style sheet would be `_..<hash>.css`, and two dots in a path look like an attack to some hosts.
      rolldownOptions: { output: { assetFileNames: '_astro/theme.[hash][extname]' } },
    },
  },
  devToolbar: { enabled: false },
});
