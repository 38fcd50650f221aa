// Sources to a pack: everything is reported, and nothing bad replaces what is good.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { build, buildPack } from '../../src/build/build.ts';
import { validate } from '../../src/compile/schema.ts';
import { Pack } from '../../src/pack/read.ts';
import type { DocentConfig } from '../../src/topic/descriptor.ts';
import {
  buildFiles,
  codes,
  type Files,
  folderWith,
  idsOf,
  printed,
  settingsFor,
  temporaryFolder,
  writeFiles,
} from '../support.ts';

const BROKEN: Files = {
  'a.md': '---\ntitel: A\nstability: good\n---\n[x](b.md) [y](javascript:z)\n',
  'c.md': '---\ntitle: "C\n---\nx\n',
  'd/e.md': '---\nsee_also: [nowhere]\n---\n![x](pot.png)\n',
  'empty.md': '',
  'good.md': '# Good\n',
};

describe('all problems of all files are reported in one run, by file and place', () => {
  const places = (config: DocentConfig) =>
    buildFiles(BROKEN, config).diagnostics.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`);
  const both = [
    'docs/a.md:2:1 unknown-key',
    'docs/a.md:3:12 invalid-value',
    'docs/a.md:5:11 unsafe-link',
    'docs/c.md:2:10 yaml-syntax',
    'docs/d/e.md:1:1 missing-parent',
    'docs/d/e.md:2:12 unknown-see-also',
    'docs/d/e.md:4:1 broken-image',
    'docs/empty.md:1:1 empty-file',
  ];

  test('in a lenient build', () => assert.deepEqual(places({}), both));

  test('in a strict one, with what it asks for besides', () => {
    const strict = places({ strict: true });
    assert.deepEqual(strict.filter((place) => both.includes(place)).length, 5);
    assert.deepEqual(
      strict.filter((place) => place.startsWith('docs/good.md')),
      Array(3).fill('docs/good.md:1:1 missing-key'),
    );
  });
});

describe('a lenient build', () => {
  test('leaves out the files in error, and those alone', () => {
    assert.deepEqual(idsOf(buildFiles(BROKEN)), ['d', 'd.e', 'good']);
  });

  test('gives nothing where no file is left', () => {
    for (const files of [{ 'a.md': '' }, { 'a.txt': 'x' }, {}]) {
      const { catalog, diagnostics } = buildFiles(files);
      assert.equal(catalog, undefined);
      assert.equal(diagnostics.length, 1);
    }
  });
});

describe('a strict build', () => {
  const good = '---\ntopic: a\ntitle: A\nstability: stable\nsee_also: [nowhere]\n---\nx\n';

  test('is not stopped by warnings', () => {
    const { catalog, diagnostics } = buildFiles({ 'a.md': good }, { strict: true });
    assert.deepEqual(codes(diagnostics), ['unknown-see-also']);
    assert.equal(catalog?.topics.length, 1);
  });

  test('gives nothing where one file has an error', () => {
    assert.equal(buildFiles({ 'a.md': good, 'b.md': 'x' }, { strict: true }).catalog, undefined);
    assert.equal(buildFiles({ 'a.md': good, 'index.md': '---\ntitel: x\n---\n' }, { strict: true }).catalog, undefined);
  });
});

describe('sources', () => {
  test('that are not there are reported, and the others are built', async () => {
    const folder = folderWith({ 'a.md': 'x' });
    const result = await build(settingsFor([join(folder, 'nowhere'), folder]));
    assert.deepEqual(printed(result.diagnostics), [
      'docs:1:1: error not-found: there is no such folder\n  hint: name a folder of Markdown files',
    ]);
    assert.deepEqual(idsOf(result), ['a']);
  });

  test('none at all give nothing', async () => {
    assert.deepEqual(await build(settingsFor([])), { diagnostics: [], stamps: [] });
  });
});

test('the settings decide what a build gives', () => {
  const files = { 'a.md': 'a <kbd>b</kbd>\n' };
  const topic = (config: DocentConfig) => buildFiles(files, config).catalog?.topics[0];
  assert.equal(topic({ defaultStability: 'experimental' })?.descriptor.stability, 'experimental');
  assert.equal(topic({})?.html, '<p>a &lt;kbd&gt;b&lt;/kbd&gt;</p>\n');
  assert.equal(topic({ allowHtml: true })?.html, '<p>a <kbd>b</kbd></p>\n');
});

describe('a pack', () => {
  const config: DocentConfig = { product: { name: 'teapot', command: 'teapot help', version: '4.1.8' } };
  /** Builds files into a pack; answers what is in it afterwards. */
  const packed = async (files: Files, path: string, strict = false) => {
    const { written, diagnostics } = await buildPack(settingsFor([folderWith(files)], { ...config, strict }), path);
    const pack = existsSync(path) ? new Pack(path) : undefined;
    const ids = pack?.ids();
    pack?.close();
    return { written, codes: codes(diagnostics), ids };
  };
  const strictTopic = (id: string) => `---\ntopic: ${id}\ntitle: T\nstability: stable\n---\nx\n`;

  test('is written with its product, and every descriptor in it follows the schema', async () => {
    const path = join(temporaryFolder(), 'new/folder/site.pack');
    assert.deepEqual((await packed(BROKEN, path)).ids, ['d', 'd.e', 'good']);
    const pack = new Pack(path);
    assert.deepEqual(pack.product, { name: 'teapot', command: 'teapot help', version: '4.1.8' });
    assert.equal(pack.topicCount, 3);
    assert.deepEqual(
      pack
        .rows()
        .map(({ slug }) => pack.topicJson(slug) ?? '')
        .flatMap((json) => validate('descriptor', JSON.parse(json))),
      [],
    );
    assert.deepEqual(readdirSync(dirname(path)), ['site.pack']);
    pack.close();
  });

  test('stays as it was when a build publishes nothing', async () => {
    const path = join(temporaryFolder(), 'site.pack');
    assert.equal((await packed({ 'a.md': strictTopic('a') }, path, true)).written, true);
    const before = readFileSync(path);
    const bad = await packed({ 'a.md': strictTopic('a'), 'b.md': strictTopic('c') }, path, true);
    assert.deepEqual(bad, { written: false, codes: ['id-differs-from-path'], ids: ['a'] });
    assert.deepEqual(await packed({ 'a.md': '' }, path), { written: false, codes: ['empty-file'], ids: ['a'] });
    assert.equal(readFileSync(path).equals(before), true);
  });

  test('is not made when a build publishes nothing', async () => {
    assert.deepEqual(await packed({ 'a.md': '' }, join(temporaryFolder(), 'site.pack')), {
      written: false,
      codes: ['empty-file'],
      ids: undefined,
    });
  });

  test('is replaced by the next', async () => {
    const path = join(temporaryFolder(), 'site.pack');
    await packed({ 'a.md': 'x' }, path);
    assert.deepEqual((await packed({ 'b.md': 'x' }, path)).ids, ['b']);
  });

  test('knows what it was built from only where it is a cache', async () => {
    const folder = writeFiles(temporaryFolder(), { 'a.md': 'four', 'b/c.md': 'x' });
    const path = join(temporaryFolder(), 'site.pack');
    const stamps = async (forCache: boolean) => {
      await buildPack(settingsFor([folder]), path, forCache);
      const pack = new Pack(path);
      try {
        return pack.stamps().flatMap(({ path, size }) => (size < -1 ? [] : `${path.slice(folder.length)} ${size}`));
      } finally {
        pack.close();
      }
    };
    assert.deepEqual((await stamps(true)).sort(), [' -1', '/a.md 4', '/b -1', '/b/c.md 1']);
    assert.deepEqual(await stamps(false), []);
  });
});
