// Faults of stores on servers. Their suites start servers, which takes time: `npm run mutants` runs them, `npm test` does not.
import type { Mutant } from './mutants.ts';

const REDIS = { file: 'idempotency/stores/redis-scripts.ts', suites: ['idempotency/redis.test.ts'] };

export const SERVER_MUTANTS: Mutant[] = [
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
