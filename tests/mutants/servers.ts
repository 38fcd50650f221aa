// Faults of stores on servers. Their suites start servers, which takes time: `npm run mutants` runs them, `npm test` does not.
import type { Mutant } from './mutants.ts';

const REDIS = { file: 'idempotency/stores/redis-scripts.ts', suites: ['idempotency/redis.test.ts'] };
/** Who is faster is a matter of luck, to which many rounds leave no room. */
const MANY_CLIENTS = { suites: ['proof/concurrency.test.ts'], only: ': postgres$' };
const POSTGRES = { file: 'idempotency/stores/postgres-schema.ts', suites: ['idempotency/postgres.test.ts'] };

export const SERVER_MUTANTS: Mutant[] = [
  {
    ...POSTGRES,
    name: 'PostgreSQL: the fence is not checked at the commit',
    find: 'AND key = given_key AND token = given_token AND status IS NULL;',
    replace: 'AND key = given_key AND given_token > 0;',
  },
  {
    ...POSTGRES,
    name: 'PostgreSQL: another request takes over an abandoned claim',
    find: 'ELSIF seen.fingerprint = fingerprints[i] AND seen.status IS NULL',
    replace: 'ELSIF seen.status IS NULL',
  },
  {
    ...POSTGRES,
    ...MANY_CLIENTS,
    name: 'PostgreSQL: looks first, and takes over whatever is there then',
    find: 'AND r.token = seen.token\n            AND r.status IS NULL AND r.lease_ends_ms = seen.lease_ends_ms',
    replace: '\n            AND r.status IS NULL',
  },
  {
    ...POSTGRES,
    name: 'PostgreSQL: what has expired counts until it is purged',
    find: 'ELSIF seen.expires_ms <= now_ms THEN',
    replace: 'ELSIF seen.expires_ms <= 0 THEN',
  },
  {
    ...POSTGRES,
    ...MANY_CLIENTS,
    name: 'PostgreSQL: a phase that is reached twice at the same time is executed twice',
    find: 'IF strpos(before, given_prefix) > 0 THEN',
    replace: 'IF before IS NULL THEN',
  },
  {
    ...REDIS,
    name: 'Redis: a token is no condition for anything',
    find: "if state == 'running' and current == token then",
    replace: "if state == 'running' then",
  },
  {
    ...REDIS,
    name: 'Redis: what has expired counts until Redis forgets it',
    find: '  if tonumber(expires) > now then',
    replace: '  if tonumber(expires) > 0 then',
  },
  {
    ...REDIS,
    name: 'Redis: a phase is executed each time it is asked for',
    find: 'if reached then',
    replace: 'if reached and #ARGV == 0 then',
  },
  {
    ...REDIS,
    name: 'Redis: a claim that was taken over is kept in memory alone',
    find: "if previous ~= 'abandoned' and ARGV[4]",
    replace: 'if ARGV[4]',
    suites: ['idempotency/redis-loss.test.ts'],
  },
];
