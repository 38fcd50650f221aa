// Pairs of principals and keys that somebody might take for each other.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { RecordId, Reply, RequestFacts } from '../../src/idempotency/index.ts';
import type { Handle, ProvedStore } from './stores.ts';

const LEASE_MS = 60_000;
const RETAIN_MS = 60_000;

const SECRET: RequestFacts = { fingerprint: 'a'.repeat(64), method: 'POST', path: '/secret', requestId: 'secret' };
const STRANGE: RequestFacts = { fingerprint: 'b'.repeat(64), method: 'PATCH', path: '/strange' };

/** What a name might be put together with, or be taken apart at; and what some databases take for the same, or for nothing. */
const PIECES = [
  ...[
    '',
    'a',
    'A',
    'b',
    'ab',
    '1',
    '1.0',
    '01',
    ' ',
    '  ',
    '.',
    '..',
    ':',
    '::',
    '/',
    '|',
    ',',
    ';',
    '"',
    '""',
    "'",
    '\\',
  ],
  ...[
    '%',
    '_',
    '*',
    '?',
    '[a]',
    '{a}',
    '(',
    '$1',
    '#',
    '&',
    '=',
    '+',
    '-',
    '--',
    '\t',
    '\n',
    '\r\n',
    'null',
    'undefined',
  ],
  ...[
    'é',
    'e\u0301',
    'ß',
    'ss',
    'ı',
    'i',
    'İ',
    'ﬁ',
    'fi',
    'Å',
    'Å',
    '\u200b',
    '\ufeff',
    '日本',
    '😀',
    '\u{1f600}\ufe0f',
  ],
];
const piece = fc.constantFrom(...PIECES);
const word = fc.oneof(
  { weight: 4, arbitrary: fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 250, maxLength: 255 }) },
);

/** What a name is put together with, if it is. */
const between = fc.constantFrom('', ':', '::', '/', '|', ',', '.', '-', '_', ' ', '\n', '","');

/** A part in the middle belongs to the principal of the one, and to the key of the other. */
const moved = fc.tuple(word, word, word, between).map(([a, b, c, between]): [RecordId, RecordId] => [
  { principal: `${a}${between}${b}`, key: c },
  { principal: a, key: `${b}${between}${c}` },
]);

/** Names that differ by little. */
const near = fc
  .tuple(word, word)
  .chain(
    ([a, b]): fc.Arbitrary<[RecordId, RecordId]> =>
      fc.tuple(
        fc.constant({ principal: a, key: b }),
        fc.constantFrom<RecordId>(
          { principal: b, key: a },
          { principal: a, key: a },
          { principal: b, key: b },
          { principal: '', key: `${a}${b}` },
          { principal: JSON.stringify([a, b]), key: b },
          { principal: a.toUpperCase(), key: b },
          { principal: a.normalize('NFD'), key: b },
          { principal: a.trim(), key: b },
          { principal: a, key: `${b} ` },
          { principal: a, key: b.toLowerCase() },
        ),
      ),
  );

const pair = fc.oneof(moved, near).filter(([one, other]) => !isDeepStrictEqual(one, other));

/** @throws with the shortest pair that fast-check can find, and its seed, when one of them sees or disturbs the other. */
export async function proveIsolation(
  store: ProvedStore,
  { seed, pairs }: { seed: number; pairs: number },
): Promise<{ pairs: number }> {
  const place = await store.open();
  const handle = await store.connect(place.address, Date.now);
  try {
    const property = fc.asyncProperty(pair, async ([one, other]) => {
      await place.empty();
      await keepApart(handle, one, other);
    });
    await fc.assert(property, { numRuns: pairs, seed });
  } finally {
    await handle.drop();
    await place.close();
  }
  return { pairs };
}

async function keepApart({ store }: Handle, one: RecordId, other: RecordId): Promise<void> {
  const first = await store.claim(one, SECRET, LEASE_MS);
  assert.equal(first.kind, 'claimed');
  if (first.kind !== 'claimed') return;
  // While it is in progress, and when it is completed.
  await seesNothing({ store }, other);
  assert.equal((await store.lookup(one))?.path, SECRET.path);
  const reply: Reply = { status: 201, headers: [['X-Secret', 'secret']], body: new TextEncoder().encode('secret') };
  // A token is of use for its own key only, whoever has it.
  const stolen = { ...other, token: first.claim.token };
  assert.equal(await store.renew(stolen, LEASE_MS), 'lease-lost');
  assert.deepEqual(await store.commit(stolen, () => reply, RETAIN_MS), { kind: 'lease-lost' });
  await store.release(stolen);
  assert.deepEqual(await store.commit(first.claim, () => reply, RETAIN_MS), { kind: 'stored', reply });
  await seesNothing({ store }, other);
  assert.deepEqual(await store.claim(one, SECRET, LEASE_MS), { kind: 'completed', reply });
}

async function seesNothing({ store }: Pick<Handle, 'store'>, id: RecordId): Promise<void> {
  assert.equal(await store.lookup(id), undefined);
  const outcome = await store.claim(id, STRANGE, LEASE_MS);
  assert.deepEqual(
    { ...outcome, claim: undefined },
    { kind: 'claimed', claim: undefined, previous: 'none', points: [] },
  );
  if (outcome.kind === 'claimed') await store.release(outcome.claim);
}
