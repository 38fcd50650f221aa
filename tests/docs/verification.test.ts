import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder, writeFiles } from '../support.ts';
import { programs, type ReferenceServer, serveReference } from './support.ts';

const program = programs('idempotency/verification.md');
const folder = writeFiles(temporaryFolder(), { 'verify.sh': program('THE SCRIPT', 'sh') });

let reference: ReferenceServer;
before(async () => {
  reference = await serveReference();
});
after(() => reference.close());

interface Verdict {
  code: number;
  kept: string[];
  broken: string[];
}

async function verify(variables: Record<string, string>): Promise<Verdict> {
  const env = { PATH: process.env.PATH ?? '', ...variables };
  const { code, stdout } = await promisify(execFile)('sh', [join(folder, 'verify.sh')], { env }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  const lines = stdout.split('\n').filter((line) => line !== '');
  const of = (word: string) => lines.filter((line) => line.startsWith(word)).map((line) => line.slice(8));
  const [kept, broken] = [of('kept'), of('BROKEN')];
  assert.equal(kept.length + broken.length, lines.length, stdout);
  return { code, kept, broken };
}

test('the reference API passes, with two accounts and a restart', async () => {
  const [AUTH, OTHER_AUTH] = [await reference.sandbox(), await reference.sandbox()];
  const { code, kept, broken } = await verify({ URL: reference.charges, AUTH, OTHER_AUTH, RESTART: 'true' });
  assert.deepEqual(broken, []);
  assert.equal(code, 0);
  assert.ok(kept.length >= 30, kept.join('\n'));
});

test('without URL or AUTH it says how it is used', async () => {
  assert.equal((await verify({ URL: reference.charges })).code, 2);
});

/** An API with a defect, and words of the lines that have to name it. */
const DEFECTS: [name: string, key: (header: string | undefined, account: string, body: string) => string, string[]][] =
  [
    ['that takes no keys', () => '', ['and the same body', 'another body with that key', 'a request without a key']],
    ['without accounts', (header) => header ?? '', ['does not see the first answer']],
    ['that names the operation by its body', (_, account, body) => account + body, ['and is another operation']],
  ];

for (const [name, keyOf, expected] of DEFECTS) {
  test(`an API ${name} does not pass`, async () => {
    const answers = new Map<string, { request: string; answer: string }>();
    const server = createServer(async (request, response) => {
      const body = await text(request);
      const key = keyOf(
        request.headers['idempotency-key'] as string | undefined,
        `${request.headers.authorization} `,
        body,
      );
      const earlier = key === '' ? undefined : answers.get(key);
      if (earlier !== undefined && earlier.request !== body) {
        response.writeHead(409).end();
        return;
      }
      const answer = earlier?.answer ?? JSON.stringify({ id: crypto.randomUUID() });
      answers.set(key, { request: body, answer });
      response.writeHead(201).end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`;
      const { code, broken } = await verify({ URL, AUTH: 'Bearer a', OTHER_AUTH: 'Bearer b' });
      assert.equal(code, 1);
      for (const words of expected) {
        assert.ok(
          broken.some((line) => line.includes(words)),
          `${words}\n${broken.join('\n')}`,
        );
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}
