// The program that looks a key up, as the topic on troubleshooting shows it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { temporaryFolder, writeFiles } from '../support.ts';
import { programs, type ReferenceServer, serveReference } from './support.ts';

let reference: ReferenceServer;
before(async () => {
  reference = await serveReference();
});
after(() => reference.close());

test('what happened under a key is told: nothing, or the request and its status', async () => {
  const api = new URL('.', reference.charges).href.replace(/\/$/, '');
  const shown = programs('idempotency/troubleshooting.md')('LOOKING UP THE ORIGINAL', 'js');
  const folder = writeFiles(temporaryFolder(), {
    'look-up.mjs': `const api = ${JSON.stringify(api)};\n${shown}\nexport { whatHappened };\n`,
  });
  const { whatHappened } = await import(pathToFileURL(`${folder}/look-up.mjs`).href);
  const authorization = await reference.sandbox();
  const token = authorization.slice('Bearer '.length);
  const key = 'order 4711/a "b" 50%';
  assert.deepEqual(await whatHappened(key, token), { state: 'nothing' });
  const response = await fetch(reference.charges, {
    method: 'POST',
    headers: {
      Authorization: authorization,
      'Content-Type': 'application/json',
      'Idempotency-Key': JSON.stringify(key),
    },
    body: '{"amount": 1000, "currency": "usd"}',
  });
  const { state, method, path, status, request_id: requestId } = await whatHappened(key, token);
  assert.deepEqual([state, method, path, status], ['completed', 'POST', '/api/charges', response.status]);
  assert.equal(requestId, response.headers.get('request-id'));
  await assert.rejects(whatHappened(key, 'unknown'), /401/);
});
