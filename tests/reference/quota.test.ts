// What is asked for too often: told in time, refused without a trace, and counted for all processes on a store together.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { parseList } from 'structured-headers';
import { clientAddress, proxyList } from '../../src/http/client.ts';
import { DIALECTS, type Dialect } from '../../src/reference/errors.ts';
import type { Limits } from '../../src/reference/quota.ts';
import { temporaryFolder } from '../support.ts';
import {
  type Answer,
  API,
  assertError,
  charge,
  newKey,
  newToken,
  read,
  rows,
  send,
  startApi,
  startServer,
  type TestApi,
} from './support.ts';

const MINUTE = 60_000;

/** An API with quotas, whose clock a test holds. */
async function limited(limits: Limits): Promise<TestApi & { wait(ms: number): void }> {
  let now = Date.UTC(2026, 10, 22, 12);
  const trusted = proxyList(['127.0.0.1']);
  const api = await startApi({
    limits,
    ledger: { now: () => now },
    addressOf: (request) => clientAddress(request, trusted),
  });
  const wait = (ms: number) => {
    now += ms;
  };
  return { ...api, wait };
}

/** The one item of a header field: its string, and its parameters. */
function itemOf({ headers }: Answer, field: string): [string, Record<string, unknown>] | undefined {
  const value = headers.get(field);
  if (value === null) return undefined;
  const [item, ...others] = parseList(value);
  assert.deepEqual(others, []);
  const [name, parameters] = item as [string, Map<string, unknown>];
  assert.equal(typeof name, 'string');
  return [name, Object.fromEntries(parameters)];
}

function assertLimit(answer: Answer, name: string, [q, w]: [number, number], [r, t]: [number, number]): void {
  assert.deepEqual(itemOf(answer, 'ratelimit-policy'), [name, { q, w }]);
  assert.deepEqual(itemOf(answer, 'ratelimit'), [name, { r, t }]);
}

function assertLimited(answer: Answer, seconds: number, expected: { dialect?: Dialect; instance?: string } = {}): void {
  const detail = assertError(answer, 'RATE_LIMITED', expected);
  assert.equal(answer.headers.get('retry-after'), String(seconds));
  assert.match(detail, new RegExp(`in ${seconds} seconds?\\.$`));
}

const list = (url: string, token: string) => read(url, token, `${API}/charges`);

/** Makes a sandbox from an address, as the trusted proxy tells it. */
const sandboxFrom = (url: string, address: string, body?: string) => {
  const headers: [string, string][] = [['X-Forwarded-For', address]];
  if (body !== undefined) headers.push(['Content-Type', 'application/json']);
  return send(url, { path: `${API}/sandboxes`, headers, ...(body === undefined ? {} : { body }) });
};

