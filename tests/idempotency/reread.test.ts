// The request that a handler is given: its body has been read, and can be read again.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { idempotent } from '../../src/idempotency/index.ts';
import { memory, principal, requestOf } from './handler-bench.ts';

/** What a handler makes of its request. */
async function within<Result>(request: Request, use: (request: Request) => Promise<Result>): Promise<Result> {
  let result: { value: Result } | undefined;
  const handle = idempotent<undefined>(
    async (given) => {
      result = { value: await use(given) };
      return new Response(null, { status: 204 });
    },
    { store: memory(), principal },
  );
  await handle(request);
  assert.ok(result);
  return result.value;
}

const TEXT = { type: 'text/plain' };
const readers: Record<string, (request: Request) => Promise<unknown>> = {
  json: (request) => request.json(),
  text: (request) => request.text(),
  bytes: (request) => request.bytes(),
  arrayBuffer: async (request) => new Uint8Array(await request.arrayBuffer()),
  blob: async (request) => new Uint8Array(await (await request.blob()).arrayBuffer()),
  'its clone': (request) => request.clone().text(),
};

describe('the body of a request that a handler is given', () => {
  for (const [name, read] of Object.entries(readers)) {
    test(`is read by ${name}, as often as anybody likes, and as the platform reads it`, async () => {
      const expected = await read(requestOf({ amount: 'é 1000' }));
      await within(requestOf({ amount: 'é 1000' }), async (request) => {
        for (let time = 0; time < 2; time += 1) assert.deepEqual(await read(request), expected);
        for (const other of Object.values(readers)) await other(request);
        assert.equal(request.bodyUsed, false);
      });
    });
  }

  test('is another value each time that it is read as JSON, whoever changes one', async () => {
    const text = ' { "lines": [1],\n "amount": 1000 } ';
    const handle = idempotent<undefined>(
      async (request) => Response.json([await request.json(), await request.json(), await request.text()]),
      {
        store: memory(),
        principal,
        check: async (request) => void (await request.json()).lines.push(2),
      },
    );
    const response = await handle(requestOf(text));
    const value = { lines: [1], amount: 1000 };
    assert.deepEqual(await response.json(), [value, value, text]);
  });

  for (const text of ['null', '0', 'false', '""']) {
    test(`may be ${text} as JSON`, async () => {
      await within(requestOf(text), async (request) => {
        for (let time = 0; time < 2; time += 1) assert.deepEqual(await request.json(), JSON.parse(text));
      });
    });
  }

  for (const [what, bytes] of [
    ['with a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)],
    ['that is no UTF-8', Uint8Array.of(0x61, 0xff, 0xc3, 0x28)],
    ['that is empty', new Uint8Array()],
  ] as [string, Uint8Array][]) {
    test(`is text as the platform reads it: ${what}`, async () => {
      const expected = await requestOf(bytes, TEXT).text();
      await within(requestOf(bytes, TEXT), async (request) => {
        assert.equal(await request.text(), expected);
        assert.equal(await request.clone().text(), expected);
        assert.deepEqual(await request.bytes(), bytes);
      });
    });
  }

  test('that is no JSON is told as such, and can be read otherwise', async () => {
    await within(requestOf('{', TEXT), async (request) => {
      await assert.rejects(request.json(), { name: 'SyntaxError' });
      assert.equal(await request.text(), '{');
    });
  });

  test('is a copy each time: what is done with one does not reach the next', async () => {
    await within(requestOf('abc', TEXT), async (request) => {
      (await request.bytes()).fill(0);
      new Uint8Array(await request.arrayBuffer()).fill(0);
      ((await request.json().catch(() => request.bytes())) as Uint8Array).fill(0);
      assert.equal(await request.text(), 'abc');
    });
  });

  test('is a blob of its type, and a form with its files', async () => {
    const form = new FormData();
    form.set('amount', '1000');
    form.set('receipt', new File(['bytes'], 'receipt.txt', { type: 'text/plain' }));
    const encoded = new Response(form);
    const type = encoded.headers.get('content-type');
    const bytes = await encoded.bytes();
    const expected = await requestOf(bytes, { type }).blob();
    await within(requestOf(bytes, { type }), async (request) => {
      assert.equal((await request.blob()).type, expected.type);
      for (let time = 0; time < 2; time += 1) {
        const read = await request.formData();
        assert.equal(read.get('amount'), '1000');
        assert.equal(await (read.get('receipt') as File).text(), 'bytes');
      }
    });
    await within(requestOf('abc', TEXT), (request) => assert.rejects(request.formData(), TypeError));
  });

  test('is a stream, which there is one of; whoever reads it has used the body, and nothing else', async () => {
    await within(requestOf('abc', TEXT), async (request) => {
      assert.equal(request.body, request.body);
      assert.equal(request.bodyUsed, false);
      assert.equal(await new Response(request.body).text(), 'abc');
      assert.equal(request.bodyUsed, true);
      assert.equal(await request.text(), 'abc');
    });
    assert.equal(await within(requestOf('', TEXT), async ({ body }) => body), null);
  });
});

describe('a request that a handler is given', () => {
  test('is a Request, with the members that it had', async () => {
    const original = requestOf({ a: 1 }, { method: 'PATCH', target: '/x?y=1', headers: { 'User-Agent': 'test' } });
    await within(original, async (request) => {
      assert.ok(request instanceof Request);
      assert.equal(Object.prototype.toString.call(request), '[object Request]');
      for (const name of Object.keys(Object.getOwnPropertyDescriptors(Request.prototype)) as (keyof Request)[]) {
        if (typeof original[name] === 'function' || ['body', 'bodyUsed', 'headers', 'signal'].includes(name)) continue;
        assert.equal(request[name], original[name], name);
      }
      assert.deepEqual([...request.headers], [...original.headers]);
      assert.match(inspect(request), /^Request \{/);
    });
  });

  test('has a signal of its own, which is not aborted when the client goes away', async () => {
    const client = new AbortController();
    await within(new Request(requestOf(), { signal: client.signal }), async (request) => {
      client.abort();
      assert.equal(request.signal.aborted, false);
      assert.equal(request.signal, request.signal);
    });
  });

  test('can be made another one of, by its members or by its clone', async () => {
    await within(requestOf({ a: 1 }), async (request) => {
      for (const made of [
        new Request('https://api.example.com/other', request),
        new Request(request.clone()),
        new Request(request.clone(), { headers: { 'X-Other': 'yes' } }),
      ]) {
        assert.equal(made.method, 'POST');
        assert.deepEqual(await made.json(), { a: 1 });
      }
    });
  });

  test('has clones that share nothing with it', async () => {
    await within(requestOf({ a: 1 }), async (request) => {
      const clone = request.clone();
      clone.headers.set('X-Mine', 'yes');
      await clone.text();
      assert.deepEqual([request.headers.get('x-mine'), request.bodyUsed, clone.bodyUsed], [null, false, true]);
    });
  });

  test('is an instance of the class that a server puts in the place of Request', async () => {
    const Platform = globalThis.Request;
    class OfServer extends Platform {}
    globalThis.Request = OfServer;
    try {
      await within(requestOf({ a: 1 }), async (request) => {
        assert.deepEqual([request instanceof OfServer, request instanceof Platform], [true, true]);
        assert.deepEqual(await request.json(), { a: 1 });
      });
    } finally {
      globalThis.Request = Platform;
    }
  });

  test('is fetched by its clone', async () => {
    const server = createServer((incoming, outgoing) => incoming.pipe(outgoing));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const original = new Request(`http://127.0.0.1:${port}/`, requestOf({ a: 1 }));
    await within(original, async (request) => {
      assert.deepEqual(await (await fetch(request.clone())).json(), { a: 1 });
      await assert.rejects(fetch(request), TypeError);
    });
    server.close();
  });
});
