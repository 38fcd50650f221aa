// The responses that a topic shows as JSON, in dialects that no example of it runs in, are what the reference API answers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { programs, type ReferenceServer, serveReference } from './support.ts';

let reference: ReferenceServer;
before(async () => {
  reference = await serveReference();
});
after(() => reference.close());

type Members = Record<string, unknown>;

async function post(path: string, body: Members, headers: Record<string, string> = {}): Promise<Members> {
  const response = await fetch(new URL(path, reference.charges), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Members;
}

/** What differs from server to server and from request to request is not compared; that it is there is. */
function comparable(text: string): string {
  return text
    .replace(/"(type|doc_url)":"(about:blank|https:\/\/docs\.example\.com\/help\/errors\/[a-z_]+\/)"/, '"$1":"PAGE"')
    .replace(/"req_[0-9a-f]{18}"/, '"REQUEST"')
    .replace(/ at \d{4}-\S+Z for (.*) \(request req_[0-9a-f]{18}\)/, ' for $1')
    .replace(/again in \d seconds?\./, 'again in a while.');
}

const topics: [file: string, second: Members, headers: Record<string, string>][] = [
  ['errors/IDEMPOTENCY_CONFLICT.md', { amount: 2000, currency: 'usd' }, {}],
  ['errors/IDEMPOTENCY_IN_PROGRESS.md', { amount: 1000, currency: 'usd' }, { 'Docent-Simulate': 'delay=500' }],
];

for (const [file, second, headers] of topics) {
  describe(file, () => {
    const program = programs(file);
    for (const [position, dialect] of ['properties', 'envelope'].entries()) {
      test(`in dialect ${dialect}`, async () => {
        const { token } = await post('/api/sandboxes', { dialect });
        const own = { Authorization: `Bearer ${token}`, 'Idempotency-Key': '"once"' };
        const first = post('/api/charges', { amount: 1000, currency: 'usd' }, { ...own, ...headers });
        await (Object.keys(headers).length === 0 ? first : new Promise((resolve) => setTimeout(resolve, 150)));
        const error = await post('/api/charges', second, own);
        await first;
        const shown = JSON.stringify(JSON.parse(program('DIALECTS', 'json', position)));
        assert.equal(comparable(JSON.stringify(error)), comparable(shown));
      });
    }
  });
}
