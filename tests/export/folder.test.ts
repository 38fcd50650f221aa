// Where `docent build` writes, what it replaces, what it refuses, and what a failure leaves behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN, docent, type Result } from '../cli/support.ts';
import { folderWith, readSite, writeFiles } from './support.ts';

const TOPICS = {
  'docs/one.md': '# One\n\nThe first.\n',
  'docs/two.md': '---\naliases: [zwei]\n---\n# Two\n\n![A dot](dot.png)\n',
  'docs/dot.png': new Uint8Array([137, 80, 78, 71]),
};

const build = (cwd: string, ...args: string[]) => docent(['build', ...args], { cwd });

/** A folder with the topics above and their site. */
async function built(): Promise<string> {
  const cwd = folderWith(TOPICS);
  const { code, stderr } = await build(cwd, 'docs', '--out', 'site');
  assert.equal(code, 0, stderr);
  return cwd;
}

function assertRefused({ code, stderr, stdout }: Result, message: RegExp): void {
  assert.deepEqual([code, stdout], [2, ''], stderr);
  assert.match(stderr, message);
  assert.match(stderr, /^ {2}hint: \S/m);
}

/** Everything in a folder, links and empty folders included. */
const listing = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

describe('a site', () => {
  test('is written into a new folder, missing parents included, and says so in one line', async () => {
    const cwd = folderWith(TOPICS);
    const { code, stdout, stderr } = await build(cwd, 'docs', '--out', 'a/b/site');
    assert.deepEqual([code, stderr], [0, '']);
    const files = readSite(join(cwd, 'a/b/site'));
    assert.equal(stdout, `a/b/site: 2 topics, ${files.size} files\n`);
    assert.deepEqual(files.get('help/_files/dot.png'), Buffer.from(TOPICS['docs/dot.png']));
    assert.deepEqual(readdirSync(join(cwd, 'a/b')), ['site'], 'nothing is left beside it');
  });

  test('may have an empty folder to itself', async () => {
    const cwd = folderWith(TOPICS);
    mkdirSync(join(cwd, 'site'));
    assert.equal((await build(cwd, 'docs', '--out', 'site')).code, 0);
    assert.ok(existsSync(join(cwd, 'site/index.html')));
  });

  test('is the same bytes when it is built again', async () => {
    const cwd = await built();
    assert.equal((await build(cwd, 'docs', '--out', 'again')).code, 0);
    assert.deepEqual(readSite(join(cwd, 'again')), readSite(join(cwd, 'site')));
  });

  test('replaces the one before: no stale file stays, and the folder keeps its mode', async () => {
    const cwd = await built();
    const before = readSite(join(cwd, 'site'));
    assert.ok(before.has('help/two.json') && before.has('help/zwei/index.html'));
    chmodSync(join(cwd, 'site'), 0o750);
    unlinkSync(join(cwd, 'docs/two.md'));
    writeFiles(cwd, { 'docs/three.md': '# Three\n' });
    // What a desktop leaves in a folder is in nobody's way.
    writeFileSync(join(cwd, 'site/help/.DS_Store'), '');
    const { code, stderr } = await build(cwd, 'docs', '--out', 'site');
    assert.equal(code, 0, stderr);
    const after = readSite(join(cwd, 'site'));
    assert.deepEqual(
      [...after.keys()].filter((file) => /two|zwei|_files|DS_Store/.test(file)),
      [],
    );
    assert.ok(after.has('help/three/index.html'));
    assert.equal(statSync(join(cwd, 'site')).mode & 0o777, 0o750);
    assert.deepEqual(
      readdirSync(cwd).sort(),
      ['.cache', 'docs', 'site'].filter((name) => existsSync(join(cwd, name))),
    );
  });

  test('of a pack is that of the pack’s sources', async () => {
    const cwd = folderWith(TOPICS);
    assert.equal((await docent(['pack', 'docs', '--out', 'help.pack'], { cwd })).code, 0);
    const env = { DOCENT_SITE_TITLE: 'Manual' };
    assert.equal((await docent(['build', 'help.pack', '--out', 'of-pack'], { cwd, env })).code, 0);
    assert.equal((await docent(['build', 'docs', '--out', 'of-docs'], { cwd, env })).code, 0);
    assert.deepEqual(readSite(join(cwd, 'of-pack')), readSite(join(cwd, 'of-docs')));
  });
});

