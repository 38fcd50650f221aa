// Child processes: run a tool quietly, look a program up, or hand the terminal over to one.
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @typedef {object} RunOptions
 * @property {string} cwd
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [limitMs] the tool and all it started are ended after this long
 * @property {{uid: number, gid: number} | undefined} [user] whom it runs as
 */

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The first program of that name on PATH.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 */
export function findProgram(name, env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * The environment with the project's own programs first on PATH.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function withProjectBin(root, env = process.env) {
  return { ...env, PATH: [join(root, 'node_modules', '.bin'), env.PATH].join(delimiter) };
}

/**
 * The environment without the project's own programs: `npm ci` deletes the very Node that would run it.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutProjectBin(root, env = process.env) {
  const own = resolve(root, 'node_modules');
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => !resolve(folder).startsWith(own));
  return { ...env, PATH: folders.join(delimiter) };
}

/**
 * Runs a program and collects what it prints; never throws.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} options
 * @returns {Promise<{ok: boolean, output: string}>}
 */
export function runQuietly(program, args, { cwd, env = process.env, limitMs = 0, user }) {
  return new Promise((done) => {
    // A group of its own, so that its helpers end with it: npm, Playwright's installer and apt-get all start some.
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...user });
    const group = watchGroup(child, limitMs);
    let output = '';
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const finish = (/** @type {boolean} */ ok, /** @type {string} */ note) => {
      group.stopWatching();
      done({ ok, output: [output.trimEnd(), note].filter(Boolean).join('\n') });
    };
    child.on('error', (error) => finish(false, error.message));
    child.on('close', (code) => {
      const note = group.timedOut() ? `(ended after ${Math.round(limitMs / 1000)} seconds)` : '';
      finish(code === 0 && note === '', note);
    });
  });
}

/**
 * Ends a child's process group when its time is over, or along with this process.
 * @param {import('node:child_process').ChildProcess} child
 * @param {number} limitMs 0 for no limit
 */
function watchGroup(child, limitMs) {
  let timedOut = false;
  const signalGroup = (/** @type {NodeJS.Signals} */ signal) => {
    try {
      if (child.pid) process.kill(-child.pid, signal);
    } catch {
      // It ended by itself.
    }
  };
  const onTimeout = () => {
    timedOut = true;
    signalGroup('SIGKILL');
  };
  const timer = limitMs > 0 ? setTimeout(onTimeout, limitMs) : undefined;
  const onSignal = (/** @type {NodeJS.Signals} */ signal) => {
    signalGroup(signal);
    process.exit(128 + osConstants.signals[signal]);
  };
  for (const signal of FORWARDED) process.on(signal, onSignal);
  const stopWatching = () => {
    clearTimeout(timer);
    for (const signal of FORWARDED) process.removeListener(signal, onSignal);
  };
  return { stopWatching, timedOut: () => timedOut };
}

/**
 * Runs a program on this terminal and answers its exit code; signals pass through.
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<number>}
 */
export function runOnTerminal(program, args, options) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: 'inherit', ...options });
    const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    for (const signal of FORWARDED) process.on(signal, forward);
    const stopForwarding = () => {
      for (const signal of FORWARDED) process.removeListener(signal, forward);
    };
    child.on('error', (error) => {
      stopForwarding();
      fail(error);
    });
    child.on('close', (code, signal) => {
      stopForwarding();
      done(code ?? 128 + (signal ? osConstants.signals[signal] : 0));
    });
  });
}

/**
 * Goes on as another program: in this very process where Node can (no process in between that signals must cross), else as a child.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>}
 */
export async function becomeProgram(program, args, env = process.env) {
  if (process.platform !== 'win32' && typeof process.execve === 'function') {
    process.execve(program, [program, ...args], /** @type {Record<string, string>} */ ({ ...env }));
  }
  return runOnTerminal(program, args, { env });
}
