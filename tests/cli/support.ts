import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const BIN = join(ROOT, 'src', 'cli', 'bin.mjs');

/** No command of these tests takes nearly as long. Milliseconds. */
const COMMAND_LIMIT_MS = 60_000;

/** A server that a test forgot ends by itself. Milliseconds. */
const SERVER_LIMIT_MS = 180_000;

export { temporaryFolder, writeFiles } from '../support.ts';

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  env?: Record<string, string>;
  bin?: string;
  node?: string[];
}

/** An environment in which nothing of this machine's user shows through. */
function cleanEnvironment({ cwd, env = {} }: RunOptions): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: cwd, XDG_CACHE_HOME: join(cwd, '.cache'), ...env };
}

/** Runs the command as a process of its own and waits for its end. */
export function docent(args: string[], options: RunOptions): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = start(args, options);
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

function start(args: string[], options: RunOptions, timeout = COMMAND_LIMIT_MS): ChildProcess {
  return spawn(process.execPath, [...(options.node ?? []), options.bin ?? BIN, ...args], {
    cwd: options.cwd,
    env: cleanEnvironment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A command that should have ended must not hold up the whole run.
    timeout,
  });
}

export interface Server {
  url: string;
  /** Everything printed so far. */
  output(): string;
  /** What of it went to stderr. */
  errors(): string;
  /** Ends it as a power loss would. */
  kill(): Promise<void>;
  /** Sends SIGTERM and waits; answers the exit code. */
  stop(): Promise<number | null>;
}

const started: ChildProcess[] = [];
// A test that fails before it stops its server must not have the whole file wait for it.
after(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** Starts `docent serve` on a free port and waits for the address that it prints. */
export function serve(args: string[], options: RunOptions): Promise<Server> {
  const child = start(['serve', '--port', '0', ...args], options, SERVER_LIMIT_MS);
  started.push(child);
  const ended = new Promise<number | null>((done) => child.on('close', done));
  let output = '';
  let errors = '';
  return new Promise((resolve, reject) => {
    const collect = (text: string) => {
      output += text;
      const url = /^http:\/\/\S+$/m.exec(output)?.[0];
      if (url === undefined) return;
      const stop = () => {
        child.kill('SIGTERM');
        return ended;
      };
      const kill = async () => {
        child.kill('SIGKILL');
        await ended;
      };
      resolve({ url: url.replace(/\/$/, ''), output: () => output, errors: () => errors, stop, kill });
    };
    child.stdout?.setEncoding('utf8').on('data', collect);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      collect(text);
    });
    ended.then((code) => reject(new Error(`docent serve ended with ${code}: ${output}`)));
  });
}
