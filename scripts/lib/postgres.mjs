// PostgreSQL for the tests: its programs, and clusters of our own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeServerFolder, startServer } from './daemon.mjs';
import { findProgram, isExecutable, runQuietly } from './process.mjs';

/** Where Debian has them, by version, outside PATH. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';
const ANSWER_LIMIT_MS = 20_000;
const INITDB_LIMIT_MS = 120_000;
/** Several test files at once, each with several pools. */
const MAX_CONNECTIONS = 400;
/** PostgreSQL refuses to run as root: whom it runs as instead, if they are there. */
const USERS = ['postgres', 'nobody'];

/** @typedef {{postgres: string, initdb: string}} PostgresPrograms */

/**
 * The programs on this machine: those on PATH, else the newest of Debian's.
 * @param {{env?: NodeJS.ProcessEnv, debianFolder?: string}} [options]
 * @returns {Promise<PostgresPrograms | undefined>}
 */
export async function findPostgres({ env = process.env, debianFolder = DEBIAN_FOLDER } = {}) {
  const onPath = { postgres: findProgram('postgres', env), initdb: findProgram('initdb', env) };
  const debians = versionsIn(debianFolder).map((version) => ({
    postgres: join(debianFolder, version, 'bin', 'postgres'),
    initdb: join(debianFolder, version, 'bin', 'initdb'),
  }));
  for (const { postgres, initdb } of [onPath, ...debians]) {
    if (postgres && initdb && (await answers(postgres)) && (await answers(initdb))) return { postgres, initdb };
  }
  return undefined;
}

/** Newest first. @param {string} folder */
function versionsIn(folder) {
  try {
    return readdirSync(folder).sort((a, b) => Number(b) - Number(a));
  } catch {
    return [];
  }
}

/** @param {string} file */
async function answers(file) {
  return isExecutable(file) && (await runQuietly(file, ['--version'], { cwd: '/', limitMs: ANSWER_LIMIT_MS })).ok;
}

/**
 * Makes a cluster of its own and starts it.
 * @param {PostgresPrograms} programs
 * @param {{durable?: boolean, settings?: Record<string, string>}} [options] durable: what is committed survives a power loss; by
 *   default it survives only the end of the server, which is quicker. settings: of postgresql.conf.
 * @returns {Promise<import('./daemon.mjs').Server>}
 */
export async function startPostgresServer({ postgres, initdb }, { durable = false, settings = {} } = {}) {
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const fast = { fsync: 'off', full_page_writes: 'off' };
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(MAX_CONNECTIONS),
    ...(durable ? {} : fast),
    ...settings,
  };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const folder = makeServerFolder('postgresql', user);
  await makeCluster(initdb, dataOf(folder), user);
  /** @type {import('./daemon.mjs').Program} */
  const program = {
    name: 'PostgreSQL',
    file: postgres,
    args: (port) => ['-D', dataOf(folder), '-p', String(port), ...options],
    url: (port) => `postgres://docent@127.0.0.1:${port}/postgres`,
    isReady: (_, pid) => isReady(dataOf(folder), pid),
    endsWith: 'SIGINT',
    user,
  };
  return startServer(program, folder);
}

/** @param {string} folder */
const dataOf = (folder) => join(folder, 'data');

/** @param {string} initdb @param {string} data @param {{uid: number, gid: number} | undefined} user */
async function makeCluster(initdb, data, user) {
  const args = ['-D', data, '-U', 'docent', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  const { ok, output } = await runQuietly(initdb, args, { cwd: '/', limitMs: INITDB_LIMIT_MS, user });
  if (!ok) throw new Error(`${initdb} could not make a cluster in ${data}; it said:\n${output}`);
}

/**
 * The lock file begins with whose it is, a killed server's included, and ends with its state; `pg_ctl --wait` reads the same.
 * @param {string} data
 * @param {number} pid
 */
function isReady(data, pid) {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

function unprivilegedUser() {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = USERS.map((name) => lines.find((line) => line.startsWith(`${name}:`))?.split(':')).find(Boolean);
  if (!fields)
    throw new Error(`PostgreSQL does not run as root, and there is no user ${USERS.join(' or ')}: make one.`);
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}
