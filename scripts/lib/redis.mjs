// Redis for the tests, or Valkey, which speaks the same protocol: the program, and servers of our own.
import { createConnection } from 'node:net';
import { startServer } from './daemon.mjs';
import { findProgram, runQuietly } from './process.mjs';

const NAMES = ['redis-server', 'valkey-server'];
const ANSWER_LIMIT_MS = 20_000;

/**
 * The program on this machine.
 * @param {{env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<string | undefined>}
 */
export async function findRedis({ env = process.env } = {}) {
  for (const name of NAMES) {
    const file = findProgram(name, env);
    if (file && (await runQuietly(file, ['--version'], { cwd: '/', limitMs: ANSWER_LIMIT_MS })).ok) return file;
  }
  return undefined;
}

/**
 * Starts a server of its own.
 * @param {string} file
 * @param {{settings?: Record<string, string>}} [options] settings: of redis.conf; by default nothing is written to disk.
 * @returns {Promise<import('./daemon.mjs').Server>}
 */
export function startRedisServer(file, { settings = {} } = {}) {
  const all = { bind: '127.0.0.1', save: '', ...settings };
  const options = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  return startServer({
    name: 'Redis',
    file,
    args: (port, folder) => ['--port', String(port), '--dir', folder, ...options],
    url: (port) => `redis://127.0.0.1:${port}`,
    isReady: answersPing,
    endsWith: 'SIGTERM',
  });
}

/** One that still loads its data answers with an error. @param {number} port @returns {Promise<boolean>} */
function answersPing(port) {
  return new Promise((done) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.on('data', (data) => {
      socket.destroy();
      done(String(data).startsWith('+PONG'));
    });
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
  });
}
