import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { temporaryFolder, writeFiles } from '../support.ts';
import { programs } from './support.ts';

const program = programs('idempotency/server.md');
const folder = writeFiles(temporaryFolder(), {
  'package.json': '{"type":"module"}',
  'keys.ts': program('CLAIM, COMMIT, RELEASE', 'ts'),
  'once.ts': program('CLAIM, COMMIT, RELEASE', 'ts', 1),
  'fingerprint.ts': program('THE FINGERPRINT', 'ts'),
});
const load = (name: string) => import(pathToFileURL(join(folder, name)).href);
const { claim, commit, purge, release, renew, LEASE_MS } = await load('keys.ts');
const { once } = await load('once.ts');
const { fingerprint } = await load('fingerprint.ts');

const DAY_MS = 24 * 3_600_000;
const NOW = 1_800_000_000_000;
const file = join(temporaryFolder(), 'keys.sqlite');
let db: DatabaseSync;

beforeEach(() => {
  db?.close();
  db = new DatabaseSync(file);
  db.exec('DROP TABLE IF EXISTS idempotency_key; DROP TABLE IF EXISTS charge; CREATE TABLE charge (amount INTEGER)');
  db.exec(program('THE RECORD', 'sql'));
});

const bytes = (text: string) => new TextEncoder().encode(text);
const charges = () => db.prepare('SELECT count(*) AS n FROM charge').get()?.n;

/** An effect that can be seen in the database. */
function charge() {
  db.exec('INSERT INTO charge VALUES (1000)');
  return { status: 201, headers: { Location: '/api/charges/ch_1' }, body: bytes(`charge ${charges()}\0é`) };
}

describe('a claim', () => {
  test('is granted once; then the request is in progress, and another one is a mismatch first', () => {
    assert.equal(claim(db, 'a', 'k', 'f', NOW).outcome, 'claimed');
    assert.deepEqual(claim(db, 'a', 'k', 'f', NOW + 1), { outcome: 'in-progress', retryAfterMs: LEASE_MS - 1 });
    assert.deepEqual(claim(db, 'a', 'k', 'other', NOW + 1), { outcome: 'mismatch' });
    assert.equal(claim(db, 'b', 'k', 'other', NOW + 1).outcome, 'claimed', 'another account');
  });

  test('that was abandoned is taken over by the same request only, and locks the late owner out', () => {
    const late = claim(db, 'a', 'k', 'f', NOW).owned;
    assert.deepEqual(claim(db, 'a', 'k', 'other', NOW + LEASE_MS), { outcome: 'mismatch' });
    const { owned } = claim(db, 'a', 'k', 'f', NOW + LEASE_MS);
    assert.equal(renew(db, late, NOW + LEASE_MS), false);
    assert.equal(commit(db, late, charge, NOW + LEASE_MS), undefined);
    release(db, late);
    assert.equal(charges(), 0);
    assert.equal(commit(db, owned, charge, NOW + LEASE_MS).status, 201);
    release(db, owned);
    assert.equal(claim(db, 'a', 'k', 'f', NOW + DAY_MS).outcome, 'completed', 'what is completed cannot be released');
    assert.equal(charges(), 1);
  });

  test('is kept by a heartbeat, and may be committed late when nobody took over', () => {
    const { owned } = claim(db, 'a', 'k', 'f', NOW);
    assert.equal(renew(db, owned, NOW + 2000), true);
    assert.equal(claim(db, 'a', 'k', 'f', NOW + LEASE_MS + 1999).outcome, 'in-progress');
    assert.equal(commit(db, owned, charge, NOW + LEASE_MS + 2001).status, 201);
  });
});

