// What front matter may say: every wording of a problem, its place and its hint.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { schemaFiles, validate } from '../../src/compile/schema.ts';
import { compiled, compileFile, printed } from '../support.ts';

const KNOWN =
  'topic, title, stability, see_also, see_also_replace, error, exceptions, actions, aliases, tags, version_added, ' +
  'version_deprecated, replaced_by, updated';

describe('a problem is worded, placed and followed by a hint', () => {
  for (const [yaml, place, problem, hint] of [
    ['titel: A', '2:1', 'unknown-key: unknown key "titel"', 'did you mean "title"?'],
    ['author: me', '2:1', 'unknown-key: unknown key "author"', `known keys: ${KNOWN}`],
    [
      'error: { status: 400, retryable: never, statuss: 1 }',
      '2:41',
      'unknown-key: unknown key "statuss"',
      'did you mean "status"?',
    ],
    ['a~b/c: 1', '2:1', 'unknown-key: unknown key "a~b/c"', `known keys: ${KNOWN}`],
    ['error: { status: 400 }', '2:1', 'missing-key: "retryable" is missing in "error"', 'add "retryable:"'],
    ['actions:\n  x:\n    media_type: a/b', '3:3', 'missing-key: "file" is missing in "actions.x"', 'add "file:"'],
    [
      'stability: stabel',
      '2:12',
      'invalid-value: "stability" is "stabel", which is none of its values',
      'did you mean "stable"? (stable, evolving, experimental, deprecated, removed)',
    ],
    [
      'error:\n  status: 400\n  retryable: sometimes',
      '4:14',
      'invalid-value: "error.retryable" is "sometimes", which is none of its values',
      'write one of: never, as-is, with-caution',
    ],
    ['title: [a]', '2:8', 'invalid-value: "title" must be of type string, not ["a"]', 'write a string'],
    ['see_also: a', '2:11', 'invalid-value: "see_also" must be of type array, not "a"', 'write a list: [one, two]'],
    [
      'exceptions: [x]',
      '2:13',
      'invalid-value: "exceptions" must be of type object, not ["x"]',
      'write a mapping: {name: value}',
    ],
    [
      'see_also_replace: yes',
      '2:19',
      'invalid-value: "see_also_replace" must be of type boolean, not "yes"',
      'write true or false',
    ],
    [
      'error: { retryable: never, status: 400.5 }',
      '2:36',
      'invalid-value: "error.status" must be of type integer, not "400.5"',
      'write a whole number',
    ],
    [
      'error: { retryable: never, status: 200 }',
      '2:36',
      'invalid-value: "error.status" is 200',
      'write a number from 400 to 599',
    ],
    [
      'see_also: [a, b c]',
      '2:15',
      'invalid-value: "see_also.1" is "b c", which is not well formed',
      'write it like errors.NOT_FOUND',
    ],
    [
      'topic: a..b',
      '2:8',
      'invalid-value: "topic" is "a..b", which is not well formed',
      'write it like errors.NOT_FOUND',
    ],
    [
      'actions: { a/b: { file: topic.md, media_type: text/plain } }',
      '2:12',
      'invalid-value: "a/b" is no valid name',
      'use letters, digits, - and _',
    ],
    ['title: ""', '2:8', 'invalid-value: "title" is empty', 'give it a value or leave the key out'],
    ['tags: [a, ""]', '2:11', 'invalid-value: "tags.1" is empty', 'give it a value or leave the key out'],
    ['version_added:', '2:15', 'invalid-value: "version_added" is empty', 'give it a value or leave the key out'],
    ['tags: [a, b, a]', '2:7', 'invalid-value: "tags" has an entry twice', 'leave one of them out'],
    [
      'updated: 2026-02-30',
      '2:10',
      'invalid-value: "updated" is "2026-02-30", which is no date',
      'write it as 2026-11-22',
    ],
  ] as const) {
    test(yaml.replaceAll('\n', ' '), () => {
      assert.deepEqual(printed(compileFile(`---\n${yaml}\n---\nbody\n`).diagnostics), [
        `docs/topic.md:${place}: error ${problem}\n  hint: ${hint}`,
      ]);
    });
  }

  test('with a long value cut', () => {
    const [first] = compileFile(`---\ntitle: [${'long '.repeat(30)}]\n---\nbody\n`).diagnostics;
    assert.match(first?.message ?? '', /^"title" must be of type string, not \["long [long ]{1,60}…$/);
  });
});

test('all problems of a file are reported together, also those of its body', () => {
  const text = ['---', 'stabilty: stable', 'title: []', 'tags: [x, x]', '---', '[a](javascript:b)', ''].join('\n');
  const places = compileFile(text).diagnostics.map(({ line, column, code }) => `${line}:${column} ${code}`);
  assert.deepEqual(places.sort(), ['2:1 unknown-key', '3:8 invalid-value', '4:7 invalid-value', '6:1 unsafe-link']);
});

describe('front matter is text, and the schema says what it means', () => {
  test('numbers and booleans are made where it asks for them', () => {
    const { front } = compiled(
      '---\nsee_also_replace: true\nerror: { status: "409", retryable: never, status_by_dialect: { ietf: 422 } }\n---\nx\n',
    );
    assert.equal(front.see_also_replace, true);
    assert.deepEqual(front.error, { status: 409, retryable: 'never', status_by_dialect: { ietf: 422 } });
  });

  test('nowhere else', () => {
    const { front } = compiled('---\nversion_added: 1.10\nupdated: 2026-01-02\ntags: [no, 1:30]\ntitle: 404\n---\nx\n');
    assert.deepEqual(front, {
      version_added: '1.10',
      updated: '2026-01-02',
      tags: ['no', '1:30'],
      title: '404',
    });
  });

  test('in other documents nothing is converted', () => {
    assert.deepEqual(
      validate('config', { strict: 'true', product: { version: 1 } }).map(({ path, message }) => [path, message]),
      [
        [['product', 'version'], '"product.version" must be of type string, not 1'],
        [['strict'], '"strict" must be of type boolean, not "true"'],
      ],
    );
  });

  test('a value that is right is left alone', () => {
    const value = { title: 'A', error: { status: '500', retryable: 'as-is' } };
    assert.deepEqual(validate('frontmatter', value), []);
    assert.deepEqual(value, { title: 'A', error: { status: 500, retryable: 'as-is' } });
  });
});

describe('the published schemas', () => {
  test('are the files of schemas/, each under its own name', () => {
    const names = ['config', 'descriptor', 'errors', 'frontmatter', 'manifest', 'payload', 'versions'];
    assert.deepEqual(
      [...schemaFiles().keys()].sort(),
      names.map((name) => `${name}.schema.json`),
    );
    for (const [name, text] of schemaFiles()) {
      assert.equal(text, readFileSync(new URL(`../../schemas/${name}`, import.meta.url), 'utf8'));
      assert.equal(JSON.parse(text).$id, name);
    }
  });

  test('accept what is least and refuse what is none', () => {
    const topic = { topic: 'a', path: ['a'], title: '', synopsis: '', body: '', sections: [], see_also: [] };
    const descriptor = { ...topic, stability: 'stable', actions: [] };
    for (const [name, least] of [
      ['frontmatter', {}],
      ['config', {}],
      ['descriptor', descriptor],
      ['manifest', { schema: 1, version: 'unversioned', topics: [], _url_convention: '' }],
      ['payload', { schema: 1, version: '1', topics: [descriptor] }],
      ['errors', { schema: 1, version: '1', errors: [] }],
      ['versions', { current: null, versions: [] }],
    ] as const) {
      assert.deepEqual(validate(name, structuredClone(least)), [], name);
      assert.notDeepEqual(validate(name, { ...structuredClone(least), surplus: 1 }), [], name);
      assert.notDeepEqual(validate(name, []), [], name);
    }
  });
});
