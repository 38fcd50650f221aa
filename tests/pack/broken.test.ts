// What is no pack, or no longer one, says so in one sentence; what cannot be written leaves things as they were.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { verifyPack } from '../../src/pack/checksum.ts';
import { Pack } from '../../src/pack/read.ts';
import { writePack } from '../../src/pack/write.ts';
import { folderWith, temporaryFolder } from '../support.ts';
import { fullCatalog, TEAPOT, topic, written } from './support.ts';

/** A pack of several pages, changed. */
function changed(change: (bytes: Buffer) => Buffer | undefined): string {
  const topics = Array.from({ length: 60 }, (_, index) => topic(`t${index}`));
  const path = written({ ...fullCatalog(), topics });
  const bytes = readFileSync(path);
  writeFileSync(path, change(bytes) ?? bytes);
  return path;
}

const patched = (offset: number, value: number) =>
  changed((bytes) => {
    bytes.writeUInt32BE(value, offset);
    return undefined;
  });

/** Reads all there is. */
function readAll(path: string): void {
  const pack = new Pack(path);
  try {
    verifyPack(path);
    for (const { slug } of pack.rows()) {
      pack.topic(slug);
      pack.actions(slug);
    }
    pack.rows().map(({ slug }) => pack.topicJson(slug) ?? '');
    pack.landing();
    pack.resolve('old/name');
    pack.file('empty.svg');
    pack.stamps();
  } finally {
    pack.close();
  }
}

describe('a file is refused', () => {
  for (const [what, make, reason, message] of [
    [
      'that is not there',
      () => join(temporaryFolder(), 'a.pack'),
      'missing',
      'there is no pack at PATH; make one with: docent pack SOURCE --out PATH',
    ],
    [
      'that is a folder',
      () => temporaryFolder(),
      'missing',
      'there is no pack at PATH; make one with: docent pack SOURCE --out PATH',
    ],
    [
      'that is empty',
      () => changed(() => Buffer.alloc(0)),
      'not-a-pack',
      'PATH is no pack; name a folder of Markdown files, or make a pack with: docent pack SOURCE --out FILE',
    ],
    [
      'that is a text',
      () => join(folderWith({ 'a.pack': '# A\n'.repeat(100) }), 'a.pack'),
      'not-a-pack',
      'PATH is no pack; name a folder of Markdown files, or make a pack with: docent pack SOURCE --out FILE',
    ],
    [
      'that is only the beginning of a header',
      () => changed((bytes) => bytes.subarray(0, 99)),
      'not-a-pack',
      'PATH is no pack; name a folder of Markdown files, or make a pack with: docent pack SOURCE --out FILE',
    ],
    [
      'that is another database',
      () => patched(68, 0x12345678),
      'not-a-pack',
      'PATH is no pack; name a folder of Markdown files, or make a pack with: docent pack SOURCE --out FILE',
    ],
    [
      'of a later format',
      () => patched(60, 2),
      'other-format',
      'PATH has pack format 2, this Docent reads format 1; make it again with: docent pack',
    ],
    [
      'of an earlier format',
      () => patched(60, 0),
      'other-format',
      'PATH has pack format 0, this Docent reads format 1; make it again with: docent pack',
    ],
    [
      'that lost its end',
      () => changed((bytes) => bytes.subarray(0, bytes.length - 8192)),
      'damaged',
      'the pack PATH is damaged; make it again with: docent pack',
    ],
    [
      'that lost its last byte',
      () => changed((bytes) => bytes.subarray(0, -1)),
      'damaged',
      'the pack PATH is damaged; make it again with: docent pack',
    ],
    [
      'that has only its header',
      () => changed((bytes) => bytes.subarray(0, 100)),
      'damaged',
      'the pack PATH is damaged; make it again with: docent pack',
    ],
    [
      'that has something behind its end',
      () => changed((bytes) => Buffer.concat([bytes, Buffer.from('x')])),
      'damaged',
      'the pack PATH is damaged; make it again with: docent pack',
    ],
  ] as [string, () => string, string, string][]) {
    test(what, () => {
      const path = make();
      const expected = { name: 'PackError', reason, message: message.replaceAll('PATH', path) };
      assert.throws(() => new Pack(path), expected);
    });
  }

  test('that has the tables of another program', () => {
    const path = changed(() => undefined);
    const db = new DatabaseSync(path);
    db.exec('DROP TABLE meta');
    db.close();
    assert.throws(() => new Pack(path), { name: 'PackError', reason: 'damaged' });
  });

  for (const [what, sql] of [
    ['a product that is no JSON', "UPDATE meta SET value = '{' WHERE key = 'product'"],
    ['no product', "DELETE FROM meta WHERE key = 'product'"],
  ] as const) {
    test(`that has ${what}`, () => {
      const path = changed(() => undefined);
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
      assert.throws(() => new Pack(path), { name: 'PackError', reason: 'damaged' });
    });
  }
});

