import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAll } from './run.ts';
import { STORE_MUTANTS } from './stores.ts';

test('the suites find every fault of a store', async () => {
  const verdicts = await judgeAll(STORE_MUTANTS, () => undefined);
  assert.equal(verdicts.length, STORE_MUTANTS.length);
  const survivors = verdicts.filter(({ caughtBy }) => caughtBy === undefined);
  assert.deepEqual(
    survivors.map(({ mutant }) => mutant.name),
    [],
  );
});
