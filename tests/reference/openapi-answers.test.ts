// What the description of the API promises is what the API answers: every operation, and every error that it can have, in every dialect.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StoreError } from '../../src/idempotency/index.ts';
import { codeOf, DIALECTS, type Dialect, type ErrorName, statusOf } from '../../src/reference/errors.ts';
import { SANDBOX_LIFETIME_MS } from '../../src/reference/ledger.ts';
import { OPERATIONS } from '../../src/reference/operations.ts';
import { Description } from './description.ts';
import {
  type Answer,
  API,
  CHANGE,
  CHARGE,
  type ChargeMessage,
  charge,
  chargeMessage,
  type Message,
  newKey,
  newToken,
  read,
  send,
  startApi,
} from './support.ts';

const { url } = await startApi();
const { json: document } = await send(url, { method: 'GET', path: `${API}/openapi.json` });
const description = new Description(document);
const limited = await startApi({ limits: { requestsPerMinute: 1, sandboxesPerHour: 1 }, addressOf: () => 'somebody' });
const limitedToken = await newToken(limited.url);
const failing = Object.fromEntries(
  await Promise.all(
    (['unavailable', 'full', 'a mistake'] as const).map(async (what) => {
      const open = () => {
        throw what === 'a mistake' ? new Error(what) : new StoreError(what, what, undefined);
      };
      return [what, (await startApi({ open })).url] as const;
    }),
  ),
) as Record<'unavailable' | 'full' | 'a mistake', string>;

/** A request of an operation that is as it has to be, but for what is given. */
function messageOf(name: string, given: ChargeMessage, id = 'ch_0'): Message {
  const [method = '', path = ''] = name.split(' ');
  const target = `${API}${path.replace('{id}', id).replace('{key}', 'never-used')}`;
  if (method === 'GET') return { method, path: `${target}${given.path ?? ''}`, headers: authorized(given.token) };
  const patch = method === 'PATCH';
  const body = patch ? CHANGE : name === 'POST /sandboxes' ? {} : CHARGE;
  const type = patch ? 'application/merge-patch+json' : 'application/json';
  return chargeMessage({ method, type, body, ...given, path: `${target}${given.path ?? ''}` });
}

function authorized(token: string | undefined): [string, string][] {
  return token === undefined ? [] : [['Authorization', `Bearer ${token}`]];
}

/** What is wrong with a request that gets an error; the rest of it is right. */
const WRONG: Partial<Record<ErrorName, ChargeMessage>> = {
  TOKEN_MISSING: { token: undefined },
  TOKEN_INVALID: { token: 'unknown' },
  CONTENT_TOO_LARGE: { body: 'x'.repeat(70_000) },
  UNSUPPORTED_MEDIA_TYPE: { type: 'text/plain' },
  JSON_INVALID: { body: '{' },
  JSON_DUPLICATE_MEMBER: { body: '{"a":1,"a":1}' },
  JSON_NUMBER_INEXACT: { body: '{"amount":9007199254740993}' },
  BODY_NOT_OBJECT: { body: '[]' },
  PARAMETER_UNKNOWN: { body: { zzz: 1 } },
  PARAMETER_INVALID: { body: { dialect: 1 } },
  PARAMETER_MISSING: { body: {} },
  PARAMETER_READ_ONLY: { body: { amount: 1 } },
  CURRENCY_UNKNOWN: { body: { amount: 1, currency: 'zzz' } },
  SIMULATION_INVALID: { simulate: '!' },
  IDEMPOTENCY_KEY_MISSING: { key: undefined },
  IDEMPOTENCY_KEY_INVALID: { key: '"' },
  QUERY_PARAMETER_UNKNOWN: { path: '?zzz=1' },
  QUERY_PARAMETER_INVALID: { path: '?limit=0' },
  CURSOR_UNKNOWN: { path: '?after=ch_0' },
  CHARGE_NOT_FOUND: {},
  IDEMPOTENCY_KEY_NOT_FOUND: {},
};

const SIMULATED: Partial<Record<ErrorName, string>> = {
  SANDBOX_FULL: 'error=403',
  INTERNAL_ERROR: 'error=500',
  STORE_UNAVAILABLE: 'error=503',
  STORE_FULL: 'error=507',
};
const FAILING: Partial<Record<ErrorName, string>> = {
  INTERNAL_ERROR: failing['a mistake'],
  STORE_UNAVAILABLE: failing.unavailable,
  STORE_FULL: failing.full,
};

/** What is wrong with the body of one operation is right in another. */
function wrongFor(name: string, error: ErrorName): ChargeMessage {
  if (error !== 'PARAMETER_INVALID') return WRONG[error] ?? {};
  if (name === 'POST /sandboxes') return { body: { dialect: 'xml' } };
  return { body: { ...(name === 'POST /charges' ? CHARGE : {}), description: 5 } };
}

