// A cached pack is used as long as its sources are what they were.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildPack } from '../../src/build/build.ts';
import { cachedPackPath, openFresh } from '../../src/build/cache.ts';
import type { Settings } from '../../src/config/config.ts';
import { folderWith, settingsFor, temporaryFolder, writeFiles } from '../support.ts';

/** A source with its cached pack. All of it is old, so that no clock is too coarse to show a change. */
async function cached(): Promise<{ settings: Settings; folder: string; path: string }> {
  const folder = folderWith({ 'a.md': 'four', 'b/c.md': 'x', 'b/note.txt': 'x' });
  for (const entry of ['a.md', 'b/c.md', 'b', '.']) utimesSync(join(folder, entry), 1_000_000, 1_000_000);
  const path = join(temporaryFolder(), 'cache.pack');
  const settings = settingsFor([folder]);
  await buildPack(settings, path, true);
  return { settings, folder, path };
}

function isFresh(path: string, settings: Settings): boolean {
  const pack = openFresh(path, settings);
  pack?.close();
  return pack !== undefined;
}

describe('a cached pack is fresh', () => {
  test('while nothing changes', async () => {
    const { settings, path } = await cached();
    assert.equal(isFresh(path, settings), true);
    assert.equal(isFresh(path, settings), true);
  });

  test('also from a source that is reached by a link', async () => {
    const folder = folderWith({ 'a.md': 'x' });
    const link = join(temporaryFolder(), 'link');
    symlinkSync(folder, link);
    const path = join(temporaryFolder(), 'cache.pack');
    const settings = settingsFor([link]);
    await buildPack(settings, path, true);
    assert.equal(isFresh(path, settings), true);
  });

  test('when a file is read or another folder changes', async () => {
    const { settings, folder, path } = await cached();
    writeFileSync(join(folder, 'b/note.txt'), 'changed');
    writeFiles(temporaryFolder(), { 'a.md': 'x' });
    assert.equal(isFresh(path, settings), true);
  });
});

describe('a cached pack is stale', () => {
  for (const [when, change] of [
    ['a file is longer', (folder) => writeFileSync(join(folder, 'a.md'), 'five5')],
    [
      'a file is longer, though it claims to be as old',
      (folder) => {
        writeFileSync(join(folder, 'a.md'), 'five5');
        utimesSync(join(folder, 'a.md'), 1_000_000, 1_000_000);
      },
    ],
    ['a file changes without getting longer', (folder) => writeFileSync(join(folder, 'a.md'), 'FOUR')],
    ['a file is added', (folder) => writeFileSync(join(folder, 'b/new.md'), 'x')],
    ['a folder with a file is added', (folder) => writeFiles(folder, { 'd/e/f.md': 'x' })],
    ['a file is removed', (folder) => rmSync(join(folder, 'b/c.md'))],
    ['a folder is removed', (folder) => rmSync(join(folder, 'b'), { recursive: true })],
    ['the source is removed', (folder) => rmSync(folder, { recursive: true })],
    ['a file is renamed', (folder) => renameSync(join(folder, 'a.md'), join(folder, 'z.md'))],
    [
      'a file becomes a folder',
      (folder) => {
        rmSync(join(folder, 'a.md'));
        mkdirSync(join(folder, 'a.md'));
      },
    ],
  ] as [string, (folder: string) => void][]) {
    test(`when ${when}`, async () => {
      const { settings, folder, path } = await cached();
      change(folder);
      assert.equal(isFresh(path, settings), false);
    });
  }
});

describe('a cached pack is built again', () => {
  test('when it is missing, no pack, or damaged', async () => {
    const { settings, path } = await cached();
    assert.equal(openFresh(`${path}.not`, settings), undefined);
    writeFileSync(path, '');
    assert.equal(openFresh(path, settings), undefined);
    writeFileSync(path, 'no pack at all'.repeat(100));
    assert.equal(openFresh(path, settings), undefined);
  });
});

test('a cached pack of other settings is not used, even under the same name', async () => {
  const { settings, path } = await cached();
  assert.equal(isFresh(path, { ...settings, strict: true }), false);
  assert.equal(isFresh(path, { ...settings, content: [] }), false);
  assert.equal(isFresh(path, settings), true);
});

test('a cached pack does not hold the password of a store', async () => {
  const folder = folderWith({ 'a.md': '# A\n' });
  const settings = settingsFor([folder], { reference: { store: 'redis://:secret@cache' } });
  const path = join(temporaryFolder(), 'a.pack');
  await buildPack(settings, path, true);
  assert.ok(openFresh(path, settings) !== undefined);
  assert.ok(!readFileSync(path, 'latin1').includes('secret'));
});

describe('where a cached pack lies', () => {
  const settings = settingsFor(['/srv/docs'], { product: { name: 'a' } });
  const pathOf = (other: Partial<typeof settings>, version = '1.0.0') =>
    cachedPackPath('/cache', { ...settings, ...other }, version);

  test('is in the cache folder, the same for the same settings', () => {
    assert.match(pathOf({}), /^\/cache\/[0-9a-f]{16}\.pack$/);
    assert.equal(pathOf({}), pathOf({ content: [{ path: '/srv/docs', shown: 'another spelling' }] }));
  });

  test('has nothing to do with the reference API', () => {
    assert.equal(
      pathOf({}),
      pathOf({
        reference: { enabled: true, durability: 'relaxed', store: 'redis://:secret@a', trustedProxies: [], limits: {} },
      }),
    );
  });

  test('is elsewhere for other sources, configuration or compiler', () => {
    const paths = [
      pathOf({}),
      pathOf({}, '1.0.1'),
      pathOf({ content: [{ path: '/srv/other', shown: 'docs' }] }),
      pathOf({ strict: true }),
      pathOf({ allowHtml: true }),
      pathOf({ product: { name: 'b', command: 'b help' } }),
      pathOf({ base: '/x' }),
      pathOf({ defaultStability: 'stable' }),
    ];
    assert.equal(new Set(paths).size, paths.length);
  });
});
