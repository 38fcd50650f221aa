import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveOutage } from './outage.ts';
import { STORES } from './stores.ts';

for (const store of STORES.filter(({ hasServer }) => hasServer)) {
  test(`while the server is away nothing is executed, and then everything goes on by itself: ${store.name}`, async () => {
    assert.deepEqual(await proveOutage(store, 20), { refused: 40, outages: 2 });
  });
}
