// Faults of stores on servers. Their suites start servers, which takes time: `npm run mutants` runs them, `npm test` does not.
import type { Mutant } from './mutants.ts';

const REDIS = { file: 'idempotency/stores/redis-scripts.ts', suites: ['idempotency/redis.test.ts'] };
/** Who is faster is a matter of luck, to which many rounds leave no room. */
const MANY_CLIENTS = { suites: ['proof/concurrency.test.ts'], only: ': postgres$' };
const POSTGRES = { file: 'idempotency/stores/postgres-schema.ts', suites: ['idempotency/postgres.test.ts'] };

const REDIS_UNCLAIMED = { ...REDIS, suites: ['idempotency/redis-unclaimed.test.ts'] };
const POSTGRES_UNCLAIMED = {
  file: 'idempotency/stores/postgres.ts',
  suites: ['idempotency/postgres-unclaimed.test.ts'],
};
const POSTGRES_INSERT = { ...POSTGRES_UNCLAIMED, file: 'idempotency/stores/postgres-statements.ts' };

const POSTGRES_OPENING = {
  file: 'idempotency/stores/postgres-opening.ts',
  suites: ['idempotency/postgres-opening.test.ts'],
};

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
    find: "previous == 'abandoned' or ARGV[2]",
    replace: 'ARGV[2]',
    suites: ['idempotency/redis-loss.test.ts'],
  },
  {
    ...REDIS,
    name: 'Redis: beside a claim of a free key, one that was taken over is kept in memory alone',
    find: 'redis.set_repl(is_durable and redis.REPL_ALL or redis.REPL_NONE)',
    replace: 'if not is_durable then redis.set_repl(redis.REPL_NONE) end',
    suites: ['idempotency/redis-loss.test.ts'],
  },
  {
    ...REDIS,
    name: 'Redis: a claim that goes wrong takes those with it that come at the same time',
    find: 'local done, outcome = pcall(claim,',
    replace: 'local done, outcome = true, claim(',
    suites: ['idempotency/redis-claims.test.ts'],
  },
  {
    ...REDIS,
    name: 'Redis: claims that come at the same time have the same token',
    find: 'math.max(micros, tonumber(last) + 1)',
    replace: 'micros',
    suites: ['idempotency/redis-claims.test.ts'],
  },
  {
    ...REDIS,
    name: 'Redis: what nobody has claimed is written over whatever is there',
    find: "head .. identity .. reply, 'NX', 'PX', longer",
    replace: "head .. identity .. reply, 'PX', longer",
  },
  {
    ...REDIS_UNCLAIMED,
    name: 'Redis: an effect without a claim that did nothing keeps its key',
    find: "if problem[2] == 1 then redis.call('DEL', recordKey) end",
    replace: '',
  },
  {
    ...REDIS_UNCLAIMED,
    name: 'Redis: an effect without a claim that was executed in part frees its key',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    find: "redis.call('SET', recordKey, failed .. identity .. why, 'PX', kept(${ABANDONED_MS}))",
    replace: "redis.call('DEL', recordKey)",
  },
  {
    ...REDIS_UNCLAIMED,
    name: 'Redis: a retry without a claim fails because of what the first one did',
    find: "if problem then return redis.call('EXISTS', recordKey) == 1 and 0 or problem end",
    replace: 'if problem then return problem end',
  },
  {
    ...REDIS_UNCLAIMED,
    name: 'Redis: what nobody has claimed is written into records of a later format',
    find: 'if problem then return problem end\nnow = clock()',
    replace: 'now = clock()',
  },
  {
    ...REDIS,
    suites: ['idempotency/redis-unclaimed.test.ts'],
    name: 'Redis: of many in one script, all are kept for as long as the first',
    find: 'if keep ~= last_keep then',
    replace: 'if last_keep < 0 then',
  },
  {
    ...REDIS_UNCLAIMED,
    name: 'Redis: of many effects in one script, each begins where the one before has ended',
    find: 'from = from + 4 + tonumber(ARGV[from + 3])',
    replace: 'from = at',
  },
  {
    ...REDIS_UNCLAIMED,
    file: 'idempotency/stores/redis.ts',
    name: 'Redis: a script takes whatever has come, however large',
    find: '      room: BATCH_ROOM,\n',
    replace: '',
  },
  {
    ...POSTGRES_UNCLAIMED,
    name: 'PostgreSQL: whether the record of an unclaimed key was written is not looked at',
    find: 'if (count === 0) throw hasEnded();',
    replace: 'if (count < 0) throw hasEnded();',
  },
  {
    ...POSTGRES_INSERT,
    name: 'PostgreSQL: the record of an unclaimed key is written after the effect has ended its transaction',
    find: "\n        WHERE current_setting('idempotency.effect', true) = 'on'`",
    replace: '`',
  },
  {
    ...POSTGRES_INSERT,
    name: 'PostgreSQL: a record that is there is no reason to undo an effect without a claim',
    find: "WHERE current_setting('idempotency.effect', true) = 'on'`",
    replace: "WHERE current_setting('idempotency.effect', true) = 'on' ON CONFLICT DO NOTHING`",
  },
  {
    ...POSTGRES_INSERT,
    suites: POSTGRES.suites,
    name: 'PostgreSQL: what nobody has claimed is kept for a day, whatever was asked for',
    file: 'idempotency/stores/postgres.ts',
    find: '...facts, ...replyValuesOf(reply), retainMs];',
    replace: '...facts, ...replyValuesOf(reply), retainMs && 86_400_000];',
  },
  {
    ...POSTGRES_INSERT,
    name: 'PostgreSQL: a reply without headers is stored, and cannot be read',
    find: "if (typeof status !== 'number' || !Array.isArray(headers))",
    replace: "if (typeof status !== 'number')",
  },
  {
    ...POSTGRES_UNCLAIMED,
    name: 'PostgreSQL: an effect without a claim that meets what the first one did fails',
    find: 'if (mayBeKnown && (await',
    replace: 'if (mayBeKnown && id === undefined && (await',
  },
  {
    ...POSTGRES_UNCLAIMED,
    name: 'PostgreSQL: a statement that is kept by name is taken for one that stays',
    find: 'if (!isConfused(error)) return false;',
    replace: 'return false;',
  },
  {
    ...POSTGRES_UNCLAIMED,
    file: 'idempotency/stores/postgres-prepared.ts',
    name: 'PostgreSQL: a name is taken for free because it is not known to be in use',
    find: "connection.close({ type: 'S', name });",
    replace: '',
  },
  {
    ...POSTGRES_UNCLAIMED,
    name: 'PostgreSQL: that keys come which are known is forgotten',
    find: 'this.looksUntil = performance.now() + LOOK_MS;',
    replace: '',
  },
  {
    ...POSTGRES_OPENING,
    name: 'PostgreSQL: an effect is executed although its transaction could not be begun',
    find: '    connection.stream.destroy();',
    replace: '',
  },
  {
    ...POSTGRES_OPENING,
    name: 'PostgreSQL: what an effect makes of a transaction that could not be begun counts',
    find: '    this.failure = { cause };\n',
    replace: '',
  },
  {
    ...POSTGRES_OPENING,
    name: 'PostgreSQL: the answer to BEGIN is taken for that to the first query',
    find: 'if (this.awaited === 0) super.handle',
    replace: 'if (this.awaited < 9) super.handle',
  },
  {
    ...POSTGRES_OPENING,
    name: 'PostgreSQL: a query of another kind is executed before BEGIN',
    find: '      submit(own, new Alone(this));\n',
    replace: '',
  },
  {
    ...POSTGRES_OPENING,
    name: 'PostgreSQL: the limit of time of a first query is forgotten',
    find: 'query.query_timeout = ',
    replace: 'query.query_timeout = undefined && ',
  },
];
