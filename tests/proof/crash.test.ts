import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveCrashes } from './crash.ts';
import { STORES } from './stores.ts';

/** Each store dies at other points; together at all. */
const KILLS = 14;

for (const [index, store] of STORES.filter(({ durable }) => durable).entries()) {
  test(`a server that dies at any step loses no effect, and executes none twice: ${store.name}`, async () => {
    // A lease that is short, so that the test is; how long a retry takes is for a long run to tell.
    const { kills, requests } = await proveCrashes(store, {
      seed: KILLS * index,
      kills: KILLS,
      lanes: 5,
      leaseMs: 300,
    });
    assert.ok(kills >= KILLS && requests > 0);
  });
}
