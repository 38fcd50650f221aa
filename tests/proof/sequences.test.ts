import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveSequences } from './sequences.ts';
import { STORES } from './stores.ts';

/** Everything that can come of a verb. A sequence that never comes to some of it proves nothing about that. */
const OUTCOMES = [
  'claim → claimed (none)',
  'claim → claimed (expired)',
  'claim → claimed (abandoned)',
  'claim → in-progress',
  'claim → mismatch',
  'claim → completed',
  'renew → renewed',
  'renew → lease-lost',
  'checkpoint → reached',
  'checkpoint → thrown',
  'checkpoint → lease-lost',
  'commit → stored',
  'commit → thrown',
  'commitUnclaimed → known',
  'commitUnclaimed → stored',
  'commitUnclaimed → thrown',
  'commit → lease-lost',
  'release → released',
  'lookup → known-key',
  'lookup → unknown-key',
  'read → lines',
];

for (const store of STORES) {
  test(`any sequence of verbs, waits and crashes comes to what the model says: ${store.name}`, async () => {
    const { seen } = await proveSequences(store, { seed: 4711, count: store.pace.sequences });
    assert.deepEqual([...seen.keys()].sort(), OUTCOMES.toSorted());
  });
}