describe('the requests of a sandbox', () => {
  for (const dialect of DIALECTS) {
    test(`are counted down, refused in dialect ${dialect}, and granted anew in the next window`, async () => {
      const { url, wait } = await limited({ requestsPerMinute: 3 });
      const token = await newToken(url, dialect);
      assertLimit(await list(url, token), 'sandbox', [3, 60], [2, 60]);
      wait(1);
      assertLimit(await list(url, token), 'sandbox', [3, 60], [1, 60]);
      wait(10_000);
      assertLimit(await list(url, token), 'sandbox', [3, 60], [0, 50]);
      for (const [ms, seconds] of [
        [0, 50],
        [40_000, 10],
        [9998, 1],
      ] as const) {
        wait(ms);
        const refused = await list(url, token);
        assertLimited(refused, seconds, { dialect });
        assertLimit(refused, 'sandbox', [3, 60], [0, seconds]);
      }
      wait(1);
      assertLimit(await list(url, token), 'sandbox', [3, 60], [2, 60]);
    });
  }

  test('that are too many leave no trace: the key is free, and an answer that is stored is given later', async () => {
    const { url, path, wait } = await limited({ requestsPerMinute: 2 });
    const token = await newToken(url);
    const [done, late] = [newKey(), newKey()];
    const created = await charge(url, { token, key: done });
    await list(url, token);
    const before = rows(path);
    assertLimited(await charge(url, { token, key: late }), 60);
    assertLimited(await charge(url, { token, key: done }), 60);
    // Nothing else about them is looked at either.
    assertLimited(await charge(url, { token, key: '"', type: 'text/plain', body: '{' }), 60);
    assert.deepEqual(rows(path), before);
    wait(MINUTE);
    assert.deepEqual((await charge(url, { token, key: done })).bytes, created.bytes);
    const executed = await charge(url, { token, key: late });
    assert.deepEqual([executed.status, executed.headers.get('idempotent-replayed')], [201, null]);
  });

  test('count whatever their answer is; those of others, and those without a valid token, do not', async () => {
    const { url } = await limited({ requestsPerMinute: 6 });
    const [token, other] = [await newToken(url), await newToken(url)];
    const answers = [
      await charge(url, { token, body: '{' }),
      await charge(url, { token, key: undefined }),
      await read(url, token, `${API}/charges/ch_0`),
      await read(url, token, `${API}/charges?limit=0`, 'HEAD'),
      await charge(url, { token, simulate: 'error=500' }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 400, 404, 400, 500],
    );
    assert.deepEqual(
      answers.map((answer) => itemOf(answer, 'ratelimit')?.[1].r),
      [5, 4, 3, 2, 1],
    );
    for (const answer of [
      await read(url, token, `${API}/nothing`),
      await read(url, token, `${API}/charges`, 'DELETE'),
      await read(url, token, `${API}/charges`, 'OPTIONS'),
      await charge(url, { token: 'unknown' }),
      await charge(url, {}),
    ])
      assert.equal(answer.headers.get('ratelimit'), null, answer.text);
    assertLimit(await list(url, other), 'sandbox', [6, 60], [5, 60]);
    assertLimit(await list(url, token), 'sandbox', [6, 60], [0, 60]);
    assertLimited(await list(url, token), 60);
  });

  test('are granted as often as the quota says when they all come at once, and never more often', async () => {
    for (const requestsPerMinute of [1, 7, 20, 50]) {
      const { url } = await limited({ requestsPerMinute });
      const token = await newToken(url);
      const answers = await Promise.all(Array.from({ length: 60 }, () => list(url, token)));
      assert.equal(answers.filter(({ status }) => status === 200).length, requestsPerMinute);
      for (const answer of answers) if (answer.status !== 200) assertLimited(answer, 60);
      const remaining = answers.flatMap((answer) =>
        answer.status === 200 ? [itemOf(answer, 'ratelimit')?.[1].r] : [],
      );
      assert.deepEqual(
        remaining.toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: requestsPerMinute }, (_, index) => index),
      );
    }
  });

  test('seldom wait for the store: a process takes a twentieth ahead', async () => {
    const { url, path } = await limited({ requestsPerMinute: 100 });
    const token = await newToken(url);
    const spent: number[] = [];
    for (let index = 0; index < 11; index += 1) {
      await list(url, token);
      spent.push(spentIn(path));
    }
    assert.deepEqual(spent, [5, 5, 5, 5, 5, 10, 10, 10, 10, 10, 15]);
  });

  test('of several processes on one store together are never more than the quota', async () => {
    const path = join(temporaryFolder(), 'reference.sqlite');
    const limits = { requestsPerMinute: 100 };
    const servers = await Promise.all([1, 2, 3].map(() => startServer({ path, limits })));
    const [{ url: first } = { url: '' }] = servers;
    const token = await newToken(first);
    let granted = 0;
    let refused = 0;
    await Promise.all(
      servers.map(async ({ url }) => {
        for (let index = 0; index < 60; index += 1) {
          const { status } = await list(url, token);
          if (status === 200) granted += 1;
          if (status === 429) refused += 1;
        }
      }),
    );
    assert.ok(granted <= 100, `${granted} were granted`);
    assert.ok(refused > 0 && granted > 0);
  });

  test('are granted while the store cannot count: what can be read is read, and counted again later', async () => {
    const { url, path, wait, reported } = await limited({ requestsPerMinute: 2 });
    const token = await newToken(url);
    const stranger = new DatabaseSync(path);
    stranger.exec('BEGIN IMMEDIATE');
    for (let index = 0; index < 5; index += 1) {
      const answer = await list(url, token);
      assert.deepEqual([answer.status, answer.headers.get('ratelimit')], [200, null], answer.text);
    }
    assert.deepEqual(reported, []);
    stranger.exec('ROLLBACK');
    stranger.close();
    wait(5000);
    assertLimit(await list(url, token), 'sandbox', [2, 60], [1, 60]);
  });

  test('are not limited where the limit is 0', async () => {
    const { url, path } = await limited({ requestsPerMinute: 0 });
    const token = await newToken(url);
    const answers = await Promise.all(Array.from({ length: 50 }, () => list(url, token)));
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('ratelimit-policy'), null);
    }
    assert.equal(spentIn(path, 'sandbox'), 0);
  });

  test('are 600 in a minute unless somebody says otherwise', async () => {
    const { url } = await limited({});
    const token = await newToken(url);
    assertLimit(await list(url, token), 'sandbox', [600, 60], [599, 60]);
  });
});

