// Which files of a folder are topics, under which id, and what stands in the way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { listSource, readAttachment, readSource, SOURCE_LIMIT_BYTES } from '../../src/compile/source.ts';
import { compileFile, type Files, folderWith, printed, SHOWN, temporaryFolder, writeFiles } from '../support.ts';

const list = (path: string) => listSource({ path, shown: SHOWN });
const idsOf = (files: Files) => list(folderWith(files)).files.map(({ path, id }) => `${path} ${id}`);

describe('a folder of Markdown', () => {
  test('has a topic for each file, by its path, in order of code units', () => {
    assert.deepEqual(
      idsOf({ 'b.md': 'x', 'a/c.md': 'x', 'B.md': 'x', 'a.md': 'x', 'a/b/d.markdown': 'x', 'E.MD': 'x' }),
      ['B.md B', 'E.MD E', 'a/b/d.markdown a.b.d', 'a/c.md a.c', 'a.md a', 'b.md b'],
    );
  });

  test('passes over what is hidden, node_modules at any depth, and what is no Markdown', () => {
    const files = [
      '.git/a.md',
      '.a.md',
      'a/.b.md',
      'node_modules/x/README.md',
      'a/node_modules/y.md',
      'a.txt',
      'md',
      'a/b.mdx',
    ];
    assert.deepEqual(idsOf({ ...Object.fromEntries(files.map((name) => [name, 'x'])), 'a/b.md': 'x' }), ['a/b.md a.b']);
  });

  test('may itself be hidden or below node_modules', () => {
    const root = folderWith({ 'node_modules/tool/.docs/a.md': 'x' });
    assert.deepEqual(
      list(join(root, 'node_modules/tool/.docs')).files.map(({ id }) => id),
      ['a'],
    );
  });

  test('has its folders described by index and README, in any case, and its root by the landing text', () => {
    assert.deepEqual(idsOf({ 'README.md': 'x', 'a/index.md': 'x', 'b/Readme.markdown': 'x', 'b/c/INDEX.md': 'x' }), [
      'README.md ',
      'a/index.md a',
      'b/Readme.markdown b',
      'b/c/INDEX.md b.c',
    ]);
  });

  test('may have names of any characters, which become dashes', () => {
    assert.deepEqual(idsOf({ 'Getting started/1. Install (Linux).md': 'x', 'v1.2/naïve & co.md': 'x' }), [
      'Getting started/1. Install (Linux).md Getting-started.1-Install-Linux',
      'v1.2/naïve & co.md v1-2.na-ve-co',
    ]);
  });

  test('may have a folder that is named like a file', () => {
    assert.deepEqual(idsOf({ 'a.md/b.md': 'x' }), ['a.md/b.md a-md.b']);
  });

  test('says of each file its size, and of each folder that it was read', () => {
    const root = folderWith({ 'a/b.md': 'four' });
    const { files, folders } = list(root);
    assert.deepEqual([files[0]?.size, files[0]?.file], [4, 'docs/a/b.md']);
    assert.deepEqual(
      folders.map(({ path, mtimeMs }) => [path, mtimeMs]),
      [root, join(root, 'a')].map((path) => [path, statSync(path).mtimeMs]),
    );
  });
});

describe('a name that cannot be a topic is reported, and the others are listed', () => {
  const problems = (files: Files) => {
    const { files: found, diagnostics } = list(folderWith({ ...files, 'good.md': 'x' }));
    assert.deepEqual(
      found.map(({ id }) => id),
      ['good'],
    );
    return printed(diagnostics);
  };

  test('without a letter or digit', () => {
    const problem =
      'error unusable-name: no topic id can be made of this path\n  hint: a name needs a letter A–Z or a digit; rename the file or folder';
    assert.deepEqual(problems({ '日本.md': 'x', 'a/---.md': 'x', '(—)/b.md': 'x' }), [
      `docs/(—)/b.md:1:1: ${problem}`,
      `docs/a/---.md:1:1: ${problem}`,
      `docs/日本.md:1:1: ${problem}`,
    ]);
  });

  test('reserved in URLs', () => {
    const hint = '  hint: give the file or folder another name';
    assert.deepEqual(
      problems({ 'catalog.md': 'x', 'Versions/a.md': 'x', 'topic-tree/README.md': 'x', 'a/index/b.md': 'x' }),
      [
        `docs/Versions/a.md:1:1: error reserved-segment: "Versions" is reserved in URLs\n${hint}`,
        `docs/a/index/b.md:1:1: error reserved-segment: "index" is reserved in URLs\n${hint}`,
        `docs/catalog.md:1:1: error reserved-segment: "catalog" is reserved in URLs\n${hint}`,
        `docs/topic-tree/README.md:1:1: error reserved-segment: "topic-tree" is reserved in URLs\n${hint}`,
      ],
    );
  });

  test('longer than an id may be', () => {
    const folder = 'a'.repeat(66);
    assert.deepEqual(list(folderWith({ [`${folder}/${folder}/${folder}.md`]: 'x' })).diagnostics, []);
    assert.deepEqual(problems({ [`${folder}/${folder}/${folder}b.md`]: 'x' }), [
      `docs/${folder}/${folder}/${folder}b.md:1:1: error unusable-name: the topic id of this path has 201 characters; at most 200 are allowed\n` +
        '  hint: give the file and its folders shorter names',
    ]);
  });
});

