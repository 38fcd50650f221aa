// A program of a topic as a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that a test forgot ends by itself. Milliseconds. */
const LIFE_LIMIT_MS = 180_000;

export interface Program {
  process: ChildProcess;
  /** Where it listens, as it has printed it. */
  url: string;
  /** Resolves when it has ended, by itself or killed. */
  ended: Promise<unknown>;
  /** Ends it. */
  stop(): Promise<unknown>;
}

/**
 * Starts a program that serves, and waits for the address that it prints.
 * @param options.node further arguments for Node.
 */
export async function start(
  file: string,
  options: { cwd: string; env?: Record<string, string>; node?: string[] },
): Promise<Program> {
  const child = spawn(process.execPath, [...(options.node ?? []), file], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH ?? '', HOME: options.cwd, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIFE_LIMIT_MS,
  });
  const ended = once(child, 'close');
  let output = '';
  const address = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const url = /http:\/\/[\w.]+:\d+/.exec(output)?.[0];
        if (url !== undefined) resolve(`${url}/`);
      });
    }
  });
  const url = await Promise.race([
    address,
    ended.then(([code]) => {
      throw new Error(`${file} ended with ${code}:\n${output}`);
    }),
  ]);
  const stop = () => {
    child.kill();
    return ended;
  };
  return { process: child, url, ended, stop };
}
