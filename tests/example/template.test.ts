// Placeholders: what stands for them, and what a text with them matches.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { expand, matchText, unboundIn, Values } from '../../src/example/template.ts';
import { builtIn, TEXT_LIMIT, templateParts } from '../../src/topic/placeholder.ts';

const values = (bound: Record<string, string> = {}, token: string | undefined = 'sk_1') => {
  let count = 0;
  const made = new Values({ token, now: '2026-11-22T12:00:00.000Z', uuid: () => `uuid-${++count}` });
  for (const [name, value] of Object.entries(bound)) made.bind(name, value);
  return made;
};

describe('a placeholder', () => {
  for (const [text, names] of [
    ['{{a}}', ['a']],
    ['x{{a}}{{B-2_c}}y', ['a', 'B-2_c']],
    ['{{$uuid}} {{$uuid.x}} {{$nonsense}}', ['$uuid', '$uuid.x', '$nonsense']],
    ['{{{a}}}', ['a']],
    ['{a} {{ a }} {{}} {{1}} {{a b}} {{a', []],
  ] as const) {
    test(text, () => {
      const parts = templateParts(text);
      assert.deepEqual(
        parts.flatMap((part) => ('name' in part ? part.name : [])),
        names,
      );
      assert.equal(parts.map((part) => ('name' in part ? `{{${part.name}}}` : part.text)).join(''), text);
    });
  }

  test('that a run fills in itself', () => {
    const made = values();
    assert.equal(
      expand('{{$token}} {{$now}} {{$text.30}}', made),
      'sk_1 2026-11-22T12:00:00.000Z abcdefghijklmnopqrstuvwxyzabcd',
    );
    assert.equal(
      expand('{{$uuid}} {{$uuid.a}} {{$uuid}} {{$uuid.a}} {{$uuid.b}}', made),
      'uuid-1 uuid-2 uuid-1 uuid-2 uuid-3',
    );
    for (const name of [
      '$',
      '$Token',
      '$text.0',
      '$text.01',
      '$text.-1',
      '$text.1.5',
      `$text.${TEXT_LIMIT + 1}`,
      '$uuid.',
      '$uuid.a b',
    ])
      assert.equal(builtIn(name), undefined, name);
    assert.deepEqual(builtIn(`$text.${TEXT_LIMIT}`), { kind: 'text', length: TEXT_LIMIT });
  });

  test('without a value is told, and stays', () => {
    assert.deepEqual(unboundIn('{{a}}{{b}}{{$token}}{{$nonsense}}', values({ a: '1' })), ['b', '$nonsense']);
    assert.deepEqual(unboundIn('{{$token}}', values({}, '')), []);
    assert.equal(expand('{{a}}-{{b}}', values({ a: '1' })), '1-{{b}}');
  });

  test('cannot make a text larger than memory', () => {
    assert.equal(expand('{{$text.1048576}}'.repeat(9), values()), undefined);
    assert.equal(expand('{{$text.1048576}}'.repeat(8), values())?.length, 8 * TEXT_LIMIT);
  });
});

