import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { findConfig, readConfig } from '../../src/config/config.ts';
import { folderWith } from '../support.ts';

const CONFIG_NAME = 'docent.config.json';

test('a configuration is found in the folder, and in the nearest above it', () => {
  const root = folderWith({
    [CONFIG_NAME]: '{"strict": true}',
    'docs/a/b.md': 'x',
    [`other/${CONFIG_NAME}`]: '{}',
    'other/deep/c.md': 'x',
  });
  assert.deepEqual(findConfig(root), { path: join(root, CONFIG_NAME), text: '{"strict": true}' });
  assert.equal(findConfig(join(root, 'docs/a'))?.path, join(root, CONFIG_NAME));
  assert.equal(findConfig(join(root, 'other/deep'))?.path, join(root, 'other', CONFIG_NAME));
});

test('the search starts also where no folder is', () => {
  const root = folderWith({ [CONFIG_NAME]: '{}' });
  assert.equal(findConfig(join(root, 'not/there'))?.path, join(root, CONFIG_NAME));
});

test('the search ends at node_modules: a package is not configured by the project around it', () => {
  const root = folderWith({
    [CONFIG_NAME]: '{}',
    'node_modules/tool/docs/a.md': 'x',
    [`node_modules/own/${CONFIG_NAME}`]: '{"strict": false}',
    'node_modules/own/docs/a.md': 'x',
  });
  assert.equal(findConfig(join(root, 'node_modules/tool/docs')), undefined);
  assert.equal(findConfig(join(root, 'node_modules/own/docs'))?.text, '{"strict": false}');
});

test('a configuration is read where it is named, or is not there', () => {
  const root = folderWith({ 'my.json': '{}' });
  assert.deepEqual(readConfig(join(root, 'my.json')), { path: join(root, 'my.json'), text: '{}' });
  assert.equal(readConfig(join(root, 'other.json')), undefined);
  assert.equal(readConfig(root), undefined);
});
