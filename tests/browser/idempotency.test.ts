// The idempotency library where there is nothing but web standards: the nearest thing to a Worker that can be had here is a browser.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rolldown } from 'rolldown';
import { derivedKey, fingerprintOf, keyTag } from '../../src/idempotency/index.ts';
import { ROOT, temporaryFolder, writeFiles } from '../cli/support.ts';
import { openPage, useBrowser } from './support.ts';

type Library = typeof import('../../src/idempotency/index.ts') &
  typeof import('../../src/idempotency/stores/memory.ts');

const ENTRY = ['index.ts', 'stores/memory.ts']
  .map((path) => `export * from ${JSON.stringify(join(ROOT, 'src', 'idempotency', path))};`)
  .join('\n');

let server: Server;

useBrowser();
before(async () => {
  const folder = writeFiles(temporaryFolder(), { 'entry.ts': ENTRY });
  const bundle = await rolldown({ input: join(folder, 'entry.ts'), platform: 'browser', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'iife', name: 'library' });
  await bundle.close();
  const page = `<!doctype html><title>library</title><link rel="icon" href="data:,"><script>${output[0].code}</script>`;
  server = createServer((_, response) =>
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test('executes once, repeats, refuses and hashes in a browser as in Node', async () => {
  const { page, complaints } = await openPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const found = await page.evaluate(async () => {
    const { idempotent, jsonReply, MemoryStore, fingerprintOf, keyTag, derivedKey } = (
      globalThis as unknown as { library: Library }
    ).library;
    let calls = 0;
    const handle = idempotent(
      async (request, { transaction, key }) => {
        calls += 1;
        const { amount } = await request.json();
        return transaction(() => jsonReply(201, { amount, key, calls }, { Location: '/charges/1' }));
      },
      { store: new MemoryStore(), principal: () => 'alice' },
    );
    const answers: unknown[] = [];
    for (const [key, body] of [
      ['"a"', '{"amount": 1000}'],
      ['a', '{"amount": 1e3}'],
      ['a', '{"amount": 2000}'],
      ['"a', '{"amount": 2000}'],
      ['b', '{"amount": 1, "amount": 2}'],
    ] as const) {
      const headers = { 'Idempotency-Key': key, 'Content-Type': 'application/json' };
      const response = await handle(new Request('/charges', { method: 'POST', headers, body }));
      const { code, ...rest } = await response.json();
      answers.push([response.status, response.headers.get('idempotent-replayed'), code ?? rest]);
    }
    const hashes = [
      await fingerprintOf({ method: 'POST', target: '/x?é', contentType: 'a/b', body: 'é\0' }),
      await keyTag({ principal: 'p', key: 'k' }),
      await keyTag({ principal: 'p', key: 'k' }, 'pepper'),
      await derivedKey({ principal: 'p', key: 'k' }, 'f', 'charge'),
    ];
    return { answers, hashes };
  });
  assert.deepEqual(complaints, []);
  const made = { amount: 1000, key: 'a', calls: 1 };
  assert.deepEqual(found.answers, [
    [201, null, made],
    [201, 'true', made],
    [409, null, 'idempotency_conflict'],
    [400, null, 'idempotency_key_invalid'],
    [400, null, 'json_duplicate_member'],
  ]);
  assert.deepEqual(found.hashes, [
    await fingerprintOf({ method: 'POST', target: '/x?é', contentType: 'a/b', body: 'é\0' }),
    await keyTag({ principal: 'p', key: 'k' }),
    await keyTag({ principal: 'p', key: 'k' }, 'pepper'),
    await derivedKey({ principal: 'p', key: 'k' }, 'f', 'charge'),
  ]);
});
