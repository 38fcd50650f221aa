// The reference API, or the same handler without idempotency: `charges-server.ts with|without|grouped FILE`. Prints its URL, with a token as
// the fragment.
import { DatabaseSync } from 'node:sqlite';
import { listen } from '../../src/http/listen.ts';
import { GroupCommit, transaction } from '../../src/idempotency/stores/sqlite-transaction.ts';
import { createReferenceApi } from '../../src/reference/api.ts';
import { newId } from '../../src/reference/ledger.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import { checkCharge } from '../../src/reference/parameters.ts';
import { JSON_ONLY, readBody, readObject, readSimulation, requireMediaType } from '../../src/reference/request.ts';

const [mode, path] = process.argv.slice(2) as [string, string];
const ledger = new SqliteLedger(path);
const db = new DatabaseSync(path);
db.exec('PRAGMA synchronous = FULL');
const insert = db.prepare('INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?)');
const group = new GroupCommit(db);
const sandbox = await ledger.createSandbox('problem');
const api = createReferenceApi({
  open: () => new SqliteLedger(path, { chargesPerSandbox: Number.MAX_SAFE_INTEGER }),
  prefix: '/api',
  pageUrl: (slug) => slug,
  report: console.error,
  limits: { requestsPerMinute: 0 },
});
const { url } = await listen(mode === 'with' ? api.answer : answerPlainly, '127.0.0.1', 0);
console.log(`${url}#${sandbox.token}`);

/**
 * Every step of the reference API but those that a key needs: the same checks, the same effect, the same durability. `grouped` shares
 * commits among requests, as the idempotency store does.
 */
async function answerPlainly(request: Request): Promise<Response> {
  const body = await readBody(request);
  const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? '';
  const account = await ledger.sandboxOf(token);
  if (account === undefined || account.expiresMs <= ledger.now()) return new Response(null, { status: 401 });
  requireMediaType(request.headers.get('content-type'), JSON_ONLY, 'Accept-Post');
  readSimulation(request.headers.get('docent-simulate'));
  const { amount, currency, description } = checkCharge(readObject(body).members);
  const charge = { id: newId('ch'), amount, currency, description, created_at: new Date().toISOString() };
  const { id, created_at } = charge;
  const effect = () => insert.run(id, account.id, amount, currency, description, created_at);
  if (mode === 'grouped') await group.submit(effect);
  else transaction(db, effect);
  return new Response(`${JSON.stringify(charge)}\n`, {
    status: 201,
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Expose-Headers':
        'Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Request-Id, Retry-After',
      'Cache-Control': 'no-store',
      'Content-Type': 'application/json',
      Link: '</api/openapi.json>; rel="service-desc"',
      Location: `/api/charges/${charge.id}`,
      'Request-Id': newId('req'),
      'X-Content-Type-Options': 'nosniff',
    },
  });
}