describe('a pack that is damaged inside', () => {
  test('is found out when it is looked at as a whole', () => {
    const path = changed((bytes) => bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 8192) && undefined);
    assert.throws(() => verifyPack(path), {
      name: 'PackError',
      reason: 'damaged',
      message: `the pack ${path} is damaged; make it again with: docent pack`,
    });
  });

  test('is found out by a single changed letter', () => {
    const path = changed((bytes) => {
      const at = bytes.lastIndexOf('</p>') + 1;
      assert.ok(at > 0);
      bytes.write('q', at);
    });
    assert.throws(() => verifyPack(path), { name: 'PackError', reason: 'damaged' });
  });

  test('never says anything else, whichever of its pages is overwritten', () => {
    const pages = readFileSync(changed(() => undefined)).length / 8192;
    assert.ok(pages > 5);
    let refused = 0;
    for (let page = 0; page < pages; page++) {
      for (const [offset, value] of [
        [100, 0xff],
        [0, 0],
        [4000, 0x41],
      ] as const) {
        const path = changed((bytes) => {
          // The header of the file is another matter.
          const start = page * 8192 + Math.max(offset, page === 0 ? 100 : 0);
          bytes.fill(value, start, start + 64);
          return undefined;
        });
        try {
          readAll(path);
        } catch (error) {
          refused++;
          assert.deepEqual([(error as Error).name, (error as { reason?: string }).reason], ['PackError', 'damaged']);
        }
      }
    }
    assert.ok(refused > pages, `${refused} of ${pages * 3} were found out`);
  });

  for (const [what, sql, read] of [
    ['a list of related topics', "UPDATE topic SET see_also = '['", (pack: Pack) => pack.rows()],
    ['a list of related topics, in one row', "UPDATE topic SET see_also = '['", (pack: Pack) => pack.row('t1')],
    ['blocks', "UPDATE topic SET blocks = ''", (pack: Pack) => pack.topic('t1')],
    ['a landing text', "UPDATE meta SET value = 'x' WHERE key = 'landing'", (pack: Pack) => pack.landing()],
  ] as const) {
    test(`says so where ${what} is no JSON`, () => {
      const path = changed(() => undefined);
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
      const pack = new Pack(path);
      assert.throws(() => read(pack), { name: 'PackError', reason: 'damaged' });
      pack.close();
    });
  }
});

describe('writing that fails', () => {
  const refuses = (path: string, pattern: RegExp) =>
    assert.throws(
      () => writePack(path, fullCatalog(), TEAPOT),
      (error: Error & { reason?: string }) => {
        assert.deepEqual([error.name, error.reason], ['PackError', 'not-writable']);
        assert.match(error.message, pattern);
        return true;
      },
    );

  test('below a file says why', () => {
    const folder = folderWith({ file: 'x' });
    refuses(
      join(folder, 'file', 'a.pack'),
      /^cannot write the pack .*\/file\/a\.pack \(ENOTDIR\); name another place with --pack or --out$/,
    );
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  test('in a file system that takes no files says why', () => {
    refuses('/proc/docent/a.pack', /^cannot write the pack \/proc\/docent\/a\.pack \(ENOENT\); /);
    refuses('/proc/a.pack', /\(E[A-Z]+\)/);
  });

  test('to a folder leaves it as it is', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'a.pack'));
    refuses(join(folder, 'a.pack'), /\(it is a folder\)/);
    assert.deepEqual(readdirSync(folder), ['a.pack']);
  });

  test('halfway leaves the old pack and no other file', () => {
    const path = written();
    const before = readFileSync(path);
    // Two topics with one slug: no catalog has them, and the second makes the database refuse.
    const twice = { ...fullCatalog(), topics: [topic('new'), topic('new')] };
    assert.throws(() => writePack(path, twice, TEAPOT), { name: 'PackError', reason: 'not-writable' });
    assert.equal(readFileSync(path).equals(before), true);
    assert.deepEqual(readdirSync(dirname(path)), [basename(path)]);
  });

  test('where nothing was before leaves nothing', () => {
    const folder = temporaryFolder();
    const twice = { ...fullCatalog(), topics: [topic('new'), topic('new')] };
    assert.throws(() => writePack(join(folder, 'a.pack'), twice, TEAPOT), { reason: 'not-writable' });
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('writing makes the folders it needs, and replaces what is there, whatever it is', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'new', 'deep', 'a.pack');
  writePack(path, fullCatalog(), TEAPOT);
  assert.deepEqual(readdirSync(dirname(path)), ['a.pack']);
  writeFileSync(path, 'no pack');
  writePack(path, fullCatalog(), TEAPOT);
  readAll(path);
  truncateSync(path, 10);
  const link = join(folder, 'link.pack');
  symlinkSync(path, link);
  writePack(link, fullCatalog(), TEAPOT);
  readAll(link);
});
