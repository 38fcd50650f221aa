// Callers that meet, owners that are late, and strangers: in numbers that a long run raises.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveFencing, provePauses } from './fencing.ts';
import { proveIsolation } from './isolation.ts';
import { proveRaces } from './race.ts';
import { STORES } from './stores.ts';
import { LEDGERS, proveStrangers } from './strangers.ts';

for (const store of STORES) {
  test(`of many callers with one key, one is executed, and the others wait or get its answer: ${store.name}`, async () => {
    const { executed, replayed, inProgress } = await proveRaces(store, { callers: 60, keys: 10, processes: 3 });
    assert.equal(executed, 10);
    assert.ok(replayed > 0 && inProgress > 0);
  });

  test(`an owner that somebody has taken over from writes nothing: ${store.name}`, async () => {
    assert.equal((await proveFencing(store, { owners: 150, seed: 7 })).attempts, 1500);
  });

  test(`nobody sees or disturbs another principal’s key, or another key of one’s own: ${store.name}`, async () => {
    await proveIsolation(store, { seed: 7, pairs: 300 });
  });
}

for (const store of STORES.filter(({ name }) => name in LEDGERS)) {
  test(`no account of the reference API learns of another one’s keys: ${store.name}`, async () => {
    await proveStrangers(store, { seed: 7, pairs: 30 });
  });
}

for (const store of STORES.filter(({ durable }) => durable)) {
  test(`a process that is stopped until others have taken over writes nothing when it goes on: ${store.name}`, async () => {
    await provePauses(store, { owners: 30, leaseMs: 300 });
  });
}
