// Several `docent serve` on one store behave as one.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { type Answer, assertError, charge, newKey, newToken, read } from '../reference/support.ts';
import { project, STORES } from './stores.ts';
import { type Server, serve } from './support.ts';

const KEY_ERROR = { param: 'Idempotency-Key' };

for (const [name, start] of STORES) {
  describe(`three servers on one ${name}`, () => {
    let servers: Server[];
    let urls: [string, string, string];
    before(async () => {
      const { store } = await start();
      servers = await Promise.all(Array.from({ length: 3 }, () => serve(['--store', store], { cwd: project() })));
      urls = servers.map(({ url }) => url) as typeof urls;
    });

    test('make one sandbox, one charge and one conflict of what comes to any of them', async () => {
      const [one, two, three] = urls;
      const token = await newToken(one);
      const key = newKey();
      const first = await charge(one, { token, key });
      assert.equal(first.status, 201);
      for (const url of [two, three, one]) {
        const replayed = await charge(url, { token, key });
        assert.deepEqual([replayed.status, replayed.headers.get('idempotent-replayed')], [201, 'true']);
        assert.deepEqual(replayed.bytes, first.bytes);
        assert.equal(replayed.headers.get('location'), first.headers.get('location'));
        assert.equal((await read(url, token, first.headers.get('location') ?? '')).text, first.text);
      }
      assertError(
        await charge(three, { token, key, body: { amount: 1, currency: 'eur' } }),
        'IDEMPOTENCY_CONFLICT',
        KEY_ERROR,
      );
    });

    test('see each other at work', async () => {
      const [one, two] = urls;
      const token = await newToken(two);
      const key = newKey();
      void charge(one, { token, key, simulate: 'delay=1500' });
      let seen: Answer;
      // Until the first one has claimed the key, this is a claim as well, and given up at once.
      do seen = await charge(two, { token, key, simulate: 'error=500' });
      while (seen.status === 500);
      assertError(seen, 'IDEMPOTENCY_IN_PROGRESS', KEY_ERROR);
    });

    test('execute once what comes to all of them at the same time', async () => {
      const token = await newToken(urls[0]);
      const keys = Array.from({ length: 20 }, newKey);
      const answers = await Promise.all(keys.flatMap((key) => urls.map((url) => charge(url, { token, key }))));
      for (const answer of answers)
        if (answer.status !== 201) assertError(answer, 'IDEMPOTENCY_IN_PROGRESS', KEY_ERROR);
      const made = await Promise.all(
        keys.map(async (key) => {
          const [mine, ...theirs] = await Promise.all(urls.map((url) => charge(url, { token, key })));
          for (const their of theirs) assert.deepEqual(their.bytes, mine?.bytes);
          return mine?.json.id;
        }),
      );
      assert.equal(new Set(made).size, keys.length);
    });
  });
}