describe('a source that is none', () => {
  test('because it is not there', () => {
    assert.deepEqual(printed(list(join(temporaryFolder(), 'nowhere')).diagnostics), [
      'docs:1:1: error not-found: there is no such folder\n  hint: name a folder of Markdown files',
    ]);
  });

  test('because it is a file', () => {
    assert.deepEqual(printed(list(join(folderWith({ 'a.md': 'x' }), 'a.md')).diagnostics), [
      'docs:1:1: error not-found: this is not a folder\n  hint: name a folder of Markdown files',
    ]);
  });

  test('because nothing is in it', () => {
    assert.deepEqual(printed(list(folderWith({ 'a.txt': 'x', '.b.md': 'x' })).diagnostics), [
      'docs:1:1: error empty-source: no Markdown files in here\n  hint: put a Markdown file into it, such as hello.md',
    ]);
  });
});

describe('a file that is no text is reported', () => {
  const hint = '  hint: save it as UTF-8, or take it out of the source';
  for (const [what, bytes] of [
    ['binary', Buffer.from('89504e470d0a1a0a0000000d', 'hex')],
    ['text with a zero byte', Buffer.from('# A\0\n')],
    ['Latin-1', Buffer.from('# Caf\xe9\n', 'latin1')],
    ['UTF-16', Buffer.from('\ufeff# A\n', 'utf16le')],
    ['cut in a character', Buffer.from('# é').subarray(0, 3)],
    ['half a surrogate', Buffer.from('eda080', 'hex')],
  ] as const) {
    test(what, () => {
      assert.deepEqual(printed(compileFile(bytes).diagnostics), [
        `docs/topic.md:1:1: error not-text: the file is not UTF-8 text\n${hint}`,
      ]);
    });
  }

  for (const [what, text] of [
    ['empty', ''],
    ['only a byte order mark', '\ufeff'],
    ['only white space', ' \n\t\r\n'],
  ] as const) {
    test(what, () => {
      assert.deepEqual(printed(compileFile(text).diagnostics), [
        'docs/topic.md:1:1: error empty-file: the file is empty\n  hint: write the topic, or delete the file',
      ]);
    });
  }

  test('larger than a topic may be', () => {
    assert.deepEqual(printed(compileFile(Buffer.alloc(5 * 1024 * 1024, 'a')).diagnostics), [
      'docs/topic.md:1:1: error file-too-large: the file has 5.0 MiB; a topic has at most 2.0\n  hint: split it into several topics',
    ]);
    const largest = compileFile(Buffer.alloc(SOURCE_LIMIT_BYTES, 'a\n'));
    assert.deepEqual(largest.diagnostics, []);
    assert.equal(largest.topic?.body.length, SOURCE_LIMIT_BYTES);
  });

  test('gone since the folder was listed', () => {
    const root = folderWith({ 'a.md': 'x' });
    const [file] = list(root).files;
    rmSync(join(root, 'a.md'));
    assert.ok(file);
    const problem = readSource(file);
    assert.equal(typeof problem === 'string' ? problem : problem.message, 'the file cannot be read (ENOENT)');
  });
});

