import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggest } from '../../src/catalog/suggest.ts';

const IDS = [
  'cli',
  'cli.brew',
  'cli.brew.tea',
  'errors',
  'errors.TEAPOT',
  'errors.NOT_FOUND',
  'errors.TOPIC_NOT_FOUND',
  'guides.brew',
  'config',
];

for (const [wanted, expected] of [
  ['brew', ['cli.brew', 'guides.brew', 'cli.brew.tea']],
  ['teapot', ['errors.TEAPOT']],
  ['errors/teapod', ['errors.TEAPOT']],
  ['error', ['errors', 'errors.TEAPOT', 'errors.NOT_FOUND', 'errors.TOPIC_NOT_FOUND']],
  ['not_found', ['errors.NOT_FOUND', 'errors.TOPIC_NOT_FOUND']],
  ['cli/unheard-of', ['cli']],
  ['cli/brew/some/thing-else', ['cli.brew']],
  ['confg', ['config']],
  ['zzz', []],
] as const) {
  test(`${wanted} may mean ${expected.join(', ') || 'nothing known'}`, () => {
    assert.deepEqual(suggest(wanted, IDS), expected);
  });
}

test('there are never more than five', () => {
  const many = Array.from({ length: 20 }, (_, index) => `topic.number${index}`);
  assert.equal(suggest('number', many).length, 5);
});

test('of no topics none are suggested', () => {
  assert.deepEqual(suggest('a', []), []);
});