describe('nothing that Docent did not make is replaced:', () => {
  test('a folder with other files', async () => {
    const cwd = folderWith({ ...TOPICS, 'site/thesis.tex': 'mine' });
    assertRefused(
      await build(cwd, 'docs', '--out', 'site'),
      /^docent: site is not empty, and docent build did not make/m,
    );
    assert.deepEqual(listing(join(cwd, 'site')), ['thesis.tex']);
  });

  test('a site to which somebody has added files, which are named', async () => {
    const cwd = await built();
    writeFiles(cwd, { 'site/CNAME': 'docs.example', 'site/help/one/notes.txt': 'mine' });
    const result = await build(cwd, 'docs', '--out', 'site');
    assertRefused(result, /site holds files that docent build did not make: .*CNAME/);
    assert.match(result.stderr, /help\/one\/notes\.txt/);
    assert.equal(readFileSync(join(cwd, 'site/CNAME'), 'utf8'), 'docs.example');
  });

  test('a folder whose list of files is not to be understood', async () => {
    for (const list of ['', '[]', '{"files": "all"}']) {
      const cwd = folderWith({ ...TOPICS, 'site/.docent-site.json': list, 'site/mine.txt': 'mine' });
      assertRefused(await build(cwd, 'docs', '--out', 'site'), /not empty/);
      assert.ok(existsSync(join(cwd, 'site/mine.txt')));
    }
  });

  test('a file', async () => {
    const cwd = folderWith({ ...TOPICS, site: 'mine' });
    assertRefused(await build(cwd, 'docs', '--out', 'site'), /site is a file/);
    assert.equal(readFileSync(join(cwd, 'site'), 'utf8'), 'mine');
  });

  test('a link, wherever it leads', async () => {
    const cwd = folderWith({ ...TOPICS, 'elsewhere/.keep': '' });
    unlinkSync(join(cwd, 'elsewhere/.keep'));
    for (const target of ['elsewhere', 'nowhere']) {
      symlinkSync(target, join(cwd, 'site'));
      assertRefused(await build(cwd, 'docs', '--out', 'site'), /site is a link/);
      assert.ok(lstatSync(join(cwd, 'site')).isSymbolicLink());
      unlinkSync(join(cwd, 'site'));
    }
    assert.deepEqual(readdirSync(join(cwd, 'elsewhere')), []);
  });

  test('what a link in an earlier site leads to', async () => {
    const cwd = await built();
    writeFiles(cwd, { 'mine/index.html': 'mine' });
    unlinkSync(join(cwd, 'site/index.html'));
    symlinkSync('../mine/index.html', join(cwd, 'site/index.html'));
    assert.equal((await build(cwd, 'docs', '--out', 'site')).code, 0);
    assert.equal(readFileSync(join(cwd, 'mine/index.html'), 'utf8'), 'mine');
    assert.ok(lstatSync(join(cwd, 'site/index.html')).isFile());
  });

  test('the current folder, and one above it', async () => {
    const cwd = folderWith({ 'docs/one.md': '# One\n', 'empty/deep/.keep': '' });
    unlinkSync(join(cwd, 'empty/deep/.keep'));
    const deep = join(cwd, 'empty/deep');
    for (const out of ['.', '..', deep]) assertRefused(await build(deep, '../../docs', '--out', out), /current folder/);
    assert.deepEqual(listing(join(cwd, 'empty')), ['deep']);
  });

  test('a folder inside a source, whose Markdown the next build would read; a hidden one is never read', async () => {
    const cwd = folderWith(TOPICS);
    assertRefused(await build(cwd, 'docs', '--out', 'docs/site'), /lies in the source docs/);
    symlinkSync('docs', join(cwd, 'link'));
    assertRefused(await build(cwd, 'docs', '--out', 'link/site'), /lies in the source docs/);
    for (const _ of [1, 2]) {
      const { code, stdout } = await build(cwd, 'docs', '--out', 'docs/.site');
      assert.equal(code, 0);
      assert.match(stdout, /: 2 topics/);
    }
  });
});