describe('a text is what a template promises', () => {
  for (const [template, text, expected] of [
    ['', '', {}],
    ['abc', 'abc', {}],
    ['{{a}}', 'x', { a: 'x' }],
    ['{{origin}}/help/', 'http://127.0.0.1:1/help/', { origin: 'http://127.0.0.1:1' }],
    ['/charges/{{id}}', '/charges/ch_1', { id: 'ch_1' }],
    ['{{a}}-{{b}}', 'x-y-z', { a: 'x', b: 'y-z' }],
    ['{{a}}{{b}}', 'xyz', { a: 'x', b: 'yz' }],
    ['{{a}}-{{a}}', 'xy-xy', { a: 'xy' }],
    ['{{a}}{{b}}{{a}}', 'xyx', { a: 'x', b: 'y' }],
    ['({{a}})', '(()', { a: '(' }],
    ['{{a}}.b.{{c}}.b', 'x.b.y.b.b', { a: 'x', c: 'y.b' }],
    ['a\n{{b}}\nc', 'a\nb\nc', { b: 'b' }],
    ['{{$token}}!', 'sk_1!', {}],
    ['{{x}}{{$text.3}}', 'zabc', { x: 'z' }],
    ['.*{{a}}$', '.*b$', { a: 'b' }],
  ] as const) {
    test(`${JSON.stringify(template)}: ${JSON.stringify(text)}`, () => {
      const made = values();
      assert.equal(matchText(template, text, made), true);
      for (const [name, value] of Object.entries(expected)) assert.equal(made.text(name), value, name);
    });
  }

  for (const [template, text] of [
    ['', 'x'],
    ['abc', 'abcd'],
    ['abc', 'ab'],
    ['{{a}}', ''],
    ['{{a}}', 'x\ny'],
    ['{{a}}', 'x\r'],
    ['x{{a}}', 'x'],
    ['{{a}}x', 'x'],
    ['{{a}}x{{b}}', 'axx\n'],
    ['{{a}}-{{a}}', 'x-y'],
    ['{{a}}{{b}}', 'x'],
    ['ab{{a}}ba', 'aba'],
    ['{{$token}}', 'sk_2'],
    ['.*', 'ab'],
  ] as const) {
    test(`not ${JSON.stringify(template)}: ${JSON.stringify(text)}`, () => {
      const made = values();
      assert.equal(matchText(template, text, made), false);
      for (const name of ['a', 'b']) assert.equal(made.text(name), undefined, 'what did not match gives no value');
    });
  }

  test('a name keeps its first value', () => {
    const made = values();
    assert.ok(matchText('{{a}}', 'x', made));
    assert.ok(matchText('{{a}}{{b}}', 'xy', made));
    assert.ok(!matchText('{{a}}', 'y', made));
    assert.equal(made.text('a'), 'x');
  });

  test('what the run should have made and has not is taken from nowhere', () => {
    const made = values({}, undefined);
    assert.ok(!matchText('{{$token}}', 'sk_of_somebody', new Values({ token: undefined, now: '', uuid: () => '' })));
    assert.equal(made.get('$nonsense'), undefined);
  });
});

const plain = fc.string({ maxLength: 8 }).map((text) => text.replace(/[{}\r\n]/g, '.'));

test('a template made of a text by replacing parts matches it', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          plain,
          plain.filter((text) => text !== ''),
        ),
        { maxLength: 6 },
      ),
      plain,
      (pairs, end) => {
        const text = pairs.map(([literal, hole]) => literal + hole).join('') + end;
        const template = pairs.map(([literal], index) => `${literal}{{n${index}}}`).join('') + end;
        const made = values();
        assert.ok(matchText(template, text, made), `${template} | ${text}`);
        assert.equal(expand(template, made), text, 'the values are what stands there');
        assert.ok(matchText(template, text, made), 'and are found again');
      },
    ),
    { numRuns: 2000 },
  );
});

test('without repeated names it finds a match exactly where trying everything finds one', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 8 });
  const template = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'ab', '\n'), fc.constant('?')), { maxLength: 6 });
  fc.assert(
    fc.property(template, letters, (parts, text) => {
      const written = parts.map((part, index) => (part === '?' ? `{{n${index}}}` : part)).join('');
      const pattern = new RegExp(`^${parts.map((part) => (part === '?' ? '([^\\r\\n]+?)' : part)).join('')}$`);
      const groups = pattern.exec(text);
      const made = values();
      assert.equal(matchText(written, text, made), groups !== null, `${written} | ${JSON.stringify(text)}`);
      const names = parts.flatMap((part, index) => (part === '?' ? `n${index}` : []));
      if (groups !== null)
        assert.deepEqual(
          names.map((name) => made.text(name)),
          groups.slice(1),
        );
    }),
    { numRuns: 5000 },
  );
});

test('a template that would keep a regular expression busy for ever is answered at once', () => {
  const text = 'a'.repeat(100_000);
  const names = Array.from({ length: 1000 }, (_, index) => `{{n${index}}}a`).join('');
  assert.ok(matchText(names, text, values()));
  assert.ok(!matchText(`${names}b`, text, values()));
  assert.ok(!matchText('{{$text.1048576}}'.repeat(5000), text, values()));
  assert.ok(!matchText(`{{x}}b${'{{x}}'.repeat(50_000)}`, `${text}b${text}`, values()));
});
