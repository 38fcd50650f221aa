// Packs come from anywhere. Whatever stands in one, no file is written outside the site, and none over another.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { SiteFolder } from '../../src/export/folder.ts';
import { docent, type Result } from '../cli/support.ts';
import { linksOf, valuesOf } from '../http/html.ts';
import { folderWith, readSite, temporaryFolder } from './support.ts';

const FILES = {
  'docs/one.md': '---\nactions:\n  run: { file: run.sh, media_type: text/x-sh }\n---\n# One\n\n![A dot](dot.png)\n',
  'docs/two.md': '# Two\n',
  'docs/run.sh': 'echo\n',
  'docs/dot.png': new Uint8Array([137, 80, 78, 71]),
};

/** Builds the site of a pack in which somebody has changed something, without the checksum that would give it away. */
async function buildForged(change: (db: DatabaseSync) => void): Promise<Result & { cwd: string }> {
  const cwd = folderWith(FILES);
  const packed = await docent(['pack', 'docs', '--out', 'forged.pack'], { cwd });
  assert.equal(packed.code, 0, packed.stderr);
  const db = new DatabaseSync(join(cwd, 'forged.pack'));
  db.exec("DELETE FROM meta WHERE key = 'checksum'");
  change(db);
  db.close();
  const result = await docent(['build', 'forged.pack', '--out', 'out/deep/site'], { cwd });
  assert.deepEqual(
    readdirSync(cwd).filter((name) => name !== '.cache'),
    ['docs', 'forged.pack', ...(existsSync(join(cwd, 'out')) ? ['out'] : [])],
  );
  assert.doesNotMatch(result.stderr, /\n\s+at |node:internal/, 'no stack trace');
  return { ...result, cwd };
}

function assertUnsafe({ code, stderr, cwd }: Result & { cwd: string }, file: string): void {
  assert.equal(code, 3, stderr);
  assert.ok(stderr.includes(`${JSON.stringify(file)} would not lie in the site`), stderr);
  assert.match(stderr, /hint: the pack/);
  assert.deepEqual(readdirSync(join(cwd, 'out/deep')), []);
}

test('a topic whose name leads out is refused, and no site is written', async () => {
  const result = await buildForged((db) => db.exec("UPDATE topic SET slug = '../../../two' WHERE slug = 'two'"));
  assertUnsafe(result, 'help/../../../two/index.html');
});

test('an action whose name leads out is refused, and no site is written', async () => {
  const result = await buildForged((db) => db.exec("UPDATE action SET name = '../../../../run'"));
  assertUnsafe(result, 'help/one/../../../../run');
});

test('an image whose name leads out is refused where a page shows it', async () => {
  const result = await buildForged((db) => {
    db.exec("UPDATE file SET path = '../../../../dot.png'");
    db.prepare("UPDATE topic SET html = ? WHERE slug = 'one'").run('<img src="../_files/..%2f../../../dot.png">');
  });
  assertUnsafe(result, 'help/_files/../../../../dot.png');
});

describe('a site takes no file of the name', () => {
  for (const name of ['..', '../a', 'a/../../b', 'a/./b', 'a/..', './a', '/etc/a', 'a//b', 'a/', '', 'a\0b']) {
    test(JSON.stringify(name), () => {
      const cwd = temporaryFolder();
      const site = new SiteFolder(join(cwd, 'site'));
      assert.throws(() => site.write(name, 'text'), { name: 'ExportError', reason: 'unsafe-name' });
      site.discard();
      assert.deepEqual(readdirSync(cwd), []);
    });
  }

  test('of a file that is there, or of a folder, or below a file', () => {
    const site = new SiteFolder(join(temporaryFolder(), 'site'));
    site.write('a/b', 'first');
    for (const name of ['a/b', 'a', 'a/b/c'])
      assert.throws(() => site.write(name, 'second'), { name: 'ExportError', reason: 'clash' });
    assert.equal(site.publish(), 1);
    assert.equal(readFileSync(join(site.path, 'a/b'), 'utf8'), 'first');
  });
});

test('a pack that somebody has changed is refused where its checksum tells', async () => {
  const cwd = folderWith(FILES);
  await docent(['pack', 'docs', '--out', 'changed.pack'], { cwd });
  const db = new DatabaseSync(join(cwd, 'changed.pack'));
  db.exec("UPDATE topic SET title = 'Three' WHERE slug = 'two'");
  db.close();
  const { code, stderr } = await docent(['build', 'changed.pack', '--out', 'site'], { cwd });
  assert.deepEqual([code, readdirSync(cwd).includes('site')], [3, false]);
  assert.match(stderr, /changed\.pack is damaged/);
});

test('names that differ in case only are written, with a word about file systems that ignore it', async () => {
  const action = (name: string) => `  ${name}: { file: run.sh, media_type: text/x-sh }\n`;
  const cwd = folderWith({ ...FILES, 'docs/one.md': `---\nactions:\n${action('run')}${action('Run')}---\n# One\n` });
  const { code, stderr } = await docent(['build', 'docs', '--out', 'site'], { cwd });
  assert.equal(code, 0);
  assert.match(stderr, /^docent: help\/one\/Run and help\/one\/run differ in case only; some file systems keep one/m);
  const files = readSite(join(cwd, 'site'));
  assert.ok(files.has('help/one/run') && files.has('help/one/Run'));
});

test('markup in titles and addresses is text in every page', async () => {
  const error = '{ status: 404, retryable: never, codes: { x: "<img src=x>" } }';
  const cwd = folderWith({
    'docs/a.md': `---\ntitle: "<script>alert(1)</script>"\naliases: [b]\nerror: ${error}\n---\nx\n`,
  });
  const home = 'https://docs.example/%22%3E%3Cb%3E&lt';
  const env = { DOCENT_SITE_TITLE: '</title><script>x</script>', DOCENT_SITE_URL: home };
  const { code, stderr } = await docent(['build', 'docs', '--out', 'site'], { cwd, env });
  assert.equal(code, 0, stderr);
  const files = readSite(join(cwd, 'site'));
  for (const [file, bytes] of files)
    if (/\.(html|xml)$/.test(file)) assert.doesNotMatch(bytes.toString(), /<script|<img|<b>/, file);
  const alias = files.get('help/b/index.html')?.toString() ?? '';
  assert.deepEqual(linksOf(alias, 'canonical'), [`${home}/help/a/`]);
  assert.deepEqual(valuesOf(alias, 'href', 'a'), [new URL(`${home}/help/a/`).pathname]);
});
