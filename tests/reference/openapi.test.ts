// The description of the API is a valid OpenAPI document, and tells everything that there is.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { readIdempotencyKey } from '../../src/idempotency/index.ts';
import { ERRORS } from '../../src/reference/errors.generated.ts';
import { codeOf, DIALECTS, type ErrorName } from '../../src/reference/errors.ts';
import { type OpenApiFacts, openApi } from '../../src/reference/openapi.ts';
import { OPERATIONS } from '../../src/reference/operations.ts';
import { RESOURCES } from '../../src/reference/routes.ts';
import { type Any, Description } from './description.ts';
import { KEYS } from './refusals.ts';
import { API, assertCommon, send, startApi } from './support.ts';

const api = await startApi();
const { url } = api;
const served = await send(url, { method: 'GET', path: `${API}/openapi.json` });

/** Errors of the reference API; those of the help server have no codes in its dialects. */
const NAMES = (Object.keys(ERRORS) as ErrorName[]).filter((name) => 'codes' in ERRORS[name]);

const document: Any = served.json;
const description = new Description(document);

const FACTS: OpenApiFacts = {
  prefix: '/api',
  version: '1.2.3',
  retentionSeconds: 60,
  policies: [],
  pageUrl: () => 'about:blank',
};

describe('the document', () => {
  test('is served to everybody, and to scripts of any page', () => {
    assert.equal(served.status, 200);
    assert.equal(served.headers.get('content-type'), 'application/json');
    assertCommon(served);
    description.assertDescribed('GET /openapi.json', served);
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document.servers, [{ url: API }]);
  });

  test('is a valid OpenAPI document', async () => {
    for (const candidate of [document, openApi(FACTS)]) {
      const { valid, errors } = await new Validator().validate(structuredClone(candidate));
      assert.ok(valid, JSON.stringify(errors, undefined, 2));
    }
  });

  test('refers only to what is in it', () => {
    const text = JSON.stringify(document);
    const references = new Set([...text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)].map(String));
    assert.ok(references.size > 50);
    for (const [, kind = '', name = ''] of text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g))
      assert.ok(Object.hasOwn(document.components[kind], name), `${kind}/${name}`);
    for (const kind of ['schemas', 'parameters', 'headers', 'examples'])
      for (const name of Object.keys(document.components[kind]))
        assert.ok(text.includes(`"#/components/${kind}/${name}"`), `nothing refers to ${kind}/${name}`);
  });

  test('tells of every path and method, and of no other', () => {
    const routes = RESOURCES.flatMap(({ path, methods }) => Object.keys(methods).map((method) => `${method} ${path}`));
    assert.deepEqual(Object.keys(OPERATIONS).toSorted(), routes.toSorted());
    const described = Object.entries<Any>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(described.toSorted(), routes.toSorted());
  });

  test('tells of every error, with an example in each dialect that is what its schema says', () => {
    const text = JSON.stringify({ ...document.paths, ...document.components.responses });
    for (const name of NAMES) {
      for (const dialect of DIALECTS) {
        assert.ok(text.includes(`"#/components/examples/${name}.${dialect}"`), `${name} is nowhere`);
        const { value } = document.components.examples[`${name}.${dialect}`];
        const schema = {
          problem: 'Problem',
          properties: 'ProblemWithProperties',
          envelope: 'ErrorEnvelope',
          ietf: 'ProblemOfDraft',
        }[dialect];
        assert.equal(description.errorsOf(['components', 'schemas', schema], value), '', `${name}.${dialect}`);
        const code = value.code ?? value.properties?.errorCode ?? value.error?.code;
        assert.equal(code, codeOf(name, dialect));
      }
    }
    assert.equal(Object.keys(document.components.examples).length, NAMES.length * DIALECTS.length);
  });

  test('has the page of every operation and error that the catalog has', () => {
    const page = (slug: string) => ({ url: `https://docs.example/help/${slug}/` });
    for (const methods of Object.values<Any>(document.paths))
      for (const { externalDocs } of Object.values<Any>(methods))
        assert.match(externalDocs.url, /\/help\/api\/[a-z-]+\/$/);
    assert.deepEqual(document.externalDocs, page('api'));
    assert.ok(!JSON.stringify(openApi(FACTS)).includes('externalDocs'));
  });

  test('says how long a key is remembered, and which operations need one', () => {
    assert.equal(document['x-idempotency'].retention_seconds, 86_400);
    assert.match(document.components.parameters['Idempotency-Key'].description, /86400 seconds/);
    const other: Any = openApi(FACTS);
    assert.equal(other['x-idempotency'].retention_seconds, 60);
    assert.match(other.components.parameters['Idempotency-Key'].description, /60 seconds/);
    const keyed = Object.values<Any>(document.paths).flatMap((methods) =>
      Object.values<Any>(methods).flatMap((operation) => ('x-idempotency' in operation ? operation.operationId : [])),
    );
    assert.deepEqual(keyed, ['createCharge', 'updateCharge']);
  });

  test('knows a key from what is none', () => {
    const { pattern } = document.components.parameters['Idempotency-Key'].schema;
    const samples = [
      ...KEYS.flatMap(([, { key }]) => (key === undefined ? [] : [key])),
      ...['a', '"a"', 'a:b/c', '"a b"', '"\\""', '"\\\\"', '"..."', '...', 'x'.repeat(255), `"${'x'.repeat(255)}"`],
      ...[
        '"a";',
        'a"',
        '"a"b"',
        'é',
        '"é"',
        'a,b',
        '(a)',
        '[a]',
        '{a}',
        'a;b',
        'a=b',
        'a\\b',
        "'a'",
        '`a`',
        '-',
        '_-.~',
      ],
    ];
    for (const sample of samples)
      assert.equal(new RegExp(pattern, 'u').test(sample), readIdempotencyKey(sample).kind === 'key', sample);
  });
});

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