test('wrong usage is exit code 2 and says what to write', async () => {
  const cwd = folderWith(TOPICS);
  assertRefused(await build(cwd, 'docs'), /where to write the site is missing\n {2}hint: add --out DIR/);
  assertRefused(await build(cwd, 'docs', '--out', ''), /where to write the site is missing/);
  assertRefused(await build(cwd, 'nowhere', '--out', 'site'), /there is no folder nowhere/);
  assertRefused(await build(cwd, '--out', 'site'), /no source is named/);
  assertRefused(await build(cwd, 'docs', '--output', 'site'), /unknown option --output/);
  assert.equal(existsSync(join(cwd, 'site')), false);
});

describe('a failure leaves the last good site, and nothing beside it:', () => {
  const unharmed = async (cwd: string, act: () => Promise<Result>): Promise<Result> => {
    const before = readSite(join(cwd, 'site'));
    const beside = readdirSync(cwd).sort();
    const result = await act();
    assert.equal(result.stdout, '');
    assert.doesNotMatch(result.stderr, /\n\s+at |node:internal/, 'no stack trace');
    assert.deepEqual(readSite(join(cwd, 'site')), before);
    assert.deepEqual(readdirSync(cwd).sort(), beside);
    return result;
  };

  test('an error in a strict build', async () => {
    const cwd = await built();
    const result = await unharmed(cwd, () => build(cwd, 'docs', '--strict', '--out', 'site'));
    assert.equal(result.code, 1);
    assert.match(result.stderr, /nothing is published/);
  });

  test('a file that cannot be written to its end', async () => {
    const cwd = await built();
    assert.equal((await docent(['pack', 'docs', '--out', 'help.pack'], { cwd })).code, 0);
    // No file of more than 1 or 2 KiB: what a full disk looks like to a process.
    const limited = () =>
      shell('ulimit -f 2; exec "$0" "$@"', [process.execPath, BIN, 'build', 'help.pack', '--out', 'site'], cwd);
    const result = await unharmed(cwd, limited);
    assert.equal(result.code, 3);
    assert.match(result.stderr, /^docent: cannot write the site site \(EFBIG\)\n {2}hint: /m);
  });

  test('a request to end', async () => {
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`docs/t${index}.md`, `# T${index}\n`]));
    const cwd = folderWith({ ...many, ...TOPICS });
    assert.equal((await docent(['pack', 'docs', '--out', 'help.pack'], { cwd })).code, 0);
    mkdirSync(join(cwd, 'small'));
    writeFileSync(join(cwd, 'small/one.md'), '# One\n');
    assert.equal((await build(cwd, 'small', '--out', 'site')).code, 0);
    const result = await unharmed(cwd, () => {
      const running = spawn(process.execPath, [BIN, 'build', 'help.pack', '--out', 'site'], { cwd });
      return ended(running, async () => {
        // The new site grows beside its place.
        while (!readdirSync(cwd).some((name) => name.endsWith('.tmp'))) await sleep(5);
        running.kill('SIGINT');
      });
    });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^docent: interrupted\n {2}hint: /);
  });
});

test('a place that cannot be written is exit code 3, with the reason', async () => {
  const cwd = folderWith({ ...TOPICS, file: '' });
  for (const [out, reason] of [
    ['file/site', 'ENOTDIR'],
    ['/proc/docent/site', 'ENOENT'],
  ] as const) {
    const { code, stderr } = await build(cwd, 'docs', '--out', out);
    assert.equal(code, 3, stderr);
    assert.match(stderr, new RegExp(`cannot write the site ${out} \\(${reason}\\)\\n  hint: \\S`));
  }
});

function shell(script: string, args: string[], cwd: string): Promise<Result> {
  return ended(spawn('sh', ['-c', script, ...args], { cwd, env: { PATH: process.env.PATH ?? '', HOME: cwd } }));
}

async function ended(child: ReturnType<typeof spawn>, meanwhile?: () => Promise<void>): Promise<Result> {
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  const code = new Promise<number | null>((done) => child.on('close', done));
  await meanwhile?.();
  return { code: await code, ...output };
}
