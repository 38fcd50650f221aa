// Compiling in threads: the same result as in one, and nothing that a file does stops the others or the program.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { build, buildPack, buildSync } from '../../src/build/build.ts';
import { writePack } from '../../src/pack/write.ts';
import type { DocentConfig } from '../../src/topic/descriptor.ts';
import { catalogOf, codes, type Files, fixture, folderWith, idsOf, settingsFor, temporaryFolder } from '../support.ts';

/** More files than threads are sent ahead, some of them in error, and a second source that overlays the first. */
const FILES: Files = {
  ...Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [
      `part/topic-${index}.md`,
      `# Topic “${index}”\n\nSee [next](topic-${index + 1}.md).\n\n\`\`\`json\n{"a": [${index}, "<&>"]}\n\`\`\`\n`,
    ]),
  ),
  'part/script.sh': '#!/bin/sh\n',
  'part/with-action.md': '---\nactions: {run: {file: script.sh, media_type: text/x-sh}}\n---\n[run](script.sh)\n',
  'a.md': '---\ntitel: A\nstability: good\n---\n[x](b.md) [y](javascript:z)\n',
  'empty.md': '',
  'deep.md': `${'> '.repeat(5000)}x\n`,
};
const OVERLAY: Files = { 'part/topic-3.md': '# Another\n', 'z.md': '[a](part/topic-1.md#nowhere)\n' };

/** 200 kB of it keep the Markdown parser busy for far longer than any limit here. */
const HOSTILE = '_a_'.repeat(66_000);

/** Long enough for any other file on a busy machine, and short enough to wait for. Milliseconds. */
const LIMIT_MS = 2000;

describe('what comes out', () => {
  const settings = settingsFor([folderWith(FILES), folderWith(OVERLAY), fixture('golden')], { product: { name: 'x' } });

  test('is the same to the byte, whatever number of threads compiles it', async () => {
    const alone = buildSync(settings);
    assert.ok(codes(alone.diagnostics).includes('markdown-too-deep') && idsOf(alone).length > 40);
    const path = join(temporaryFolder(), 'alone.pack');
    writePack(path, catalogOf(alone), settings.product);
    for (const threads of [undefined, 1, 2, 3]) {
      const limits = threads === undefined ? {} : { threads };
      const other = join(temporaryFolder(), 'other.pack');
      const { written, diagnostics } = await buildPack(settings, other, false, limits);
      assert.equal(written, true);
      assert.deepEqual(diagnostics, alone.diagnostics);
      assert.equal(readFileSync(other).equals(readFileSync(path)), true, `${threads} threads`);
    }
  });

  test('is the same where there are fewer files than threads, or none', async () => {
    for (const files of [{ 'a.md': '# A\n' }, {}] as Files[]) {
      const some = settingsFor([folderWith(files)]);
      assert.deepEqual(await build(some, { threads: 4 }), buildSync(some));
    }
  });
});

describe('a file that takes too long', () => {
  const files = { ...FILES, 'part/hostile.md': `# H\n\n${HOSTILE}\n`, 'zz.md': `${HOSTILE}@\n` };
  const without = buildSync(settingsFor([folderWith(FILES)]));

  for (const [how, limits] of [
    ['when one thread has all the files', { threads: 1 }],
    ['in a small source, which is compiled without threads', {}],
  ] as const) {
    test(`is left out and reported, ${how}; the others are all there`, async () => {
      const settings = settingsFor([folderWith(files)]);
      const result = await build(settings, { ...limits, limitMs: LIMIT_MS });
      assert.deepEqual(
        result.diagnostics.filter(({ code }) => code === 'compile-timeout').map(({ file, line }) => `${file}:${line}`),
        ['docs/part/hostile.md:1', 'docs/zz.md:1'],
      );
      assert.deepEqual(idsOf(result), idsOf(without));
      assert.equal(result.diagnostics.length, without.diagnostics.length + 2);
    });
  }

  test('stops a strict build', async () => {
    const strict: DocentConfig = { strict: true };
    const settings = settingsFor(
      [folderWith({ 'a.md': `---\ntopic: a\ntitle: A\nstability: stable\n---\n${HOSTILE}\n` })],
      strict,
    );
    const { catalog, diagnostics } = await build(settings, { limitMs: LIMIT_MS });
    assert.equal(catalog, undefined);
    assert.deepEqual(codes(diagnostics), ['compile-timeout']);
  });
});

test('a file that fills a thread’s memory is named, and the program goes on', async () => {
  const settings = settingsFor([folderWith({ 'a.md': '# A\n', 'b/huge.md': '* a\n\n'.repeat(300_000) })]);
  for (const threads of [1, 2])
    await assert.rejects(build(settings, { threads, memoryMiB: 24 }), /^Error: compiling docs\/b\/huge\.md failed: /);
  assert.deepEqual(idsOf(await build(settingsFor([folderWith({ 'a.md': '# A\n' })]), { threads: 1 })), ['a']);
});

test('a build that is not wanted any more ends at once', async () => {
  const settings = settingsFor([folderWith({ ...FILES, 'part/hostile.md': HOSTILE })]);
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = build(settings, { threads: 2, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 500);
  await assert.rejects(running, reason);
  await assert.rejects(build(settings, { threads: 2, signal: controller.signal }), reason);
});
