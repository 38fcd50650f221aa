import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveConcurrency } from './concurrency.ts';
import { STORES } from './stores.ts';

for (const store of STORES) {
  test(`what clients hear who use a store at the same time has an order that the model explains: ${store.name}`, async () => {
    const options = { seed: 4, operations: 2000, roundMs: store.durable ? 1200 : 150 };
    const { operations, undecided, faults } = await proveConcurrency(store, options);
    assert.ok(operations >= 2000);
    assert.equal(undecided, 0);
    if (store.durable) assert.ok(faults.has('process killed'));
  });
}
