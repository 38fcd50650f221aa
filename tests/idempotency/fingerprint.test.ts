import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FingerprintedRequest, fingerprintOf } from '../../src/idempotency/index.ts';

const REQUEST: FingerprintedRequest = {
  method: 'POST',
  target: '/api/charges?expand=customer',
  contentType: 'application/json',
  body: '{"amount":1000}',
};
const bytes = (text: string) => new TextEncoder().encode(text);

test('a fingerprint is the SHA-256 of the parts, each but the last after its length', async () => {
  const text = '4:POST28:/api/charges?expand=customer16:application/json{"amount":1000}';
  assert.equal(await fingerprintOf(REQUEST), createHash('sha256').update(text).digest('hex'));
});

test('it is the same one where there is only WebCrypto', async (t) => {
  t.mock.property(process, 'getBuiltinModule', undefined);
  // Another address, another instance of the module.
  const address = new URL('../../src/idempotency/fingerprint.ts?web', import.meta.url).href;
  const elsewhere: typeof import('../../src/idempotency/fingerprint.ts') = await import(address);
  assert.equal(await elsewhere.fingerprintOf(REQUEST), await fingerprintOf(REQUEST));
});

for (const change of [
  { method: 'PATCH' },
  { method: 'post' },
  { target: '/api/charges' },
  { target: '/api/charges?expand=Customer' },
  { target: '/api/charges/?expand=customer' },
  { contentType: 'text/plain' },
  { contentType: '' },
  { contentType: 'application/json;charset=utf-8' },
  { body: '{"amount":1001}' },
  { body: '' },
  { body: '{"amount":1000}\n' },
] as Partial<FingerprintedRequest>[]) {
  test(`${JSON.stringify(change)} makes it another request`, async () => {
    assert.notEqual(await fingerprintOf({ ...REQUEST, ...change }), await fingerprintOf(REQUEST));
  });
}

for (const change of [
  { body: bytes(REQUEST.body as string) },
  { contentType: 'Application/JSON' },
  { contentType: ' application/json ' },
]) {
  test(`${JSON.stringify(change).slice(0, 50)} does not`, async () => {
    assert.equal(await fingerprintOf({ ...REQUEST, ...change }), await fingerprintOf(REQUEST));
  });
}

test('the parameters of a media type keep their values, but not the white space and case of their names', async () => {
  const of = (contentType: string) => fingerprintOf({ ...REQUEST, contentType });
  assert.equal(await of('multipart/form-data; Boundary=aB'), await of('multipart/form-data;boundary=aB'));
  assert.notEqual(await of('multipart/form-data; boundary=ab'), await of('multipart/form-data;boundary=aB'));
});

test('no two requests have one fingerprint because bytes have moved from a part to the next', async () => {
  // Text that looks like a length is the likeliest to collide.
  const part = fc.string({ unit: fc.constantFrom('a', ':', '0', '1', '2'), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(part, part, part, fc.nat(6), async (method, target, body, at) => {
      const a = { method, target, contentType: '', body };
      const all = `${method}${target}${body}`;
      const cut = Math.min(at, all.length);
      const b = { method: all.slice(0, cut), target: all.slice(cut), contentType: '', body: '' };
      const same = a.method === b.method && a.target === b.target && a.body === b.body;
      assert.equal((await fingerprintOf(a)) === (await fingerprintOf(b)), same);
    }),
  );
});

test('bytes of a body count as they are', async () => {
  const of = (...body: number[]) => fingerprintOf({ ...REQUEST, contentType: '', body: Uint8Array.from(body) });
  assert.notEqual(await of(0xff), await of(0xfe));
  assert.notEqual(await of(0), await of(0, 0));
  assert.notEqual(await of(), await of(0));
});
