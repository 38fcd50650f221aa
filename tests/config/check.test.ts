// What is wrong with a configuration file, at its line and column.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkConfig, parseConfig } from '../../src/config/check.ts';
import { findConfig } from '../../src/config/config.ts';
import { printed, temporaryFolder } from '../support.ts';

const problems = (text: string) =>
  printed(parseConfig({ path: '/x/docent.config.json', text }, 'docent.config.json').diagnostics);

const FULL = {
  $schema: './schemas/config.schema.json',
  product: { name: 'teapot', command: 'teapot help', version: '4.1.8', releaseUrl: 'https://e.example/v{version}' },
  content: ['docs', 'overlay'],
  site: { url: 'https://docs.example.com/base/', title: 'Teapot' },
  strict: true,
  defaultStability: 'stable',
  allowHtml: false,
  api: { helpPath: '/api/v1/help' },
};

test('a configuration may say all of this', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'docent.config.json'), `\ufeff${JSON.stringify(FULL, null, '\t')}\r\n`);
  const file = findConfig(folder);
  assert.ok(file !== undefined);
  const { config, diagnostics } = parseConfig(file);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(config, FULL);
});

describe('what is no JSON is placed where it stops being JSON', () => {
  for (const [what, text, place] of [
    ['a missing value', '{\n  "strict": }\n', '2:13'],
    ['a comma too many', '{\n  "strict": true,\n}\n', '3:1'],
    ['a comma too few', '{\n  "strict": true\n  "content": []\n}\n', '3:3'],
    ['a comment', '{\n  // no\n  "strict": true\n}\n', '2:3'],
    ['a comment before all', '// no\n{}', '1:1'],
    ['single quotes', "{ 'strict': true }", '1:3'],
    ['a bare word', '{ "site": { "title": Docs } }', '1:22'],
    ['a word that begins well', '{ "strict": trux }', '1:13'],
    ['a line break in a string', '{ "site": { "title": "a\nb" } }', '1:22'],
    ['what follows the end', '{}\n{}', '2:1'],
    ['an open bracket', '{\n  "content": ["a"\n', '3:1'],
    ['an open string', '{ "a', '1:3'],
    ['nothing', '', '1:1'],
    ['a text that speaks of positions', `{ "in JSON at position 5": x, "y": "${'z'.repeat(99)}" }`, '1:28'],
  ] as const) {
    test(what, () => {
      assert.deepEqual(problems(text), [
        `docent.config.json:${place}: error invalid-value: this is not valid JSON\n  hint: it must be one JSON object; see the topic "config"`,
      ]);
    });
  }

  test('and gives no configuration', () => {
    assert.deepEqual(parseConfig({ path: 'x', text: '{ "strict": true' }).config, {});
  });
});

describe('what the schema does not know is placed at the key or value', () => {
  for (const [what, text, expected] of [
    [
      'an unknown key',
      '{\n  "strikt": true\n}',
      '2:3: error unknown-key: unknown key "strikt"\n  hint: did you mean "strict"?',
    ],
    [
      'an unknown key within',
      '{\n  "product": {\n    "name": "x", "licence": "MIT"\n  }\n}',
      '3:18: error unknown-key: unknown key "licence"\n  hint: known keys: name, command, version, releaseUrl',
    ],
    [
      'a value of another type',
      '{\n\t"strict":\t"yes"\n}',
      '2:12: error invalid-value: "strict" must be of type boolean, not "yes"\n  hint: write true or false',
    ],
    [
      'a number where a version is asked for',
      '{"product": {"version": 1.10}}',
      '1:25: error invalid-value: "product.version" must be of type string, not 1.1\n  hint: write a string',
    ],
    [
      'an entry of a list',
      '{"content": ["a",\n  ""]}',
      '2:3: error invalid-value: "content.1" is empty\n  hint: give it a value or leave the key out',
    ],
    [
      'a word that is none of several',
      '{"defaultStability": "stabel"}',
      '1:22: error invalid-value: "defaultStability" is "stabel", which is none of its values\n  hint: did you mean "stable"? (stable, evolving, experimental, deprecated, removed)',
    ],
    [
      'a path that is none',
      '{"api": {"helpPath": "help/"}}',
      '1:22: error invalid-value: "api.helpPath" is "help/", which is not well formed\n  hint: write it like /api/help',
    ],
    [
      'another document',
      '[]',
      '1:1: error invalid-value: "the document" must be of type object, not []\n  hint: write a mapping: {name: value}',
    ],
    [
      'an address that only begins like one',
      '{"site": {"url": "https://"}}',
      '1:18: error invalid-value: "site.url" is "https://", which is no address of a site\n  hint: write it as https://docs.example.com/base',
    ],
  ] as const) {
    test(what, () => assert.deepEqual(problems(text), [`docent.config.json:${expected}`]));
  }

  test('all of it at once', () => {
    const places = problems('{"strict": 1,\n "x": 1,\n "site": {"url": "ftp://e.example"}}').map(
      (line) => /:(\d+:\d+):/.exec(line)?.[1],
    );
    assert.deepEqual(places.sort(), ['1:12', '2:2', '3:18']);
  });
});

test('an address of a site has no query and no fragment', () => {
  for (const url of ['https://e.example/?a', 'https://e.example/#a', 'https://a b', 'http://[', 'https:///'])
    assert.deepEqual(
      checkConfig({ site: { url } }).map(({ path }) => path),
      [['site', 'url']],
      url,
    );
  for (const url of ['https://e.example', 'http://localhost:4321/docs/', 'https://日本.example/é'])
    assert.deepEqual(checkConfig({ site: { url } }), [], url);
});

test('nothing at all is no configuration', () => {
  assert.equal(checkConfig(null).length, 1);
  assert.deepEqual(checkConfig({}), []);
});
