import type { TerminalStyle } from '../render/terminal.ts';
import type { Io } from './command.ts';

/** Longer lines are hard to read, however wide the window. Columns. */
const WIDTH_LIMIT = 100;
const DEFAULT_WIDTH = 80;

/** What the terminal behind stdout wants: see https://no-color.org and https://force-color.org. */
export function terminalStyle({ stdout, env }: Io): TerminalStyle {
  const terminal = stdout.isTTY === true;
  const forced = env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : undefined;
  const color = env.NO_COLOR ? false : (forced ?? (terminal && env.TERM !== 'dumb'));
  const columns = terminal ? (stdout.columns ?? DEFAULT_WIDTH) : DEFAULT_WIDTH;
  return { width: Math.min(columns, WIDTH_LIMIT), color, links: terminal && color };
}

/** Writes a text, through the reader's pager when it is longer than the terminal. */
export async function page(text: string, io: Io): Promise<void> {
  const { stdout, env } = io;
  const rows = text.split('\n').length;
  const fits = stdout.isTTY !== true || rows <= (stdout.rows ?? Number.POSITIVE_INFINITY);
  const pager = fits ? undefined : await pagerOf(env);
  if (pager === undefined) {
    stdout.write(text);
    return;
  }
  const { spawn } = await import('node:child_process');
  await new Promise<void>((done) => {
    // PAGER may hold arguments, so a shell reads it. LESS is the reader's own where it is set.
    const child = spawn(pager, { shell: true, stdio: ['pipe', 'inherit', 'inherit'], env: { LESS: 'FRX', ...env } });
    child.on('error', () => done());
    child.on('close', (code) => {
      // The shell did not find the pager, or may not run it: the text is what the reader came for.
      if (code === 126 || code === 127) stdout.write(text);
      done();
    });
    // A reader who leaves the pager early closes its input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(text);
  });
}

/** An empty PAGER, or `cat`, means: no pager. */
async function pagerOf(env: Io['env']): Promise<string | undefined> {
  if (env.PAGER !== undefined) return env.PAGER === '' || env.PAGER === 'cat' ? undefined : env.PAGER;
  const { spawnSync } = await import('node:child_process');
  return spawnSync('less', ['--version'], { stdio: 'ignore' }).status === 0 ? 'less' : undefined;
}
