import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { proveCrashes } from './crash.ts';
import { STORES } from './stores.ts';

/** Each store dies at other points; together at all. */
const KILLS = 14;

// Most of the time each waits for leases to end.
describe('a server that dies at any step', { concurrency: true }, () => {
  for (const [index, store] of STORES.filter(({ durable }) => durable).entries()) {
    test(`loses no effect, and executes none twice: ${store.name}`, async () => {
      // A lease that is short, so that the test is; how long a retry takes is for a long run to tell.
      const options = { seed: KILLS * index, kills: KILLS, lanes: 4, leaseMs: 300 };
      const { kills, requests } = await proveCrashes(store, options);
      assert.ok(kills >= KILLS && requests > 0);
    });
  }
});
