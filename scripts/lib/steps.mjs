// The three steps of the build: code (Rolldown, tsc), theme (Astro), pack (Docent's own topics, packed by the code just built).
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, SetupError } from './console.mjs';
import { filesUnder } from './inputs.mjs';
import { runQuietly, withProjectBin } from './process.mjs';

/** The `docent` command, relative to the project's folder; it runs the code in dist/. */
export const COMMAND = 'src/cli/bin.mjs';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} what
 * @property {string[]} inputs
 * @property {string[]} without
 * @property {(root: string, node: string) => Promise<string[]>} run answers the files it made
 */

const CODE_DRAFT = 'dist/.code';
const THEME_DRAFT = 'dist/.theme';
const PACK_DRAFT = 'dist/.docent.pack';
/** The folder of `src/` that other programs import. */
const LIBRARY = 'idempotency';
/** Parts of dist that are no output of the first step. */
const NOT_CODE = ['dist/theme', 'dist/docent.pack'];
const PAGES = ['src/pages', 'src/layouts', 'src/components', 'src/styles'];

/** @type {Step[]} */
export const STEPS = [
  {
    name: 'code',
    what: 'compiling the code',
    inputs: ['src', 'rolldown.config.mjs', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    without: PAGES,
    run: buildCode,
  },
  {
    name: 'theme',
    what: 'building the pages',
    inputs: ['src', 'schemas', 'public', 'astro.config.mjs', 'tsconfig.json', 'package-lock.json'],
    without: ['src/cli'],
    run: buildTheme,
  },
  {
    name: 'pack',
    what: 'packing the help topics',
    inputs: [
      'content',
      'schemas',
      'docent.config.json',
      'package.json',
      'src',
      'rolldown.config.mjs',
      'tsconfig.json',
      'tsconfig.build.json',
      'package-lock.json',
    ],
    without: PAGES,
    run: buildPack,
  },
];

/**
 * Checks the types of everything, keeps the library as tsc compiles it, with its types, and bundles the command line. All of it is written
 * beside, and only what differs is moved into place: a server running from dist keeps its files.
 * @param {string} root
 * @param {string} node
 */
async function buildCode(root, node) {
  const draft = join(root, CODE_DRAFT);
  rmSync(draft, { recursive: true, force: true });
  await runTool(root, node, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', CODE_DRAFT]);
  for (const name of readdirSync(draft)) if (name !== LIBRARY) rmSync(join(draft, name), { recursive: true });
  const bundle = ['-c', 'rolldown.config.mjs', '--dir', `${CODE_DRAFT}/cli`];
  await runTool(root, node, ['node_modules/rolldown/bin/cli.mjs', ...bundle]);
  const outputs = filesUnder(root, CODE_DRAFT).map((file) => `dist${file.slice(CODE_DRAFT.length)}`);
  for (const file of outputs) moveIfDifferent(join(draft, file.slice('dist/'.length)), join(root, file));
  removeStaleCode(root, new Set(outputs));
  rmSync(draft, { recursive: true, force: true });
  return outputs;
}

/** @param {string} from @param {string} to */
function moveIfDifferent(from, to) {
  if (existsSync(to) && readFileSync(to).equals(readFileSync(from))) return;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

/** @param {string} root @param {Set<string>} outputs */
function removeStaleCode(root, outputs) {
  for (const file of filesUnder(root, 'dist')) {
    if (outputs.has(file) || NOT_CODE.some((path) => file === path || file.startsWith(`${path}/`))) continue;
    rmSync(join(root, file));
    for (let folder = dirname(file); folder !== 'dist' && isEmpty(join(root, folder)); folder = dirname(folder))
      rmdirSync(join(root, folder));
  }
}

/** @param {string} folder */
function isEmpty(folder) {
  return readdirSync(folder).length === 0;
}

/** @param {string} root @param {string} node */
async function buildTheme(root, node) {
  const draft = join(root, THEME_DRAFT);
  const theme = join(root, 'dist', 'theme');
  const old = join(root, 'dist', '.theme-old');
  for (const path of [draft, old]) rmSync(path, { recursive: true, force: true });
  await runTool(root, node, ['node_modules/astro/bin/astro.mjs', 'build', '--outDir', `./${THEME_DRAFT}`]);
  if (!existsSync(join(draft, 'server', 'entry.mjs')))
    throw new SetupError('`astro build` made no server/entry.mjs: see `adapter` in astro.config.mjs.', EXIT.failed);
  if (existsSync(theme)) renameSync(theme, old);
  renameSync(draft, theme);
  rmSync(old, { recursive: true, force: true });
  return filesUnder(root, 'dist/theme');
}

/** @param {string} root @param {string} node */
async function buildPack(root, node) {
  const pack = 'dist/docent.pack';
  const draft = join(root, PACK_DRAFT);
  rmSync(draft, { force: true });
  await runTool(root, node, [COMMAND, 'pack', '--strict', '--out', PACK_DRAFT]);
  if (!existsSync(draft)) throw new SetupError(`the build failed: \`${COMMAND} pack\` wrote no file.`, EXIT.failed);
  renameSync(draft, join(root, pack));
  return [pack];
}

/**
 * Runs one of the project's scripts on the right Node; its output is shown only if it fails.
 * @param {string} root
 * @param {string} node
 * @param {string[]} args
 */
async function runTool(root, node, args) {
  const { ok, output } = await runQuietly(node, args, { cwd: root, env: buildEnvironment(root) });
  if (ok) return;
  throw new SetupError(`the build failed in \`node ${args.join(' ')}\`:\n${output}`, EXIT.failed);
}

/** Without the user's DOCENT_* variables: they would configure the pack that ships. @param {string} root */
function buildEnvironment(root) {
  const foreign = Object.entries(withProjectBin(root)).filter(([name]) => !name.startsWith('DOCENT_'));
  return { ...Object.fromEntries(foreign), ASTRO_TELEMETRY_DISABLED: '1' };
}