describe('a link in the file system', () => {
  const outside =
    'error outside-source: this link leads out of the source folder\n  hint: copy it into the source, or name its folder as a source of its own';

  test('to a file in the source is a topic of its own', () => {
    const root = folderWith({ 'a.md': '# A\n' });
    symlinkSync('a.md', join(root, 'b.md'));
    const { files, diagnostics } = list(root);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(
      files.map(({ id, size }) => [id, size]),
      [
        ['a', 4],
        ['b', 4],
      ],
    );
  });

  test('to a folder in the source, or the source itself, is not followed: what is there is listed anyway', () => {
    const root = folderWith({ 'a/b.md': 'x' });
    symlinkSync('a', join(root, 'c'));
    symlinkSync('.', join(root, 'd.md'));
    symlinkSync('..', join(root, 'a', 'up'));
    const { files, diagnostics } = list(root);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(
      files.map(({ id }) => id),
      ['a.b'],
    );
  });

  test('that leads out of the source is refused, whether to a file or a folder, straight or by another link', () => {
    const root = folderWith({ 'in/a.md': 'x', 'out/secret.md': 'secret' });
    symlinkSync('../out/secret.md', join(root, 'in', 'b.md'));
    symlinkSync('b.md', join(root, 'in', 'c.md'));
    symlinkSync(join(root, 'out'), join(root, 'in', 'd'));
    const { files, diagnostics } = list(join(root, 'in'));
    assert.deepEqual(
      files.map(({ id }) => id),
      ['a'],
    );
    assert.deepEqual(
      printed(diagnostics),
      ['b.md', 'c.md', 'd'].map((name) => `docs/${name}:1:1: ${outside}`),
    );
  });

  test('that leads out of the source is no matter where it is no topic', () => {
    const root = folderWith({ 'in/a.md': 'x', 'out/data.json': '{}' });
    symlinkSync('../out/data.json', join(root, 'in', 'data.json'));
    assert.deepEqual(list(join(root, 'in')).diagnostics, []);
  });

  test('that leads nowhere, or in a circle, is reported where it would be a topic', () => {
    const root = folderWith({ 'a.md': 'x' });
    symlinkSync('nowhere.md', join(root, 'b.md'));
    symlinkSync('c.md', join(root, 'c.md'));
    symlinkSync('d', join(root, 'd'));
    const problem = 'error unreadable-file: this link leads nowhere\n  hint: repair or remove it';
    assert.deepEqual(printed(list(root).diagnostics), [`docs/b.md:1:1: ${problem}`, `docs/c.md:1:1: ${problem}`]);
  });

  test('to the source itself is followed', () => {
    const root = folderWith({ 'in/a.md': 'x' });
    symlinkSync('in', join(root, 'link'));
    assert.deepEqual(
      list(join(root, 'link')).files.map(({ id, file }) => [id, file]),
      [['a', 'docs/a.md']],
    );
  });
});

test('what is no regular file is reported, not waited for', async () => {
  const root = folderWith({ 'a.md': 'x' });
  const server = createServer().listen(join(root, 'socket.md'));
  await once(server, 'listening');
  assert.deepEqual(printed(list(root).diagnostics), [
    'docs/socket.md:1:1: error unreadable-file: this is not a regular file',
  ]);
  server.close();
});

test('a name that is no Unicode is reported', () => {
  const root = folderWith({ 'a.md': 'x' });
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff]), Buffer.from('.md')]), 'x');
  assert.deepEqual(
    list(root).files.map(({ id }) => id),
    ['a'],
  );
  assert.match(printed(list(root).diagnostics).join(), /^docs\/\ufffd\.md:1:1: error unreadable-file: /);
});

describe('an attachment', () => {
  const read = (root: string, path: string) => {
    const found = readAttachment({ root: SHOWN, realRoot: root }, path, 10);
    return typeof found === 'string' ? found : `read ${found}`;
  };

  test('is read from inside the source only', () => {
    const root = folderWith({ 'in/a.txt': 'a', 'in/sub/b.txt': 'b', 'out.txt': 'secret', 'in2/c.txt': 'secret' });
    const source = join(root, 'in');
    symlinkSync('../out.txt', join(source, 'link.txt'));
    symlinkSync('a.txt', join(source, 'inside.txt'));
    symlinkSync('..', join(source, 'up'));
    assert.equal(read(source, 'a.txt'), 'read a');
    assert.equal(read(source, 'sub/../a.txt'), 'read a');
    assert.equal(read(source, 'inside.txt'), 'read a');
    for (const path of ['../out.txt', '../in2/c.txt', 'link.txt', 'up/out.txt', '../nowhere', 'up/in2/c.txt'])
      assert.equal(read(source, path), 'outside', path);
    assert.equal(read(source, '..a.txt'), 'missing');
  });

  test('is missing where there is no such file', () => {
    const root = writeFiles(temporaryFolder(), { 'a.txt': 'a' });
    mkdirSync(join(root, 'folder'));
    for (const path of ['b.txt', 'folder', '.', 'a.txt/b', 'a\0.txt', 'a'.repeat(300)])
      assert.equal(read(root, path), 'missing', path);
  });

  test('is too large above the limit', () => {
    const root = folderWith({ 'ten.txt': '1234567890', 'eleven.txt': '12345678901' });
    assert.equal(read(root, 'ten.txt'), 'read 1234567890');
    assert.equal(read(root, 'eleven.txt'), 'too-large');
  });
});