describe('a commit', () => {
  test('stores the answer to the byte, for a day, through a restart; a mismatch does no harm', () => {
    const { owned } = claim(db, 'a', 'k', 'f', NOW);
    commit(db, owned, charge, NOW + 10);
    db.close();
    db = new DatabaseSync(file);
    assert.equal(claim(db, 'a', 'k', 'other', NOW + 20).outcome, 'mismatch');
    const { answer } = claim(db, 'a', 'k', 'f', NOW + DAY_MS + 9);
    assert.equal(new TextDecoder().decode(answer.body), 'charge 1\0é');
    assert.deepEqual([answer.status, answer.headers], [201, { Location: '/api/charges/ch_1' }]);
    assert.equal(claim(db, 'a', 'k', 'other', NOW + DAY_MS + 10).outcome, 'claimed', 'expired, though not purged');
  });

  test('whose effect fails changes nothing, and the key can be released', () => {
    const { owned } = claim(db, 'a', 'k', 'f', NOW);
    const fails = () => {
      charge();
      throw new Error('disk');
    };
    assert.throws(() => commit(db, owned, fails, NOW), /disk/);
    assert.equal(charges(), 0);
    release(db, owned);
    assert.equal(claim(db, 'a', 'k', 'other', NOW).outcome, 'claimed');
  });
});

test('the purge deletes what has expired, in batches', () => {
  for (const key of ['1', '2', '3']) claim(db, 'a', key, 'f', NOW);
  const { owned } = claim(db, 'a', '4', 'f', NOW + 1);
  assert.deepEqual([purge(db, 2, NOW + DAY_MS), purge(db, 2, NOW + DAY_MS), purge(db, 2, NOW + DAY_MS)], [2, 1, 0]);
  assert.ok(renew(db, owned, NOW + DAY_MS));
});

describe('a request with a key', () => {
  const text = ({ body }: { body: Uint8Array }) => new TextDecoder().decode(body);

  test('executes once, however many come at the same time and afterwards', async () => {
    const slowly = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return charge;
    };
    const answers = await Promise.all(Array.from({ length: 5 }, () => once(db, 'a', 'k', 'f', slowly)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 409, 409, 409, 409],
    );
    assert.equal(answers[1].headers['Retry-After'], '3');
    assert.match(text(answers[1]), /idempotency_in_progress/);
    const replay = await once(db, 'a', 'k', 'f', slowly);
    assert.deepEqual(
      [replay.status, replay.headers['Idempotent-Replayed'], text(replay)],
      [201, 'true', text(answers[0])],
    );
    assert.match(text(await once(db, 'a', 'k', 'other', slowly)), /idempotency_conflict/);
    assert.equal(charges(), 1);
  });

  test('that fails leaves the key free', async () => {
    await assert.rejects(
      once(db, 'a', 'k', 'f', async () => {
        throw new Error('no connection');
      }),
      /no connection/,
    );
    assert.equal((await once(db, 'a', 'k', 'f', async () => charge)).status, 201);
  });
});

test('a fingerprint tells requests apart, and forgives the spelling of JSON', () => {
  const of = (body: string, target = '/api/charges', type = 'application/json', method = 'POST') =>
    fingerprint(method, target, type, bytes(body));
  const same = of('{"amount":1000,"note":{"b":1,"a":[1,2]}}');
  assert.equal(of('{ "note": {"a": [1, 2], "b": 1.0},\n"amount": 1e3 }'), same);
  const others = [
    of('{"amount":1000,"note":{"b":1,"a":[2,1]}}'),
    of('{"amount":"1000","note":{"b":1,"a":[1,2]}}'),
    of('{"amount":1000,"note":{"b":1,"a":[1,2]}}', '/api/charges?x=1'),
    of('{"amount":1000,"note":{"b":1,"a":[1,2]}}', '/api/charges', 'text/plain'),
    of('{ "amount":1000,"note":{"b":1,"a":[1,2]}}', '/api/charges', 'text/plain'),
    of('{"amount":1000,"note":{"b":1,"a":[1,2]}}', '/api/charges', 'application/json', 'PATCH'),
  ];
  assert.equal(new Set([same, ...others]).size, others.length + 1);
  assert.throws(() => fingerprint('POST', '/', 'application/json', new Uint8Array([0x22, 0xff, 0x22])));
});