/** Has an operation answer with an error. */
async function provoke(name: string, error: ErrorName, dialect: Dialect): Promise<Answer> {
  const keyed = OPERATIONS[name]?.parameters.includes('Idempotency-Key') === true;
  if (error === 'RATE_LIMITED') {
    // The one sandbox that this address may make is there already; the one request may be left.
    const first = await send(limited.url, messageOf(name, { token: limitedToken }));
    return first.status === 429 ? first : send(limited.url, messageOf(name, { token: limitedToken }));
  }
  if (error === 'TOKEN_INVALID') {
    let aheadMs = 0;
    const late = await startApi({ ledger: { now: () => Date.now() + aheadMs } });
    const token = await newToken(late.url, dialect);
    aheadMs = SANDBOX_LIFETIME_MS;
    return send(late.url, messageOf(name, { token }));
  }
  const token = await newToken(url, dialect);
  const key = newKey();
  if (error === 'IDEMPOTENCY_CONFLICT') {
    await charge(url, { token, key, body: { amount: 7, currency: 'eur' } });
    return send(url, messageOf(name, { token, key }));
  }
  if (error === 'IDEMPOTENCY_IN_PROGRESS') {
    const message = messageOf(name, { token, key, simulate: 'delay=1500' });
    const slow = send(url, message);
    let meanwhile: Answer;
    do meanwhile = await read(url, token, `${API}/idempotency-keys/${encodeURIComponent(JSON.parse(key))}`);
    while (meanwhile.status === 404);
    const answer = await send(url, messageOf(name, { token, key }));
    await slow;
    return answer;
  }
  const simulate = SIMULATED[error];
  if (simulate !== undefined && keyed) return send(url, messageOf(name, { token, key, simulate }));
  const broken = FAILING[error];
  if (broken !== undefined) return send(broken, messageOf(name, { token }));
  assert.ok(WRONG[error] !== undefined, error);
  return send(url, messageOf(name, { token, ...wrongFor(name, error) }));
}

/** Before it is known whose request it is, or where it has none. */
function isTold(name: string, error: ErrorName, dialect: Dialect): boolean {
  if (dialect === 'problem') return true;
  const keyed = OPERATIONS[name]?.parameters.includes('Idempotency-Key') === true;
  if (name === 'POST /sandboxes' || error === 'RATE_LIMITED') return false;
  if (error === 'TOKEN_MISSING' || error === 'CONTENT_TOO_LARGE') return false;
  return keyed || FAILING[error] === undefined;
}

describe('what the document promises is what is answered:', () => {
  for (const [name, { errors }] of Object.entries(OPERATIONS)) {
    for (const error of errors) {
      test(`${name} with ${error}`, async () => {
        const dialects = DIALECTS.filter((dialect) => isTold(name, error, dialect));
        const answers = await Promise.all(dialects.map((dialect) => provoke(name, error, dialect)));
        for (const [index, dialect] of dialects.entries()) {
          const answer = answers[index] as Answer;
          const { json } = answer;
          const code = json?.code ?? json?.properties?.errorCode ?? json?.error?.code;
          assert.deepEqual([answer.status, code], [statusOf(error, dialect), codeOf(error, dialect)], answer.text);
          description.assertDescribed(name, answer);
        }
      });
    }
  }

  test('every operation that does what it is for, and its replay', async () => {
    const sandbox = await send(url, messageOf('POST /sandboxes', {}));
    description.assertDescribed('POST /sandboxes', sandbox);
    const { token } = sandbox.json;
    const [key, patchKey] = [newKey(), newKey()];
    const created = await send(url, messageOf('POST /charges', { token, key }));
    for (const answer of [created, await send(url, messageOf('POST /charges', { token, key }))])
      description.assertDescribed('POST /charges', answer);
    const { id } = created.json;
    for (let count = 0; count < 2; count += 1) {
      description.assertDescribed(
        'PATCH /charges/{id}',
        await send(url, messageOf('PATCH /charges/{id}', { token, key: patchKey }, id)),
      );
      const nowhere = await send(url, messageOf('PATCH /charges/{id}', { token, key: '"nowhere"' }));
      assert.equal(nowhere.status, 404);
      description.assertDescribed('PATCH /charges/{id}', nowhere);
    }
    await charge(url, { token });
    for (const path of ['', '?limit=1']) {
      const list = await read(url, token, `${API}/charges${path}`);
      assert.equal(list.status, 200);
      description.assertDescribed('GET /charges', list);
    }
    description.assertDescribed('GET /charges/{id}', await read(url, token, `${API}/charges/${id}`));
    const found = await read(url, token, `${API}/idempotency-keys/${encodeURIComponent(JSON.parse(key))}`);
    assert.equal(found.status, 200);
    description.assertDescribed('GET /idempotency-keys/{key}', found);
  });

  test('what the API refuses as a body, the document refuses, as far as a schema can', () => {
    const schema = (name: string) => ['components', 'schemas', name];
    for (const [name, good, bad] of [
      [
        'ChargeRequest',
        [CHARGE, { ...CHARGE, description: null }],
        [{}, { ...CHARGE, amount: 0 }, { ...CHARGE, x: 1 }],
      ],
      ['ChargePatch', [{}, CHANGE, { description: null }], [{ amount: 1 }, { description: 'x'.repeat(501) }]],
      ['SandboxRequest', [{}, { dialect: 'ietf' }], [{ dialect: 'xml' }, { dialct: 'ietf' }]],
    ] as const) {
      for (const value of good) assert.equal(description.errorsOf(schema(name), value), '');
      for (const value of bad) assert.notEqual(description.errorsOf(schema(name), value), '', JSON.stringify(value));
    }
  });
});
