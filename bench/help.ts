// How long a reader in a terminal waits: `docent help TOPIC` against a Node that does nothing.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCorpus } from './lib/corpus.ts';
import { cleanEnvironment, DOCENT, median, ROOT, type Row, seconds, versionOf } from './lib/tools.ts';

const RUNS = 60;
const LARGE = 10_000;
const TOPIC = ['errors', 'not_found'];

export async function run(folder: string): Promise<Row[]> {
  const pack = join(folder, 'large.pack');
  writeCorpus(join(ROOT, 'content'), join(folder, 'large'), LARGE);
  await seconds(process.execPath, [DOCENT, 'pack', join(folder, 'large'), '--out', pack]);
  const commands: [what: string, args: string[]][] = [
    ['node -e 0', ['-e', '0']],
    ["help, Docent's own topics in a pack", [DOCENT, 'help', '--pack', join(ROOT, 'dist/docent.pack'), ...TOPIC]],
    ["help, Docent's own topics in a project", [DOCENT, 'help', ...TOPIC]],
    [`help, ${LARGE} topics in a pack`, [DOCENT, 'help', '--pack', pack, 'part-7', ...TOPIC]],
    [`help, ${LARGE} topics in a folder`, [DOCENT, 'help', '--from', join(folder, 'large'), 'part-7', ...TOPIC]],
  ];
  // The first time compiles, and fills Node's cache of compiled code.
  for (const [, args] of commands) await seconds(process.execPath, args);
  const times = versionOf('hyperfine') === undefined ? bySpawning(commands) : byHyperfine(folder, commands);
  const [nothing, ...others] = times as [number, ...number[]];
  const shown = (time: number) => `${(time * 1000).toFixed(1)} ms`;
  return others.map((time, index) => ({
    what: commands[index + 1]?.[0] ?? '',
    measured: shown(time),
    against: `${shown(nothing)}, node -e 0`,
    ratio: time / nothing,
  }));
}

/** Medians in seconds. */
function byHyperfine(folder: string, commands: [string, string[]][]): number[] {
  const out = join(folder, 'hyperfine.json');
  const lines = commands.map(([, args]) => [process.execPath, ...args].map((arg) => `'${arg}'`).join(' '));
  const options = ['-N', '--warmup', '3', '--runs', String(RUNS), '--export-json', out];
  const { status, stderr } = spawnSync('hyperfine', [...options, ...lines], {
    encoding: 'utf8',
    cwd: ROOT,
    env: cleanEnvironment(),
  });
  if (status !== 0) throw new Error(`hyperfine failed:\n${stderr}`);
  const { results } = JSON.parse(readFileSync(out, 'utf8')) as { results: { median: number }[] };
  return results.map((result) => result.median);
}

/** The same without the tool, one after another in turn. */
function bySpawning(commands: [string, string[]][]): number[] {
  const times = commands.map((): number[] => []);
  for (let round = 0; round < RUNS; round++)
    for (const [index, [, args]] of commands.entries()) {
      const started = performance.now();
      spawnSync(process.execPath, args, { cwd: ROOT, env: cleanEnvironment() });
      times[index]?.push((performance.now() - started) / 1000);
    }
  return times.map(median);
}