describe('the sandboxes of an address', () => {
  const instance = `${API}/sandboxes`;

  test('are counted down, refused, and granted anew in the next window', async () => {
    const { url, wait } = await limited({ sandboxesPerHour: 2 });
    assertLimit(await sandboxFrom(url, '192.0.2.1'), 'address', [2, 3600], [1, 3600]);
    assertLimit(await sandboxFrom(url, '192.0.2.1'), 'address', [2, 3600], [0, 3600]);
    wait(3_500_000);
    const refused = await sandboxFrom(url, '192.0.2.1');
    assertLimited(refused, 100, { instance });
    assertLimit(refused, 'address', [2, 3600], [0, 100]);
    assertLimit(await sandboxFrom(url, '192.0.2.2'), 'address', [2, 3600], [1, 3600]);
    wait(100_000);
    assert.equal((await sandboxFrom(url, '192.0.2.1')).status, 201);
  });

  test('count when they are made, not when the request is wrong', async () => {
    const { url } = await limited({ sandboxesPerHour: 1 });
    for (const body of ['{', '[]', '{"dialect":"xml"}'])
      assert.equal((await sandboxFrom(url, '192.0.2.1', body)).headers.get('ratelimit'), null);
    assert.equal((await sandboxFrom(url, '192.0.2.1', '{"dialect":"ietf"}')).status, 201);
    assertLimited(await sandboxFrom(url, '192.0.2.1'), 3600, { instance });
  });

  test('are those of the connection where no proxy is trusted', async () => {
    const { url } = await startApi({ limits: { sandboxesPerHour: 1 }, addressOf: clientAddress });
    assert.equal((await sandboxFrom(url, '192.0.2.1')).status, 201);
    assert.equal((await sandboxFrom(url, '192.0.2.2')).status, 429);
  });

  test('of those who have hung up are counted together', async () => {
    const { url } = await startApi({ limits: { sandboxesPerHour: 1 }, addressOf: () => undefined });
    assert.equal((await sandboxFrom(url, '192.0.2.1')).status, 201);
    assert.equal((await sandboxFrom(url, '192.0.2.2')).status, 429);
  });

  test('are not limited where nobody knows addresses, or the limit is 0', async () => {
    const { url: blind } = await startApi({ limits: { sandboxesPerHour: 1 } });
    const { url: free } = await limited({ sandboxesPerHour: 0 });
    for (const url of [blind, free])
      for (let index = 0; index < 5; index += 1) assert.equal((await sandboxFrom(url, '192.0.2.1')).status, 201);
  });

  test('are 1000 in an hour unless somebody says otherwise', async () => {
    const { url } = await limited({});
    assertLimit(await sandboxFrom(url, '192.0.2.1'), 'address', [1000, 3600], [999, 3600]);
  });
});

/** What is counted in the store, of all buckets of a kind. */
function spentIn(path: string, kind = 'sandbox'): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const sql = 'SELECT coalesce(sum(spent), 0) AS spent FROM quota WHERE bucket LIKE ?';
    return db.prepare(sql).get(`${kind}:%`)?.spent as number;
  } finally {
    db.close();
  }
}
