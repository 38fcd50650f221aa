import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { derivedKey } from '../../src/idempotency/index.ts';
import { MEMORY, SQLITE } from './handler-bench.ts';
import { testPhases } from './phases-contract.ts';

testPhases(MEMORY);
testPhases(SQLITE);

describe('a derived key', () => {
  const of = (principal = 'p', key = 'k', fingerprint = 'f', phase = 'charge') =>
    derivedKey({ principal, key }, fingerprint, phase);

  test('is the same each time, and another one when anything differs, however the parts run together', async () => {
    assert.equal(await of(), await of());
    const keys = await Promise.all([of(), of('p2'), of('p', 'k2'), of('p', 'k', 'f2'), of('p', 'k', 'f', 'refund')]);
    const shifted = await Promise.all([of('pk', ''), of('', 'pk'), of('p', 'kf', ''), of('p","k', '')]);
    assert.equal(new Set([...keys, ...shifted]).size, 9);
  });

  test('can be sent bare or quoted, and holds nothing in clear', async () => {
    assert.match(await of('alice@example.com', 'order-4711'), /^[0-9a-f]{32}$/);
  });
});
