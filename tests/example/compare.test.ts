// A promise and a response: when it was kept, and what is said when it was not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ActualResponse, compareResponse, type Difference } from '../../src/example/compare.ts';
import { parseJson } from '../../src/example/json.ts';
import { Values } from '../../src/example/template.ts';

const values = () => new Values({ token: 'sk_1', now: '2026-11-22T12:00:00.000Z', uuid: () => 'u' });

type Head = Record<string, string>;

const headersOf = (head: Head) => Object.entries(head).map(([name, value]) => ({ name, value }));

const actual = (body: string, head: Head = {}, status = 200): ActualResponse => ({
  status,
  headers: headersOf(head),
  body,
  ms: 1,
});

/** The differences between a promised and a real body. */
function bodies(promised: string, real: string, known = values()): Difference[] {
  return compareResponse({ status: 200, headers: [], body: promised }, actual(real), known);
}

describe('the status and the headers', () => {
  const compare = (head: Head, real: Head, status = 200) =>
    compareResponse({ status: 200, headers: headersOf(head) }, actual('', real, status), values());

  test('are kept when they are there, among others, however they are spelled', () => {
    assert.deepEqual(compare({}, { a: 'b' }), []);
    assert.deepEqual(compare({ 'Content-Type': 'a/b;  c' }, { 'content-type': ' a/b; c', x: 'y' }), []);
    assert.deepEqual(compare({ Location: '/x/{{id}}' }, { location: '/x/1' }), []);
  });

  test('several lines of one field are one list', () => {
    const promised = {
      status: 200,
      headers: [
        { name: 'A', value: '1' },
        { name: 'a', value: '2' },
      ],
    };
    assert.deepEqual(compareResponse(promised, actual('', { a: '1, 2' }), values()), []);
  });

  test('are told when they differ', () => {
    assert.deepEqual(compare({ A: '1', B: '2' }, { A: '2' }, 404), [
      { where: 'status', promised: '200', actual: '404' },
      { where: 'header A', promised: '1', actual: '2' },
      { where: 'header B', promised: '2' },
    ]);
  });
});

describe('a JSON body is kept', () => {
  for (const [promised, real] of [
    ['{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1}'],
    ['[1.0, 1e3, -0, 0.10]', '[1,1000,0,0.1]'],
    ['9007199254740993', '9007199254740993.0'],
    ['1e400', '10e399'],
    ['0e999999999', '0'],
    ['"\\u00e9"', '"é"'],
    ['{"a": "{{x}}"}', '{"a": null}'],
    ['{"a": "{{x}}", "b": "{{x}}"}', '{"a": 1.5, "b": 1.5}'],
    ['["{{x}}"]', '[""]'],
    ['["{{x}}"]', '["two\\nlines"]'],
    ['["{{o}}/help/"]', '["http://a/help/"]'],
    ['["{{$token}}", "{{$now}}", "{{$text.2}}"]', '["sk_1","2026-11-22T12:00:00.000Z","ab"]'],
    ['{"a": 1, "...": "..."}', '{"a":1,"b":{"c":2}}'],
    ['{"...": "..."}', '{}'],
    ['[1, "..."]', '[1]'],
    ['[1, "..."]', '[1,2,{"a":3}]'],
    ['{"a": {"...": "..."}}', '{"a":{"b":1}}'],
    ['{"__proto__": 1, "...": "..."}', '{"__proto__":1,"toString":2}'],
  ] as const) {
    test(`${promised} by ${real}`, () => assert.deepEqual(bodies(promised, real), []));
  }
});

describe('a JSON body that is not kept is told by JSON Pointer', () => {
  for (const [promised, real, expected] of [
    ['{"a": {"b/c": [1, 2]}}', '{"a":{"b/c":[1,3]}}', [['body /a/b~1c/1', '2', '3']]],
    [
      '{"a": 1}',
      '{"b":1}',
      [
        ['body /a', '1', undefined],
        ['body /b', undefined, '1'],
      ],
    ],
    ['[1]', '[1,2,3]', [['body /1', undefined, '2, 3']]],
    ['[1, 2]', '[1]', [['body /1', '2', undefined]]],
    ['[1, 2, "..."]', '[1]', [['body /1', '2', undefined]]],
    ['{"a": 1, "...": "..."}', '{"b":1}', [['body /a', '1', undefined]]],
    [
      '{"a": 1, "...": 1}',
      '{"a":1,"b":2}',
      [
        ['body /...', '1', undefined],
        ['body /b', undefined, '2'],
      ],
    ],
    ['1', '"1"', [['body', '1', '"1"']]],
    ['null', '{}', [['body', 'null', '{}']]],
    ['[]', '{}', [['body', '[]', '{}']]],
    ['"{{x}}"', '[1]', [['body', '"{{x}}"', '[1]']]],
    ['["{{x}}", "{{x}}"]', '[1, "1"]', [['body /1', '"{{x}}"', '"1"']]],
    ['["a{{x}}"]', '[1]', [['body /0', '"a{{x}}"', '1']]],
    ['["a{{x}}"]', '["a\\nb"]', [['body /0', '"a{{x}}"', '"a\\nb"']]],
    ['9007199254740993', '9007199254740992', [['body', '9007199254740993', '9007199254740992']]],
    ['1e400', '1e401', [['body', '1e400', '1e401']]],
    ['{"a": 1}', 'oops', [['body', '{"a": 1}', 'oops']]],
    ['{"a": 1}', '', [['body', '{"a": 1}', undefined]]],
    ['{"toString": 1}', '{}', [['body /toString', '1', undefined]]],
    ['{"toString": "{{x}}"}', '{}', [['body /toString', '"{{x}}"', undefined]]],
    ['{"": 1}', '{"":2}', [['body /', '1', '2']]],
  ] as const) {
    test(`${promised} by ${real}`, () => {
      const told = bodies(promised, real).map((found) => [found.where, found.promised, found.actual]);
      assert.deepEqual(told, expected);
    });
  }
});

