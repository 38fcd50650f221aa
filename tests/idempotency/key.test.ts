import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import fc from 'fast-check';
import { KEY_LIMIT, type KeyOutcome, readIdempotencyKey } from '../../src/idempotency/index.ts';

const UUID = '8e03978e-40d5-43e8-bc93-6894a57f9324';
const keyOf = (header: string | null) => {
  const outcome = readIdempotencyKey(header);
  return outcome.kind === 'key' ? outcome.key : undefined;
};

describe('an Idempotency-Key', () => {
  for (const [header, key] of [
    [`"${UUID}"`, UUID],
    [UUID, UUID],
    ['"a"', 'a'],
    ['a', 'a'],
    ['  "a"  ', 'a'],
    ['\t a \t', 'a'],
    ['"order 4711, again; really?"', 'order 4711, again; really?'],
    ['"say \\"hi\\""', 'say "hi"'],
    ['"C:\\\\temp"', 'C:\\temp'],
    ['" "', ' '],
    ['"..."', '...'],
    ['"./"', './'],
    ['urn:uuid:1/2', 'urn:uuid:1/2'],
    ["!#$%&'*+-.^_`|~", "!#$%&'*+-.^_`|~"],
    ['1', '1'],
    ['1.50', '1.50'],
    [':YQ:', ':YQ:'],
    [`"${'x'.repeat(KEY_LIMIT)}"`, 'x'.repeat(KEY_LIMIT)],
    ['x'.repeat(KEY_LIMIT), 'x'.repeat(KEY_LIMIT)],
    [`"${'\\"'.repeat(KEY_LIMIT)}"`, '"'.repeat(KEY_LIMIT)],
  ] as const) {
    test(`${header.slice(0, 40)} is the key ${key.slice(0, 40)}`, () => {
      assert.deepEqual(readIdempotencyKey(header), { kind: 'key', key });
    });
  }

  for (const [header, why] of [
    ['', /is empty/],
    ['   ', /is empty/],
    ['""', /is empty/],
    ['"', /not closed/],
    ['"a', /not closed/],
    ['"a\\"', /not closed/],
    ['a"', /quotes/],
    ['"a"b', /follows the closing quote/],
    ['"a" "b"', /follows the closing quote/],
    ['"a"; version=1', /parameters/],
    ['"a";v', /parameters/],
    ['"a";', /follows the closing quote/],
    ['a;v=1', /quotes/],
    ['"a", "b"', /several/],
    ['"a","a"', /several/],
    ['a, b', /several/],
    ['a,a', /several/],
    ['a, "b"', /several/],
    ['"a", ', /several/],
    [', "a"', /several/],
    ['("a" "b")', /quotes/],
    ['a b', /quotes/],
    ["'a b'", /quotes/],
    ['"a\\b"', /backslash/],
    ['"tab\there"', /tab/],
    ['"line\nbreak"', /printable ASCII/],
    ['"nul\0"', /printable ASCII/],
    ['"del\x7f"', /printable ASCII/],
    ['"ké"', /printable ASCII/],
    ['ké', /printable ASCII/],
    ['"日本"', /printable ASCII/],
    ['"a"\u00a0', /printable ASCII/],
    ['\u00a0a', /printable ASCII/],
    ['a\0', /printable ASCII/],
    ['.', /URL/],
    ['"."', /URL/],
    ['".."', /URL/],
    ['..', /URL/],
    [`"${'x'.repeat(KEY_LIMIT + 1)}"`, /256 characters; at most 255/],
    ['x'.repeat(KEY_LIMIT + 1), /256 characters; at most 255/],
    [`"${'\\'.repeat(2 * KEY_LIMIT + 2)}"`, /256 characters/],
  ] as const) {
    test(`${JSON.stringify(header).slice(0, 40)} is refused`, () => {
      const outcome = readIdempotencyKey(header);
      assert.equal(outcome.kind, 'invalid');
      assert.match((outcome as { detail: string }).detail, why);
    });
  }

  test('that is not sent is missing', () => {
    assert.deepEqual(readIdempotencyKey(null), { kind: 'missing' });
    assert.deepEqual(readIdempotencyKey(new Headers().get('idempotency-key')), { kind: 'missing' });
  });
});

/** What RFC 9651 section 4.1.6 writes. */
const quoted = (key: string) => `"${key.replace(/["\\]/g, '\\$&')}"`;
const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index));

test('every key survives its quoted spelling', () => {
  const key = fc
    .array(fc.constantFrom(...printable), { minLength: 1, maxLength: KEY_LIMIT })
    .map((all) => all.join(''))
    .filter((key) => key !== '.' && key !== '..');
  fc.assert(fc.property(key, (key) => assert.equal(keyOf(quoted(key)), key)));
});

test('a bare key is the key of the same characters in quotes', () => {
  for (const character of printable) {
    const bare = keyOf(`k${character}k`);
    if (bare !== undefined) assert.equal(bare, keyOf(quoted(`k${character}k`)), character);
  }
  const allowedBare = printable.filter((character) => keyOf(`k${character}k`) !== undefined).join('');
  const token = "!#$%&'*+-.^_`|~";
  const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  assert.deepEqual([...allowedBare].sort(), [...`${token}${letters}:/`].sort());
});

test('no header whatsoever throws, and what is accepted is a key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (header) => {
      for (const value of [header, `"${header}"`]) {
        const outcome = readIdempotencyKey(value);
        if (outcome.kind === 'key') assert.match(outcome.key, /^[ -~]{1,255}$/);
        else assert.equal(outcome.kind, 'invalid');
      }
    }),
  );
});

test('a header that is sent in several lines is refused, as it arrives at a server', async () => {
  const server = createServer(
    getRequestListener((request) => Response.json(readIdempotencyKey(request.headers.get('idempotency-key')))),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const send = (...lines: string[]) =>
    new Promise<KeyOutcome>((resolve, reject) => {
      const headers = ['Host', 'api.example', ...lines.flatMap((line) => ['Idempotency-Key', line])];
      request({ port, host: '127.0.0.1', headers, agent: false }, async (response) => {
        resolve(JSON.parse(String(Buffer.concat(await response.toArray()))));
      })
        .on('error', reject)
        .end();
    });
  try {
    for (const lines of [
      ['"a"', '"b"'],
      ['"a"', '"a"'],
      ['a', 'a'],
      ['"a"', 'b'],
      ['', '"a"'],
    ])
      assert.equal((await send(...lines)).kind, 'invalid', lines.join(' | '));
    assert.deepEqual(await send('"a"'), { kind: 'key', key: 'a' });
    assert.equal((await send('')).kind, 'invalid');
    assert.equal((await send()).kind, 'missing');
  } finally {
    server.close();
  }
});
