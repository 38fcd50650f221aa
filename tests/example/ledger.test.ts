// What became of all examples, and which of them show an error.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { countOutcomes, errorPromise, ledgerLine, produces } from '../../src/example/ledger.ts';
import type { Outcome } from '../../src/example/run.ts';
import type { TopicDescriptor } from '../../src/topic/descriptor.ts';
import { kinds, outcomesOf, serve } from './support.ts';

describe('the ledger', () => {
  test('counts every example exactly once', async () => {
    const url = await serve(({ url }, response) => {
      if (url === '/dies') response.destroy();
      else response.end();
    });
    const pieces = {
      kept: 'GET /a\n---\nHTTP/1.1 200',
      broken: 'GET /a\n---\nHTTP/1.1 404',
      failed: 'GET /dies\n---\nHTTP/1.1 200',
      unbound: 'GET /{{nobody}}\n---\nHTTP/1.1 200',
      skipped: '! skip="not today"\nGET /a\n---\nHTTP/1.1 200',
    };
    const names = fc.array(fc.constantFrom(...(Object.keys(pieces) as (keyof typeof pieces)[])), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(names, async (list) => {
        const outcomes = await outcomesOf(list.map((name) => pieces[name]).join('\n---\n'), { baseUrl: url });
        const expected = list.map((name) => (name === 'unbound' ? 'failed' : name));
        assert.deepEqual(kinds(outcomes), expected);
        const { found, kept, broken, failed, skipped } = countOutcomes(outcomes);
        assert.equal(found, list.length);
        assert.equal(found, kept + broken + failed + skipped);
      }),
      { numRuns: 25 },
    );
  });

  test('is one line', () => {
    assert.equal(
      ledgerLine({ found: 1, kept: 0, broken: 1, failed: 0, skipped: 0 }),
      '1 example: 0 kept, 1 broken, 0 failed, 0 skipped',
    );
    assert.equal(ledgerLine(countOutcomes([])), '0 examples: 0 kept, 0 broken, 0 failed, 0 skipped');
  });
});

describe('an error is shown by an example that was kept, with its status and one of its codes', () => {
  const topic = (error?: TopicDescriptor['error']) => ({ topic: 'errors.GONE', error }) as TopicDescriptor;
  const kept = (status: number, body: string) =>
    ({ kind: 'kept', actual: { status, headers: [], body, ms: 1 } }) as unknown as Outcome;

  test('which errors need one', () => {
    assert.equal(errorPromise(topic()), undefined);
    assert.equal(errorPromise(topic({ status: 410, retryable: 'never', state: 'reserved' })), undefined);
    assert.deepEqual(errorPromise(topic({ status: 410, retryable: 'never' })), { statuses: [410], codes: ['GONE'] });
    const full = { status: 410, status_by_dialect: { ietf: 404 }, codes: { a: 'gone', b: 'GONE' } };
    assert.deepEqual(errorPromise(topic({ ...full, retryable: 'never' })), {
      statuses: [410, 404],
      codes: ['gone', 'GONE'],
    });
  });

  test('what shows it', () => {
    const promise = { statuses: [410, 404], codes: ['gone', 'GONE'] };
    assert.ok(produces(kept(410, '{"code":"gone"}'), promise));
    assert.ok(produces(kept(404, '{"error":[{"code":"GONE"}]}'), promise));
    assert.ok(!produces(kept(400, '{"code":"gone"}'), promise));
    assert.ok(!produces(kept(410, '{"code":"Gone"}'), promise));
    assert.ok(!produces(kept(410, '{"gone":1}'), promise));
    assert.ok(!produces(kept(410, 'gone'), promise));
    assert.ok(!produces({ ...kept(410, '{"code":"gone"}'), kind: 'broken' } as Outcome, promise));
    assert.ok(!produces(kept(410, '['.repeat(200_000) + ']'.repeat(200_000)), promise));
  });
});
