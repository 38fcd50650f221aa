// Several `docent serve` on one store behave as one.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, API, charge, newKey, newToken, read } from '../reference/support.ts';
import { project, STORES } from './stores.ts';
import { type Server, serve } from './support.ts';

/** What every request with the token of a sandbox is counted against, by default. In a minute. */
const REQUESTS = 600;

for (const [name, start] of STORES) {
  describe(`servers on one ${name}`, () => {
    let store: string;
    let servers: Server[];
    let urls: [string, string, string];
    before(async () => {
      ({ store } = await start());
      // All of them find nothing there, and only one of them can make the tables.
      servers = await Promise.all(Array.from({ length: 3 }, () => serve(['--store', store], { cwd: project() })));
      urls = servers.map(({ url }) => url) as typeof urls;
    });

    const lookUp = (url: string, token: string, key: string) =>
      read(url, token, `${API}/idempotency-keys/${encodeURIComponent(JSON.parse(key))}`);

    test('replay, look up and read what was charged through another, and find the same conflict', async () => {
      const [one, two, three] = urls;
      const token = await newToken(one);
      const key = newKey();
      const first = await charge(one, { token, key });
      assert.equal(first.status, 201);
      const place = first.headers.get('location') ?? '';
      for (const url of [two, three, one]) {
        const replayed = await charge(url, { token, key });
        assert.deepEqual([replayed.status, replayed.headers.get('idempotent-replayed')], [201, 'true']);
        assert.deepEqual(replayed.bytes, first.bytes);
        assert.equal(replayed.headers.get('location'), place);
        assert.equal((await read(url, token, place)).text, first.text);
        const { state, status, request_id } = (await lookUp(url, token, key)).json;
        assert.deepEqual([state, status, request_id], ['completed', 201, first.headers.get('request-id')]);
        assertRefused(await charge(url, { token, key, body: { amount: 1, currency: 'eur' } }), 'idempotency_conflict');
      }
    });

    test('see each other at work', async () => {
      const [one, two, three] = urls;
      const token = await newToken(two);
      const key = newKey();
      const slow = charge(one, { token, key, simulate: 'delay=3000' });
      while ((await lookUp(two, token, key)).status === 404) await sleep(10);
      assert.equal((await lookUp(three, token, key)).json.state, 'in_progress');
      const refused = await charge(three, { token, key });
      assertRefused(refused, 'idempotency_in_progress');
      assert.match(refused.headers.get('retry-after') ?? '', /^[1-3]$/);
      assertRefused(await charge(two, { token, key, body: { amount: 1, currency: 'eur' } }), 'idempotency_conflict');
      const { status, bytes } = await slow;
      assert.equal(status, 201);
      assert.deepEqual((await charge(two, { token, key })).bytes, bytes);
    });

    test('execute once what comes to all of them at the same time', async () => {
      const token = await newToken(urls[0]);
      const keys = Array.from({ length: 15 }, newKey);
      const answers = await Promise.all(keys.flatMap((key) => urls.map((url) => charge(url, { token, key }))));
      for (const answer of answers) if (answer.status !== 201) assertBusy(answer);
      const made = new Set<string>();
      for (const key of keys) {
        const again = await Promise.all(urls.map((url) => settled(() => charge(url, { token, key }))));
        for (const { bytes } of again) assert.deepEqual(bytes, again[0]?.bytes);
        made.add(again[0]?.json.id);
      }
      assert.equal(made.size, keys.length);
      assert.equal((await chargesOf(urls[1], token)).length, keys.length);
    });

    test('count one quota together', async () => {
      const token = await newToken(urls[0]);
      let granted = 0;
      // More than is granted, from all of them in turn.
      for (let round = 0; round < (REQUESTS + 60) / 60; round += 1) {
        const answers = await Promise.all(
          Array.from({ length: 60 }, (_, index) => read(urls[index % 3] as string, token, `${API}/charges`)),
        );
        granted += answers.filter(({ status }) => status === 200).length;
        for (const { status } of answers) assert.ok(status === 200 || status === 429, String(status));
      }
      assert.ok(granted <= REQUESTS, `${granted} were granted`);
      assert.ok(granted >= REQUESTS / 2, `only ${granted} were granted`);
    });

    test('take over, within the lease, from one that kill -9 has met at work', async () => {
      const [one] = urls;
      const victim = await serve(['--store', store], { cwd: project() });
      const token = await newToken(one);
      const key = newKey();
      const broken = assert.rejects(charge(victim.url, { token, key, simulate: 'delay=5000' }));
      while ((await lookUp(one, token, key)).status === 404) await sleep(10);
      await victim.kill();
      await broken;
      const refused = await charge(one, { token, key });
      assertRefused(refused, 'idempotency_in_progress');
      await sleep(Number(refused.headers.get('retry-after')) * 1000);
      const executed = await charge(one, { token, key });
      assert.deepEqual([executed.status, executed.headers.get('idempotent-replayed')], [201, null], executed.text);
      assert.equal((await chargesOf(one, token)).length, 1);
      assert.deepEqual((await charge(urls[2], { token, key })).bytes, executed.bytes);
    });

    test('end in order, with what is under way', async () => {
      const leaving = await serve(['--store', store], { cwd: project() });
      const token = await newToken(leaving.url);
      const key = newKey();
      const slow = charge(leaving.url, { token, key, simulate: 'delay=1000' });
      while ((await lookUp(urls[0], token, key)).status === 404) await sleep(10);
      assert.equal(await leaving.stop(), 0);
      assert.deepEqual((await charge(urls[0], { token, key })).bytes, (await slow).bytes);
    });

    test('have nothing to complain about', () => {
      // One that waits for the lock of a file for too long says so, and that is all.
      for (const server of servers)
        assert.doesNotMatch(server.errors(), /^(?!docent: \w+ \S+: database is locked$).+/m);
    });
  });
}

function assertRefused(answer: Answer, code: string): void {
  assert.deepEqual([answer.status, answer.json?.code], [409, code], answer.text);
}

/** A lock that another process has held for too long is no execution either. */
function assertBusy(answer: Answer): void {
  if (answer.status !== 503) assertRefused(answer, 'idempotency_in_progress');
}

/** Sends a request again until nothing is in its way. */
async function settled(sendIt: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await sendIt();
    if (answer.status === 201) return answer;
    assertBusy(answer);
    await sleep(50);
  }
}

async function chargesOf(url: string, token: string): Promise<unknown[]> {
  return (await read(url, token, `${API}/charges?limit=100`)).json.data;
}
