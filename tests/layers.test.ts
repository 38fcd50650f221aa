import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOORS, LAYERS, nodeImportsBehind, readSources, violations } from './layers.ts';

const sources = readSources(new URL('../', import.meta.url));

test('every file of src/ imports only from lower layers, and packages through their one door', () => {
  assert.ok(sources.length > 50, `only ${sources.length} files were found`);
  assert.deepEqual(sources.flatMap(violations), []);
});

test('what runs examples runs in a browser, too: nothing of Node is behind it', () => {
  const entries = sources.flatMap(({ path }) => (path.startsWith('example/') ? path : []));
  assert.ok(entries.length >= 5);
  assert.deepEqual(nodeImportsBehind(sources, entries), []);
  // `send.ts` is only reached through `run.ts`.
  const altered = sources.map((source) =>
    source.path === 'example/send.ts' ? { ...source, text: "import 'node:fs';" } : source,
  );
  assert.deepEqual(nodeImportsBehind(altered, ['example/run.ts']), ['example/send.ts: node:fs']);
});

test('the idempotency library needs web standards only, and nothing of the rest of Docent', () => {
  const entry = 'idempotency/index.ts';
  assert.deepEqual(nodeImportsBehind(sources, [entry]), []);
  for (const path of ['idempotency/handler.ts', 'idempotency/body.ts', 'idempotency/stores/memory.ts']) {
    const altered = sources.map((source) => (source.path === path ? { ...source, text: "import 'node:fs';" } : source));
    const found = nodeImportsBehind(altered, [entry, 'idempotency/stores/memory.ts']);
    assert.deepEqual(found, [`${path}: node:fs`]);
  }
  const [outside] = violations({ path: entry, text: "import { topicId } from '../topic/id.ts';" });
  assert.match(outside ?? '', /idempotency must not import topic/);
});

test('every folder of src/ has a layer, and every door is used', () => {
  const used = Object.keys(DOORS).filter((name) => sources.some(({ text }) => text.includes(`from '${name}`)));
  assert.deepEqual(used, Object.keys(DOORS));
  const folders = new Set(sources.map(({ path }) => path.split('/')[0]));
  for (const name of ['topic', 'compile', 'config', 'catalog', 'pack', 'build', 'render', 'http', 'cli']) {
    assert.ok(folders.has(name) && LAYERS[name] !== undefined, name);
  }
});

for (const [what, path, text, expected] of [
  ['an import from above', 'topic/id.ts', "import { x } from '../compile/topic.ts';", 'topic must not import compile'],
  ['a sibling', 'render/json.ts', "import type { X } from '../build/build.ts';", 'render must not import build'],
  ['a type', 'pack/read.ts', "import type { X } from '../compile/topic.ts';", 'pack must not import compile'],
  ['a re-export', 'compile/a.ts', "export * from '../http/handler.ts';", 'compile must not import http'],
  ['a dynamic import', 'catalog/a.ts', "const a = () => import('../pack/read.ts');", 'catalog must not import pack'],
  [
    'a component',
    'components/A.astro',
    "---\nimport { run } from '../cli/main.ts';\n---\n<p />",
    'theme must not import cli',
  ],
  ['a closed door', 'build/build.ts', "import { marked } from 'marked';", 'may import marked'],
  ['a door by a subpath', 'catalog/a.ts', "import Ajv from 'ajv/dist/2020.js';", 'may import ajv'],
  ['astro', 'http/handler.ts', "import x from 'astro:content';", 'imports astro:content below layer 5'],
  ['the environment', 'build/build.ts', 'export const x = process.env.X;', 'reads the environment below layer 5'],
  ['an unknown folder', 'utils/x.ts', '', 'is in no layer'],
] as const) {
  test(`the check sees ${what}`, () => {
    const found = violations({ path, text });
    assert.equal(found.length, 1);
    assert.match(found[0] as string, new RegExp(expected));
  });
}
