// `npm test`: sets up what is missing, then runs every check; with arguments, only the test files they name.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, SetupError, say } from './lib/console.mjs';
import { runOnTerminal, withProjectBin } from './lib/process.mjs';
import { ensurePython } from './lib/python.mjs';
import { ensureServerPrograms, startSharedServers } from './lib/servers.mjs';
import { complaintsAbout } from './lib/verdict.mjs';
import { ensureBrowser, ensureBuild, ensurePackages, nodePath, ROOT, runMain } from './setup.mjs';

/** Checks that are scripts of package.json: heading, script. */
const CHECKS = [
  ['types', 'check:types'],
  ['lint and format', 'lint'],
  ['unused files, exports and dependencies', 'check:unused'],
];
const MAX_WORKERS = 4;
const FILE_LIMIT_MS = 300_000;
const NO_SERVERS = { env: {}, stop: async () => {} };

/** @typedef {{heading: string, run: () => Promise<boolean>}} Stage */

/** @param {string} name */
function scriptOf(name) {
  const script = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts[name];
  if (!script) throw new SetupError(`package.json has no script "${name}": put it back.`, EXIT.failed);
  return script;
}

/** @param {string} heading @param {string} script @returns {Stage} */
function checkStage(heading, script) {
  const run = async () =>
    (await runOnTerminal(scriptOf(script), [], { cwd: ROOT, env: withProjectBin(ROOT), shell: true })) === 0;
  return { heading, run };
}

/** @param {string} node @returns {Stage} */
function buildStage(node) {
  const run = async () => {
    try {
      await ensureBuild(ROOT, node);
      return true;
    } catch (error) {
      // The other stages still say what they find; a missing program is another matter.
      if (!(error instanceof SetupError) || error.exitCode !== EXIT.failed) throw error;
      say(error.message);
      return false;
    }
  };
  return { heading: 'build', run };
}

/**
 * @param {string} node
 * @param {Record<string, string>} given variables for the tests
 * @param {() => ReturnType<typeof startSharedServers>} startServers
 * @param {string[]} args
 * @returns {Stage}
 */
function testStage(node, given, startServers, args) {
  const run = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'docent-test-'));
    const verdictFile = join(folder, 'verdict.jsonl');
    const servers = await startServers();
    try {
      /** @type {NodeJS.ProcessEnv} */
      const env = { ...withProjectBin(ROOT), ...given, ...servers.env };
      // Left behind by a test that itself runs this script, it would make the runner believe it is a test file.
      delete env.NODE_TEST_CONTEXT;
      const code = await runOnTerminal(node, [...runnerArguments(verdictFile), ...args], {
        cwd: ROOT,
        env,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const complaints = complaintsAbout(verdictFile, {
        byName: args.some((argument) => argument.includes('-name-pattern=')),
      });
      for (const complaint of complaints) say(complaint);
      return code === 0 && complaints.length === 0;
    } finally {
      await servers.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { heading: 'tests', run };
}

/** @param {string} verdictFile */
function runnerArguments(verdictFile) {
  const reporter = fileURLToPath(new URL('lib/verdict.mjs', import.meta.url));
  return [
    '--test',
    `--test-concurrency=${Math.min(MAX_WORKERS, availableParallelism())}`,
    `--test-timeout=${FILE_LIMIT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${verdictFile}`,
  ];
}

/** A folder means the test files in it; options go to the runner as they are. @param {string} argument */
function toPattern(argument) {
  if (argument.startsWith('-') || /[*?[{]/.test(argument)) return argument;
  const stat = statSync(argument, { throwIfNoEntry: false });
  if (!stat)
    throw new SetupError(`there is no ${argument}. Name a test file or a folder such as tests/compile.`, EXIT.usage);
  return stat.isDirectory() ? `${argument.replace(/\/+$/, '')}/**/*.test.ts` : argument;
}

/** @param {Stage[]} stages @returns {Promise<string[]>} the headings of those that failed */
async function runAll(stages) {
  const failed = [];
  for (const { heading, run } of stages) {
    process.stdout.write(`\n== ${heading}\n`);
    if (!(await run())) failed.push(heading);
  }
  return failed;
}

await runMain(async () => {
  const args = process.argv.slice(2).map(toPattern);
  const options = args.filter((argument) => argument.startsWith('-'));
  const files = args.filter((argument) => !argument.startsWith('-'));
  await ensurePackages(ROOT);
  const node = await nodePath(ROOT);
  const browser = await ensureBrowser(ROOT, node);
  await ensurePython();
  const programs = await ensureServerPrograms();
  // A few files that are named start what they need by themselves, which costs those nothing that need no server.
  const startServers = async () => (files.length > 0 ? NO_SERVERS : startSharedServers(programs));
  const checks = args.length > 0 ? [] : CHECKS.map(([heading = '', script = '']) => checkStage(heading, script));
  // The runner takes whatever follows the first file for a file.
  const patterns = [...options, ...(files.length > 0 ? files : ['tests/**/*.test.ts'])];
  const failed = await runAll([
    buildStage(node),
    ...checks,
    testStage(node, { DOCENT_CHROMIUM: browser }, startServers, patterns),
  ]);
  if (failed.length > 0) throw new SetupError(`failed: ${failed.join(', ')}`, EXIT.failed);
  say('all passed');
});
