// A server for tests: a program with a port, a folder of its own, and an end, whatever becomes of the process that has started it.
import { spawn } from 'node:child_process';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runQuietly } from './process.mjs';

/** A server that has to recover from a crash first, on a busy machine. */
const START_LIMIT_MS = 60_000;
/** An orderly end, with everything written. */
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 20;
const LOG_LINES = 15;

/**
 * Ports that Linux gives to no outgoing connection, so that the one of a killed server is still free when it is started again.
 * https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
 */
const PORTS = { from: 20_000, to: 32_000 };

/** What a server says while another one has its port, or a crashed one's last process its memory: both pass. */
const PASSES = /address already in use|still in use/i;

/**
 * Ends a server and removes its folder once the process that has started it is gone without a word, as after SIGKILL.
 * Arguments: process id, signal, folder.
 */
const KEEPER = `
  read -r word && exit 0
  kill -"$2" "$1" 2>/dev/null
  left=100
  while kill -0 "$1" 2>/dev/null && [ $left -gt 0 ]; do sleep 0.1; left=$((left - 1)); done
  rm -rf "$3"`;

/**
 * @typedef {object} Server
 * @property {string} url where clients reach it; the same after a restart
 * @property {number} port on 127.0.0.1
 * @property {string} folder its data and log; removed when it is stopped
 * @property {() => Promise<void>} kill SIGKILL to all its processes: a crash
 * @property {() => Promise<void>} restart starts it again with its data; one that runs is ended first, in an orderly way
 * @property {() => Promise<void>} stop ends it for good
 */

/**
 * @typedef {object} Program
 * @property {string} name in messages
 * @property {string} file
 * @property {(port: number, folder: string) => string[]} args
 * @property {(port: number) => string} url
 * @property {(port: number, pid: number) => boolean | Promise<boolean>} isReady
 * @property {NodeJS.Signals} endsWith the signal after which it ends in an orderly way, without waiting for its clients
 * @property {{uid: number, gid: number} | undefined} [user] whom it runs as and who owns the folder; by default, whoever asks
 */

/** @param {string} name @param {Program['user']} user */
export function makeServerFolder(name, user) {
  const folder = mkdtempSync(join(tmpdir(), `docent-${name.toLowerCase()}-`));
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/**
 * Starts a server on a free port.
 * @param {Program} program
 * @param {string} [folder]
 * @returns {Promise<Server>}
 */
export async function startServer(program, folder = makeServerFolder(program.name, program.user)) {
  const server = new Daemon(program, folder);
  try {
    await server.start(freePort);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** @implements {Server} */
class Daemon {
  port = 0;
  #program;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {Promise<void>} */
  #ended = Promise.resolve();

  /** @param {Program} program @param {string} folder */
  constructor(program, folder) {
    this.#program = program;
    this.folder = folder;
  }

  get url() {
    return this.#program.url(this.port);
  }

  get #log() {
    return join(this.folder, 'log');
  }

  /** @param {() => number | Promise<number>} choosePort */
  async start(choosePort) {
    const end = Date.now() + START_LIMIT_MS;
    let said = '';
    do {
      this.port = await choosePort();
      this.#spawn();
      if (await this.#becomesReady(end)) return;
      await this.kill();
      said = readText(this.#log).trimEnd();
      await sleep(POLL_MS);
    } while (PASSES.test(said) && Date.now() < end);
    const { name, file } = this.#program;
    throw new Error(`${name} (${file}) does not start; it said:\n${said.split('\n').slice(-LOG_LINES).join('\n')}`);
  }

  async kill() {
    const child = this.#child;
    if (child?.pid !== undefined && runs(child)) {
      // A process that is stopped cannot start another one, which would be missed.
      child.kill('SIGSTOP');
      for (const pid of await childrenOf(child.pid)) killProcess(pid);
      child.kill('SIGKILL');
    }
    await this.#ended;
  }

  async restart() {
    await this.#end();
    await this.start(() => this.port);
  }

  async stop() {
    await this.#end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn() {
    const { file, args, user } = this.#program;
    const log = openSync(this.#log, 'w');
    // A session of its own: Ctrl-C is for the process that has started it, which ends it in its own time.
    const child = spawn(file, args(this.port, this.folder), {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', log, log],
      ...user,
    });
    closeSync(log);
    child.unref();
    const dismissKeeper = this.#startKeeper(child.pid);
    this.#child = child;
    this.#ended = new Promise((done) => {
      child.on('exit', done);
      child.on('error', done);
    }).then(dismissKeeper);
  }

  /** @param {number | undefined} pid of the server; one that could not be started has none */
  #startKeeper(pid) {
    if (pid === undefined) return () => {};
    const args = ['-c', KEEPER, 'sh', String(pid), this.#program.endsWith.slice('SIG'.length), this.folder];
    const keeper = spawn('sh', args, { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    keeper.on('error', () => undefined);
    keeper.stdin.on('error', () => undefined);
    keeper.unref();
    // It must not keep the process alive that it outlives.
    if (keeper.stdin instanceof Socket) keeper.stdin.unref();
    return () => void keeper.stdin.end('done\n');
  }

  /** @param {number} end */
  async #becomesReady(end) {
    const child = this.#child;
    while (child?.pid !== undefined && runs(child) && Date.now() < end) {
      if (await this.#program.isReady(this.port, child.pid)) return true;
      await sleep(POLL_MS);
    }
    return false;
  }

  async #end() {
    this.#child?.kill(this.#program.endsWith);
    // The timer also keeps the process alive while it waits.
    const stopWaiting = new AbortController();
    const late = sleep(STOP_LIMIT_MS, 'late', { signal: stopWaiting.signal }).catch(() => undefined);
    if ((await Promise.race([this.#ended, late])) === 'late') await this.kill();
    stopWaiting.abort();
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function runs(child) {
  return child.exitCode === null && child.signalCode === null;
}

/** @param {number} pid */
function killProcess(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/** @param {number} pid @returns {Promise<number[]>} */
async function childrenOf(pid) {
  const known = readText(`/proc/${pid}/task/${pid}/children`);
  if (known !== '') return known.trim().split(' ').map(Number);
  const { output } = await runQuietly('ps', ['-A', '-o', 'pid=,ppid='], { cwd: '/' });
  const pairs = output.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

/** @returns {Promise<number>} */
async function freePort() {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (await isFree(port)) return port;
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((done) => {
    const probe = createServer();
    probe.on('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
