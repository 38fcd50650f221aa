import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { claimed, commitUnclaimed, FACTS, ID, LEASE, RETAIN, replyOf } from './bench.ts';
import { testStore } from './store-contract.ts';

testStore<undefined>({
  name: 'memory',
  transactional: false,
  make: (now) => {
    const lines: string[] = [];
    const store = new MemoryStore({ now });
    return { store, other: store, write: (_, line) => void lines.push(line), lines: () => lines };
  },
});

test('nobody takes over from an effect that is running, however long it takes', async () => {
  let now = 0;
  const store = new MemoryStore({ now: () => now });
  const claim = await claimed(store);
  let finish = (_: Reply) => {};
  const committed = store.commit(claim, () => new Promise<Reply>((resolve) => (finish = resolve)), RETAIN);
  now += 10 * 24 * 60 * 60 * 1000;
  assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
  assert.equal(await store.purge(now, 10), 0);
  finish(replyOf('done'));
  assert.equal((await committed).kind, 'stored');
  assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
});

test('an effect that fails without a claim frees its own key, and not that of whoever has claimed it since', async () => {
  const store = new MemoryStore();
  const failing = commitUnclaimed(store, () => Promise.reject(new Error('no')));
  const rejected = assert.rejects(failing, /no/);
  let kind = 'in-progress';
  for (let time = 0; time < 100 && kind === 'in-progress'; time += 1) ({ kind } = await store.claim(ID, FACTS, LEASE));
  await rejected;
  assert.equal(kind, 'claimed');
  assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
});
