import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readableAgain } from '../../src/idempotency/request.ts';

const BODY = '{"name":"Zoë"}';

/** A request whose body is read, and the same with its body. */
async function make(body: string | null = BODY): Promise<{ read: Request; again: Request }> {
  const headers = { 'Content-Type': 'application/json', 'X-Mark': '1' };
  const read = new Request('https://api.example.com/people?sort=name', { method: 'PUT', headers, body });
  return { read, again: readableAgain(read, new Uint8Array(await read.arrayBuffer())) };
}

const READERS: [name: string, read: (request: Request) => Promise<unknown>, expected: unknown][] = [
  ['text', (request) => request.text(), BODY],
  ['json', (request) => request.json(), { name: 'Zoë' }],
  ['arrayBuffer', async (request) => Buffer.from(await request.arrayBuffer()).toString(), BODY],
  ['bytes', async (request) => Buffer.from(await request.bytes()).toString(), BODY],
  ['blob', async (request) => (await request.blob()).text(), BODY],
  ['body', async (request) => new Response(request.body).text(), BODY],
  ['clone', async (request) => request.clone().text(), BODY],
];

describe('a request whose body was read is readable again', () => {
  for (const [name, read, expected] of READERS) {
    test(`by ${name}, as often as any other`, async () => {
      const { again } = await make();
      assert.equal(again.bodyUsed, false);
      assert.deepEqual(await read(again), expected);
      assert.equal(again.bodyUsed, name !== 'clone');
      for (const [, another] of name === 'clone' ? [] : READERS)
        await assert.rejects(async () => another(again), TypeError);
    });
  }

  test('by others after something has looked at it without reading', async () => {
    for (const [name, read, expected] of READERS) {
      const { again } = await make();
      assert.equal(again.mode, 'cors');
      assert.deepEqual(await read(again), expected, name);
    }
  });

  test('with all that it is beside its body', async () => {
    const { read, again } = await make();
    assert.ok(again instanceof Request);
    const { url, method, redirect, credentials } = read;
    assert.deepEqual(
      [again.url, again.method, again.redirect, again.credentials],
      [url, method, redirect, credentials],
    );
    assert.deepEqual([...again.headers], [...read.headers]);
    assert.equal(again.signal.aborted, false);
  });

  test('as a form', async () => {
    const form = new FormData();
    form.set('name', 'Zoë');
    const read = new Request('https://api.example.com/people', { method: 'POST', body: form });
    const again = readableAgain(read, await read.bytes());
    assert.equal((await again.formData()).get('name'), 'Zoë');
  });

  test('and a clone of it is one for everybody', async () => {
    const { again } = await make();
    const forwarded = new Request('https://elsewhere.example.com/', again.clone());
    assert.deepEqual([forwarded.method, forwarded.headers.get('x-mark')], ['PUT', '1']);
    assert.equal(await forwarded.text(), BODY);
  });

  test('into bytes of one’s own', async () => {
    const { read } = await make();
    const bytes = new Uint8Array(Buffer.from('abc'));
    for (const name of ['bytes', 'arrayBuffer'] as const)
      new Uint8Array(await readableAgain(read, bytes)[name]()).fill(0);
    assert.equal(await readableAgain(read, bytes).text(), 'abc');
  });

  test('and one without a body has none, however often one looks', async () => {
    const { again } = await make(null);
    for (let time = 0; time < 2; time += 1) assert.equal(await again.text(), '');
    assert.deepEqual([again.bodyUsed, again.body], [false, null]);
  });

  test('JSON that is none is told as a request tells it', async () => {
    const { again } = await make('{');
    await assert.rejects(again.json(), SyntaxError);
  });
});
