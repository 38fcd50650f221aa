#!/usr/bin/env node
// The `docent` command. It parses on Node 20: where Node is older than what Docent needs, it goes on with the Node that npm put beside
// the package, or says what is missing. In a clone that is not built yet it builds first.
const NODE_MAJOR = 24;
const EXIT_ENVIRONMENT = 3;

/** Set for the newer Node that goes on in place of an older one. */
const CONTINUED = 'DOCENT_CONTINUED';

// Importing a built-in module makes Node load whatever it could export, which takes longer than reading a topic; requiring it does not.
const { createRequire, enableCompileCache } =
  process.getBuiltinModule?.('node:module') ?? (await import('node:module')).default;
const require = createRequire(import.meta.url);
const { existsSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist', 'cli', 'main.js');
const setup = join(root, 'scripts', 'setup.mjs');

// A reader of help waits for V8 to compile these few files; from the second time on it does not have to.
enableCompileCache?.();
if (existsSync(setup) && !existsSync(main)) await buildClone();
// Whoever kills the process that was started means this one as well.
if (process.env[CONTINUED] && process.channel) process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
delete process.env[CONTINUED];
if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) {
  const { main: run } = await import(pathToFileURL(main).href);
  await run(process.argv.slice(2));
} else {
  const node = nearestNode(root);
  if (node === undefined) {
    fail(
      `it needs Node ${NODE_MAJOR} or newer, and this is ${process.version}`,
      'install a newer Node, or run: npm install node',
    );
  } else {
    await continueWith(node);
  }
}

async function buildClone() {
  try {
    const { ensureReady } = await import(pathToFileURL(setup).href);
    await ensureReady();
  } catch (error) {
    fail(`this clone could not be built: ${error instanceof Error ? error.message : error}`, 'run: npm start');
    process.exit();
  }
}

/**
 * The Node of the npm package `node`, in the package's own `node_modules` or in one above it.
 * @param {string} from
 */
function nearestNode(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const node = join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(node)) return node;
    if (dirname(folder) === folder) return undefined;
  }
}

/** @param {string} node */
async function continueWith(node) {
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [CONTINUED]: '1' },
  });
  const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
  child.on('error', (error) => fail(`${node} cannot be started (${error.message})`, 'run: npm install node'));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
}

/**
 * @param {string} problem
 * @param {string} hint
 */
function fail(problem, hint) {
  process.stderr.write(`docent: ${problem}\n  hint: ${hint}\n`);
  process.exitCode = EXIT_ENVIRONMENT;
}
