import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { CORE_MUTANTS } from './core.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { judgeAll, planted } from './run.ts';

const HARMLESS: Mutant = {
  name: 'harmless',
  file: 'idempotency/key.ts',
  find: 'export const KEY_LIMIT = 255;',
  replace: 'export const KEY_LIMIT = 254 + 1;',
  suites: ['idempotency/key.test.ts'],
};

describe('a planted fault', () => {
  test('that changes nothing survives, and one that does is found by a test with a name', async () => {
    const harmful = { ...HARMLESS, name: 'harmful', replace: 'export const KEY_LIMIT = 200;' };
    const verdicts = await judgeAll([HARMLESS, harmful], () => undefined);
    const found = new Map(verdicts.map(({ mutant, caughtBy }) => [mutant.name, caughtBy]));
    assert.equal(found.get('harmless'), undefined);
    assert.match(found.get('harmful') ?? '', /is refused$/);
  });

  test('whose text is not in the source, or twice, is an error', () => {
    assert.throws(() => planted(HARMLESS, 'something else'), /"harmless": its text stands 0 times/);
    assert.throws(() => planted(HARMLESS, `${HARMLESS.find} ${HARMLESS.find}`), /stands 2 times/);
  });

  test('that is no program is an error: every suite would find it', () => {
    assert.throws(
      () => planted({ ...HARMLESS, replace: 'export const' }, HARMLESS.find),
      /"harmless": it is no program/,
    );
  });

  test('has a name of its own, and a place in the sources', () => {
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
    for (const mutant of MUTANTS)
      planted(mutant, readFileSync(new URL(`../../src/${mutant.file}`, import.meta.url), 'utf8'));
  });
});

test('the suites find every fault of key, fingerprint, body and execution', async () => {
  const verdicts = await judgeAll(CORE_MUTANTS, () => undefined);
  assert.equal(verdicts.length, CORE_MUTANTS.length);
  const survivors = verdicts.filter(({ caughtBy }) => caughtBy === undefined);
  assert.deepEqual(
    survivors.map(({ mutant }) => mutant.name),
    [],
  );
});
