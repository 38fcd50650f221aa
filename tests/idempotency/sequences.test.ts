import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Claim, IdempotencyStore } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { FACTS, OTHER_FACTS, replyOf, START } from './bench.ts';
import { openFile } from './sqlite-support.ts';

const id = fc.record({ principal: fc.constantFrom('p', 'q'), key: fc.constantFrom('a', 'b') });
const ms = fc.constantFrom(1, 10, 1000, 24 * 60 * 60 * 1000);
/** Which of the claims so far. */
const which = fc.nat(5);

type Step =
  | { verb: 'wait'; ms: number }
  | { verb: 'claim'; id: { principal: string; key: string }; other: boolean; ms: number }
  | { verb: 'renew' | 'commit'; which: number; ms: number }
  | { verb: 'fail' | 'release'; which: number }
  | { verb: 'lookup'; id: { principal: string; key: string } }
  | { verb: 'purge'; limit: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ verb: fc.constant('wait' as const), ms }),
  fc.record({ verb: fc.constant('claim' as const), id, other: fc.boolean(), ms }),
  fc.record({ verb: fc.constantFrom('renew' as const, 'commit' as const), which, ms }),
  fc.record({ verb: fc.constantFrom('fail' as const, 'release' as const), which }),
  fc.record({ verb: fc.constant('lookup' as const), id }),
  fc.record({ verb: fc.constant('purge' as const), limit: fc.nat(3) }),
);

/** Does what the steps say; answers what came of each. Both kinds of store draw the tokens 1, 2, 3, … */
async function outcomesOf<T>(steps: Step[], make: (now: () => number) => IdempotencyStore<T>): Promise<unknown[]> {
  let now = START;
  const store = make(() => now);
  const claims: Claim[] = [];
  const outcomes: unknown[] = [];
  for (const step of steps) outcomes.push(await outcomeOf(step));
  return outcomes;

  async function outcomeOf(step: Step): Promise<unknown> {
    if (step.verb === 'wait') {
      now += step.ms;
      return now;
    }
    if (step.verb === 'lookup') return store.lookup(step.id);
    if (step.verb === 'purge') return store.purge(now, step.limit);
    if (step.verb === 'claim') {
      const outcome = await store.claim(step.id, step.other ? OTHER_FACTS : FACTS, step.ms);
      if (outcome.kind === 'claimed') claims.unshift(outcome.claim);
      return outcome;
    }
    const claim = claims[step.which];
    if (claim === undefined) return 'no such claim';
    if (step.verb === 'release') return store.release(claim);
    if (step.verb === 'renew') return store.renew(claim, step.ms);
    if (step.verb === 'commit') return store.commit(claim, () => replyOf(`reply of ${claim.token}`), step.ms);
    const failing = () => {
      throw new Error('no');
    };
    return store.commit(claim, failing, 1).catch(String);
  }
}

/** A record in the state that its verbs have left it in is the same record, wherever it is kept. */
test('any sequence of verbs has the same outcomes in memory and in SQLite', async () => {
  const db: DatabaseSync = openFile(':memory:');
  const inSqlite = (now: () => number) => {
    db.exec('DROP TABLE IF EXISTS idempotency_record; DROP TABLE IF EXISTS idempotency_schema');
    return new SqliteStore(db, { now });
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const inMemory = await outcomesOf(steps, (now) => new MemoryStore({ now }));
      assert.deepEqual(await outcomesOf(steps, inSqlite), inMemory);
    }),
    { numRuns: 300 },
  );
  db.close();
});
