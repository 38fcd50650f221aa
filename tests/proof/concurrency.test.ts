import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveConcurrency } from './concurrency.ts';
import { STORES } from './stores.ts';

/** Long enough for some thousand operations, and for something to be done to a process or a server. Milliseconds. */
const ROUND_MS: Record<string, number> = { memory: 150, sqlite: 1200, postgres: 2500, redis: 2500 };

for (const store of STORES) {
  test(`what clients hear who use a store at the same time has an order that the model explains: ${store.name}`, async () => {
    const options = { seed: 4, operations: 1000, roundMs: ROUND_MS[store.name] ?? 0 };
    const { operations, unknown, undecided, faults } = await proveConcurrency(store, options);
    assert.ok(operations >= 1000);
    // Outages leave many questions open, and sometimes too many to be answered.
    assert.ok(undecided <= unknown / 20);
    assert.equal(faults.size > 0, store.durable);
  });
}
