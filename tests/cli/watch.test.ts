// Watching sources: one rebuild after another, and none is missed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SourceWatch } from '../../src/cli/watch.ts';
import { folderWith } from '../support.ts';

test('a rebuild never begins before the last one is done, and what changed meanwhile is built afterwards', async () => {
  const folder = folderWith({ 'a.md': '0' });
  const file = join(folder, 'a.md');
  let running = 0;
  let most = 0;
  let begun = 0;
  const first = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const rebuild = async () => {
    most = Math.max(most, ++running);
    begun++;
    if (begun === 1) first.resolve();
    else second.resolve();
    await release.promise;
    running--;
  };
  const watch = new SourceWatch([{ path: folder, shown: 'docs' }], rebuild, assert.fail);
  try {
    writeFileSync(file, '1');
    await first.promise;
    for (const text of ['2', '3']) {
      writeFileSync(file, text);
      // Longer than an editor's pause, so that each would be a rebuild of its own.
      await delay(250);
    }
    assert.equal(begun, 1);
    release.resolve();
    await second.promise;
    assert.equal(most, 1);
  } finally {
    watch.close();
  }
});

test('closing ends a rebuild that is under way', async () => {
  const folder = folderWith({ 'a.md': '0' });
  const begun = Promise.withResolvers<AbortSignal>();
  const watch = new SourceWatch(
    [{ path: folder, shown: 'docs' }],
    async (signal) => {
      begun.resolve(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
    assert.fail,
  );
  writeFileSync(join(folder, 'a.md'), '1');
  const signal = await begun.promise;
  assert.equal(signal.aborted, false);
  watch.close();
  assert.equal(signal.aborted, true);
});
