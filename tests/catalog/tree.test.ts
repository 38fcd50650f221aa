// Topics as a tree: order, children, parents that nobody wrote, and what else a descriptor says.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { slugOf } from '../../src/topic/id.ts';
import { buildFiles, catalogOf, idsOf, printed, topicOf } from '../support.ts';

const parentHint = (path: string) => `  hint: write ${path}`;

describe('topics are in tree order', () => {
  test('depth first, parents first, siblings by code unit', () => {
    const files = Object.fromEntries(
      ['b', 'a/c', 'a', 'a-b', 'a/D', 'Z', 'a/b', 'a/b/x'].map((name) => [`${name}.md`, 'x']),
    );
    assert.deepEqual(idsOf(buildFiles(files)), ['Z', 'a', 'a.D', 'a.b', 'a.b.x', 'a.c', 'a-b', 'b']);
  });

  test('also where a folder spells its topic in another case', () => {
    const result = buildFiles({ 'CLI.md': 'x', 'cli/run.md': 'x', 'Config.md': 'x', 'cli/Check.md': 'x' });
    assert.deepEqual(result.diagnostics, []);
    assert.deepEqual(idsOf(result), ['CLI', 'cli.Check', 'cli.run', 'Config']);
    assert.deepEqual(topicOf(result, 'CLI').descriptor.children, ['cli.Check', 'cli.run']);
  });
});

test('children are the direct ones, sorted by their last segment; no children is no member', () => {
  const result = buildFiles({
    'e.md': 'x',
    'e/b.md': 'x',
    'e/A.md': 'x',
    'e/_c.md': 'x',
    'e/b/deep.md': 'x',
    'e/Z9.md': 'x',
  });
  assert.deepEqual(topicOf(result, 'e').descriptor.children, ['e.A', 'e.Z9', 'e.b', 'e.c']);
  assert.deepEqual(topicOf(result, 'e.b').descriptor.children, ['e.b.deep']);
  assert.equal('children' in topicOf(result, 'e.A').descriptor, false);
});

describe('a parent that nobody wrote', () => {
  test('gets a page of its own, and a warning', () => {
    const result = buildFiles({
      'guides/brew/tea.md': '---\nstability: stable\n---\n# Tea\n',
      'guides/brew/mate.md': 'x',
    });
    assert.deepEqual(printed(result.diagnostics), [
      `docs/guides/brew/mate.md:1:1: warning missing-parent: its parent topic "guides.brew" has no file\n${parentHint('guides/brew.md')}`,
      `docs/guides/brew/mate.md:1:1: warning missing-parent: its parent topic "guides" has no file\n${parentHint('guides.md')}`,
    ]);
    assert.deepEqual(idsOf(result), ['guides', 'guides.brew', 'guides.brew.mate', 'guides.brew.tea']);
    assert.deepEqual(topicOf(result, 'guides.brew'), {
      descriptor: {
        topic: 'guides.brew',
        path: ['guides', 'brew'],
        title: 'brew',
        synopsis: '',
        body: '',
        sections: [],
        see_also: [],
        stability: 'evolving',
        actions: [],
        children: ['guides.brew.mate', 'guides.brew.tea'],
      },
      tagline: '',
      html: '',
      blocks: '[]',
      outline: [],
      actions: [],
      examplePlaces: [],
      hash: '',
    });
  });

  test('is not needed where an index describes the folder', () => {
    const result = buildFiles({ 'guides/README.md': '# Guides\n', 'guides/tea.md': 'x' });
    assert.deepEqual(result.diagnostics, []);
    assert.deepEqual(idsOf(result), ['guides', 'guides.tea']);
    assert.deepEqual(topicOf(result, 'guides').descriptor.children, ['guides.tea']);
  });
});

describe('a descriptor', () => {
  test('says what its source declares, in the order of the schema', () => {
    const { descriptor } = topicOf(
      buildFiles({
        'a.md': [
          '---',
          'updated: 2026-11-22',
          'tags: [x]',
          'replaced_by: b',
          'version_deprecated: "2.0"',
          'version_added: 1.10',
          'aliases: [c]',
          'exceptions: { java: TeapotException }',
          'error: { retryable: with-caution, status: 418 }',
          'title: A',
          '---',
          'text',
        ].join('\n'),
        'b.md': 'x',
      }),
      'a',
    );
    assert.deepEqual(Object.entries(descriptor).slice(9), [
      ['error', { retryable: 'with-caution', status: 418, state: 'active' }],
      ['exceptions', { java: 'TeapotException' }],
      ['aliases', ['c']],
      ['tags', ['x']],
      ['version_added', '1.10'],
      ['version_deprecated', '2.0'],
      ['replaced_by', 'b'],
      ['updated', '2026-11-22'],
    ]);
  });

  test('of an error keeps a state that is declared', () => {
    const front = '---\nerror: { status: 418, retryable: never, state: reserved }\n---\nx\n';
    assert.equal(topicOf(buildFiles({ 'a.md': front }), 'a').descriptor.error?.state, 'reserved');
  });
});

describe('the landing text', () => {
  test('is no topic, and may be all there is', () => {
    const result = buildFiles({ 'README.md': '---\nstability: stable\n---\n# Welcome\n\nHere is *tea*.\n' });
    assert.deepEqual(result.diagnostics, []);
    assert.deepEqual(catalogOf(result), {
      topics: [],
      landing: {
        title: 'Welcome',
        tagline: 'Here is tea.',
        body: '# Welcome\n\nHere is *tea*.\n',
        html: '<p>Here is <em>tea</em>.</p>\n',
        blocks: [{ type: 'paragraph', spans: ['Here is ', { type: 'em', spans: ['tea'] }, '.'] }],
      },
      aliases: new Map(),
      files: new Map(),
    });
  });

  test('is absent where no file has it', () => {
    assert.equal(catalogOf(buildFiles({ 'a.md': 'x', 'b/README.md': 'x' })).landing, undefined);
  });
});

test('every catalog is a tree: parents before children, each child in the list of its parent, nothing twice', () => {
  const name = fc.constantFrom('a', 'B', 'b', 'a-c', 'x1');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `${names.join('/')}.md`);
  fc.assert(
    fc.property(fc.uniqueArray(path, { minLength: 1, maxLength: 6 }), (paths) => {
      const result = buildFiles(Object.fromEntries(paths.map((path) => [path, 'x'])));
      const { topics } = catalogOf(result);
      const slugs = topics.map(({ descriptor }) => slugOf(descriptor.topic));
      assert.equal(new Set(slugs).size, slugs.length);
      for (const [index, slug] of slugs.entries()) {
        const tree = slugs.filter((other) => other === slug || other.startsWith(`${slug}/`));
        assert.deepEqual(slugs.slice(index, index + tree.length), tree);
        const slash = slug.lastIndexOf('/');
        if (slash < 0) continue;
        const parent = topics[slugs.indexOf(slug.slice(0, slash))];
        assert.ok(parent && slugs.indexOf(slug.slice(0, slash)) < index);
        assert.ok(parent.descriptor.children?.includes(topics[index]?.descriptor.topic ?? ''));
      }
      const listed = topics.flatMap(({ descriptor }) => descriptor.children ?? []).length;
      assert.equal(listed, slugs.filter((slug) => slug.includes('/')).length);
    }),
    { numRuns: 40 },
  );
});
