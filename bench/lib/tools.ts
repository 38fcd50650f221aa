// What the parts share: programs, medians, a table.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The clone's folder, with a final slash. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** The command as users start it. */
export const DOCENT: string = join(ROOT, 'src/cli/bin.mjs');

/** One line of a part's table. `ratio` is `measured` through `against`, where there is something to compare with. */
export interface Row {
  what: string;
  measured: string;
  against?: string;
  ratio?: number;
}

export function table(rows: Row[]): string {
  const cells = rows.map(({ what, measured, against = '', ratio }) => [
    what,
    measured,
    against,
    ratio?.toFixed(2) ?? '',
  ]);
  const all = [['what', 'measured', 'against', 'ratio'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = all;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
}

/** The middle one; the mean of the two in the middle. @param values at least one. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

/** A temporary folder for as long as the work takes. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'docent-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The version of a program on PATH; undefined when it is not installed. */
export function versionOf(tool: string): string | undefined {
  const { stdout, stderr } = spawnSync(tool, [tool === 'hugo' ? 'version' : '--version'], { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0];
}

/** Runs a program to its end. @returns seconds. @throws {Error} when it fails, with what it printed. */
export async function seconds(program: string, args: string[]): Promise<number> {
  const started = performance.now();
  await promisify(execFile)(program, args, { maxBuffer: 2 ** 26, env: cleanEnvironment() });
  return (performance.now() - started) / 1000;
}

/** A program that is up. */
export interface Started {
  url: string;
  stop(): Promise<void>;
}

/** Starts a Node program that prints its address. */
export async function start(args: string[]): Promise<Started> {
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: cleanEnvironment(),
  });
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  if (child.stdout !== null)
    for await (const line of createInterface({ input: child.stdout }))
      if (line.startsWith('http')) return { url: line, stop };
  throw new Error(`node ${args.join(' ')} ended before it was up`);
}

/** Without variables that would make Docent do something else. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DOCENT_')));
}
