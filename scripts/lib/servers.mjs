// PostgreSQL and Redis for the tests: servers that the environment names, else programs on this machine, else Debian's packages.
import { SetupError } from './console.mjs';
import { installDebianPackage } from './debian.mjs';
import { findPostgres, startPostgresServer } from './postgres.mjs';
import { findRedis, startRedisServer } from './redis.mjs';

/** The variables that name a server for the tests. */
const URL_VARIABLES = { postgres: 'DOCENT_TEST_POSTGRES_URL', redis: 'DOCENT_TEST_REDIS_URL' };

/** @typedef {{postgres: import('./postgres.mjs').PostgresPrograms, redis: string}} ServerPrograms */

const NEEDED = {
  postgres: {
    what: 'PostgreSQL',
    advice:
      'Install PostgreSQL (Debian: `apt-get install postgresql` as root), so that `postgres` and `initdb` are on PATH or below /usr/lib/postgresql.',
  },
  redis: {
    what: 'Redis or Valkey',
    advice:
      'Install Redis or Valkey (Debian: `apt-get install redis-server` as root), so that `redis-server` or `valkey-server` is on PATH.',
  },
};

/**
 * @typedef {object} Machine where to look, and how to install
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [debianFolder]
 * @property {(name: string, reasons: string[]) => Promise<boolean>} [install]
 */

/**
 * The programs; installs them where that is possible. They are needed beside a server that the environment names, too: the tests
 * kill servers of their own.
 * @param {Machine} [machine]
 * @returns {Promise<ServerPrograms>}
 */
export async function ensureServerPrograms({ install = installDebianPackage, ...machine } = {}) {
  // One after the other: two could not install at the same time.
  const postgres = await ensure(() => findPostgres(machine), install, ['postgresql'], NEEDED.postgres);
  const redis = await ensure(() => findRedis(machine), install, ['redis-server', 'valkey-server'], NEEDED.redis);
  return { postgres, redis };
}

/**
 * @template T
 * @param {() => Promise<T | undefined>} find
 * @param {NonNullable<Machine['install']>} install
 * @param {string[]} packages of which the first that can be had is installed
 * @param {{what: string, advice: string}} needed
 * @returns {Promise<T>}
 */
async function ensure(find, install, packages, { what, advice }) {
  let found = await find();
  /** @type {string[]} */
  const reasons = [];
  for (const name of packages) {
    if (found === undefined && (await install(name, reasons))) found = await find();
  }
  if (found !== undefined) return found;
  throw new SetupError([`no ${what} for the tests of the stores.`, ...new Set(reasons), advice].join('\n'));
}

/**
 * Starts one server of each kind that the environment does not name.
 * @param {ServerPrograms} programs
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{env: Record<string, string>, stop: () => Promise<void>}>} env: the variables that name them
 */
export async function startSharedServers({ postgres, redis }, env = process.env) {
  /** @type {[variable: string, start: () => Promise<import('./daemon.mjs').Server>][]} */
  const kinds = [
    [URL_VARIABLES.postgres, () => startPostgresServer(postgres)],
    [URL_VARIABLES.redis, () => startRedisServer(redis)],
  ];
  const missing = kinds.filter(([variable]) => !env[variable]);
  const results = await Promise.allSettled(missing.map(([, start]) => start()));
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw new SetupError(failed.reason.message);
  }
  return { env: Object.fromEntries(missing.map(([variable], index) => [variable, servers[index]?.url ?? ''])), stop };
}