test('a name has the same value in a header, a text and a document', () => {
  const known = values();
  const promised = { status: 201, headers: headersOf({ Location: '/charges/{{id}}' }), body: '{"id": "{{id}}"}' };
  assert.deepEqual(compareResponse(promised, actual('{"id":12}', { location: '/charges/12' }, 201), known), []);
  assert.deepEqual(bodies('{"id": "{{id}}"}', '{"id":"12"}', known), []);
  assert.equal(bodies('{"id": "{{id}}"}', '{"id":"13"}', known).length, 1);
  assert.deepEqual(bodies('id {{id}}', 'id 12', known), []);
});

describe('any other body is a text', () => {
  test('with line ends and white space at its end left aside', () => {
    assert.deepEqual(bodies('a\nb', 'a\r\nb\r\n'), []);
    assert.deepEqual(bodies('a  b', 'a b'), [{ where: 'body', promised: 'a  b', actual: 'a b' }]);
    assert.deepEqual(bodies('# {{title}}\n\n{{n}} topics', '# Help\n\n3 topics\n'), []);
    assert.equal(bodies('{{all}}', 'a\nb').length, 1);
  });

  test('and nothing is said about one that is not promised', () => {
    assert.deepEqual(compareResponse({ status: 200, headers: [] }, actual('anything'), values()), []);
  });

  test('bytes that are no text are never what is promised', () => {
    const promised = { status: 200, headers: [], body: '\ufffd' };
    const [found] = compareResponse(promised, { ...actual('\ufffd'), notUtf8: true }, values());
    assert.deepEqual([found?.where, found?.actual], ['body', 'bytes that are not UTF-8 text']);
  });
});

describe('what a stranger may answer', () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

  test('a document that is nested very deeply', () => {
    assert.equal(bodies('[[1]]', deep).length, 1);
    assert.match(bodies(deep, deep)[0]?.promised ?? '', /at most 500 levels/);
    assert.equal(bodies('"{{x}}"', deep)[0]?.actual, 'a value that is nested very deeply');
  });

  test('a value of any length is told in short', () => {
    const [found] = bodies('"x"', JSON.stringify('y'.repeat(1_000_000)));
    assert.ok((found?.actual?.length ?? 0) <= 1000);
  });

  test('a hundred thousand members', () => {
    const many = JSON.stringify(
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`m${index}`, index])),
    );
    assert.deepEqual(bodies(many, many), []);
  });
});

const noBraces = (text: string) => !text.includes('{{');

test('any JSON value promises itself, and its members in any order', () => {
  const shuffle = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffle);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, inner]) => [name, shuffle(inner)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      fc.pre(noBraces(text));
      assert.deepEqual(bodies(text, JSON.stringify(shuffle(value), null, 2)), []);
    }),
    { numRuns: 1000 },
  );
});

test('two JSON values that differ are never taken for one another', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const [promised, real] = [JSON.stringify(one), JSON.stringify(other)];
      fc.pre(noBraces(promised) && !promised.includes('...'));
      const equal = JSON.stringify(JSON.parse(promised)) === JSON.stringify(JSON.parse(real));
      if (equal) assert.deepEqual(bodies(promised, real), []);
      else fc.pre(JSON.stringify(sorted(one)) !== JSON.stringify(sorted(other)));
      if (!equal) assert.ok(bodies(promised, real).length > 0, `${promised} ${real}`);
    }),
    { numRuns: 1000 },
  );
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value === 0 ? 0 : value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return members.map(([name, inner]) => [name, sorted(inner)]);
}

test('any text promises itself', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(noBraces(text));
      assert.deepEqual(bodies(text, text), []);
    }),
  );
});

test('a number is the same number however it is written, and no other', () => {
  const digits = fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 30 }));
  fc.assert(
    fc.property(digits, fc.integer({ min: 0, max: 9 }), ([whole, places], zeros) => {
      // A second leading zero is no JSON.
      fc.pre(whole !== 0n);
      const shifted = `${whole}${'0'.repeat(zeros)}e${places - zeros}`;
      const written = `${whole}.${'0'.repeat(zeros)}0E+${places}`;
      assert.deepEqual(bodies(shifted, written), []);
      assert.equal(bodies(shifted, `${whole + 1n}e${places}`).length, 1);
    }),
    { numRuns: 1000 },
  );
});

// Where each one would be looked at again from every one before it, this would take hours.
test('a number with a million zeros is read once', () => {
  const long = `1${'0'.repeat(1_000_000)}1`;
  assert.deepEqual(bodies(long, `${long}.0`), []);
  assert.equal(bodies('1', long).length, 1);
});

test('text that is no JSON is not parsed', () => {
  for (const text of ['', '{', '{"a":1,}', "{'a':1}", '01', 'NaN', '\ufeff{}', '[1] x'])
    assert.equal(parseJson(text), undefined);
});
