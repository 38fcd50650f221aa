import { defineConfig } from 'rolldown';

/**
 * Whoever imports a built-in module from an ES module waits until Node has loaded all that it could export, streams and promises
 * included; whoever asks for it like this does not, and that is a third of the time that showing a topic takes.
 */
const builtinsOnDemand = {
  name: 'builtins-on-demand',
  /** @param {string} code */
  renderChunk: (code) =>
    code.replace(
      /^import \{([^}]*)\} from ("node:[\w/]+");$/gm,
      (_, names, module) => `const {${names.replaceAll(' as ', ': ')}} = process.getBuiltinModule(${module});`,
    ),
};

/**
 * The command line as a few files: Node takes half a millisecond for each one that it imports, and a reader of help waits for all of them.
 * Everything lies flat in dist/cli, so that what stands beside dist/ is found from each file alike.
 */
export default defineConfig({
  input: { main: 'src/cli/main.ts', worker: 'src/build/worker.ts' },
  platform: 'node',
  plugins: [builtinsOnDemand],
  // Packages stay what npm installs, each with its own licence.
  external: /^[^./]/,
  // What several files share may then be exported by main.js; in a file of its own it would be one more to load.
  preserveEntrySignatures: 'allow-extension',
  output: {
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // A group takes along all that its modules import.
    codeSplitting: { groups: [{ name: 'main', test: /src\/cli\/main\.ts$/ }] },
  },
});
