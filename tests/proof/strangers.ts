// Pairs of accounts of the reference API, with the same keys or with keys that are near each other.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import pg from 'pg';
import { createClient } from 'redis';
import { createReferenceApi, type ReferenceApi } from '../../src/reference/api.ts';
import type { Ledger } from '../../src/reference/ledger.ts';
import { PostgresLedger } from '../../src/reference/ledgers/postgres.ts';
import { RedisLedger } from '../../src/reference/ledgers/redis.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import type { ProvedStore } from './stores.ts';

/** The reference API's data, beside those of a place of a store, by the store's name. */
export const LEDGERS: Record<string, (address: string) => Promise<Ledger>> = {
  sqlite: async (address) => new SqliteLedger(`${address}.ledger`),
  postgres: async (address) => {
    const pool = new pg.Pool({ connectionString: address });
    pool.on('error', () => undefined);
    return new PostgresLedger(pool);
  },
  redis: async (address) => {
    const { url, prefix }: { url: string; prefix: string } = JSON.parse(address);
    const client = createClient({ url });
    client.on('error', () => undefined);
    await client.connect();
    return new RedisLedger(client, { prefix });
  },
};

/** Printable ASCII: what headers, URLs and databases read as something else, or take for the same. */
const PIECES = [
  ..."aAb1.:/|,;'*?[]{}()$#&=+-_%~^<>@! ",
  '%2F',
  '%25',
  '..',
  './',
  '//',
  '1.0',
  '01',
  '\\',
  '"',
  'null',
];
const word = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 4 })
  .map((pieces) => pieces.join(''))
  .filter((key) => !['.', '..'].includes(key));

/** The key of one account, and that of the other. */
const keys = fc.oneof(
  word.map((key): [string, string] => [key, key]),
  fc.tuple(word, word),
  word.map((key): [string, string] => [key, `${key}/`]),
  word.map((key): [string, string] => [key, encodeURIComponent(key)]),
  word.map((key): [string, string] => [key, key.toUpperCase()]),
);

/** @throws with the shortest pair that fast-check can find, and its seed, when an account sees or disturbs another one. */
export async function proveStrangers(
  store: ProvedStore,
  { seed, pairs }: { seed: number; pairs: number },
): Promise<{ accounts: number }> {
  const place = await store.open();
  const ledger = await LEDGERS[store.name]?.(place.address);
  assert.ok(ledger, `the reference API does not stand on ${store.name}`);
  const api = createReferenceApi({
    open: () => ledger,
    prefix: '/api',
    pageUrl: () => 'about:blank',
    report: (error) => {
      throw error;
    },
    limits: { requestsPerMinute: 0, sandboxesPerHour: 0 },
  });
  try {
    const property = fc.asyncProperty(keys, async ([mine, theirs]) => {
      const [me, them] = [await Account.open(api), await Account.open(api)];
      await keepApart(me, them, mine, theirs);
    });
    await fc.assert(property, { numRuns: pairs, seed });
  } finally {
    await api.close();
    await place.close();
  }
  return { accounts: 2 * pairs };
}

class Account {
  private readonly api: ReferenceApi;
  private readonly token: string;

  private constructor(api: ReferenceApi, token: string) {
    this.api = api;
    this.token = token;
  }

  static async open(api: ReferenceApi): Promise<Account> {
    const answer = await api.answer(new Request('http://docs.example/api/sandboxes', { method: 'POST' }));
    assert.equal(answer.status, 201);
    const { token } = (await answer.json()) as { token: string };
    return new Account(api, token);
  }

  get(path: string): Promise<Response> {
    return this.api.answer(new Request(`http://docs.example/api${path}`, { headers: this.headers() }));
  }

  charge(key: string, amount: number): Promise<Response> {
    const headers = {
      ...this.headers(),
      'Content-Type': 'application/json',
      // RFC 9651 section 4.1.6.
      'Idempotency-Key': `"${key.replace(/[\\"]/g, '\\$&')}"`,
    };
    const body = JSON.stringify({ amount, currency: 'usd' });
    return this.api.answer(new Request('http://docs.example/api/charges', { method: 'POST', headers, body }));
  }

  /** What a look-up of a key says, without what is about the look-up itself. */
  async lookUp(key: string): Promise<{ status: number; document: object }> {
    const answer = await this.get(`/idempotency-keys/${encodeURIComponent(key)}`);
    const { request_id: _, instance: __, ...document } = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, document };
  }

  private headers() {
    return { Authorization: `Bearer ${this.token}` };
  }
}

async function keepApart(me: Account, them: Account, mine: string, theirs: string): Promise<void> {
  const unknown = await them.lookUp('nobody has used this one');
  assert.equal(unknown.status, 404);
  const first = await me.charge(mine, 1);
  assert.equal(first.status, 201);
  const charge = await first.text();
  // A key of somebody else's looks like one that nobody has used, whoever asks with which one.
  assert.deepEqual(await them.lookUp(mine), unknown);
  assert.deepEqual(await them.lookUp(theirs), unknown);
  if (mine !== theirs) assert.deepEqual(await me.lookUp(theirs), unknown);
  const { id } = JSON.parse(charge) as { id: string };
  assert.equal((await them.get(`/charges/${id}`)).status, 404);
  const other = await them.charge(theirs, 2);
  assert.deepEqual([other.status, other.headers.get('idempotent-replayed')], [201, null]);
  assert.notEqual(((await other.json()) as { id: string }).id, id);
  const again = await me.charge(mine, 1);
  assert.deepEqual([again.headers.get('idempotent-replayed'), await again.text()], ['true', charge]);
  assert.deepEqual([(await me.lookUp(mine)).status, (await them.lookUp(theirs)).status], [200, 200]);
  const { data } = (await (await me.get('/charges')).json()) as { data: { id: string }[] };
  assert.deepEqual(
    data.map((each) => each.id),
    [id],
  );
}
