// One file as a topic: what is declared, what is inferred, and what a strict build asks for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listSource } from '../../src/compile/source.ts';
import { ATTACHMENT_LIMIT_BYTES, compileTopic } from '../../src/compile/topic.ts';
import { compiled, compileFile, type Files, folderWith, printed } from '../support.ts';

const STRICT = { strict: true };

describe('what a file does not declare', () => {
  test('is inferred: the title from the first heading of level 1', () => {
    assert.equal(compiled('## NAME\n\n# The *real* `title` &amp; more\n\n# Not this\n').title, 'The real title & more');
    assert.equal(compiled('The title\n===\n').title, 'The title');
  });

  test('is inferred: the title from the id, where no heading has a text', () => {
    assert.equal(compiled('text\n', 'errors/NOT_FOUND.md').title, 'errors.NOT_FOUND');
    assert.equal(compiled('#\n\ntext\n', 'a.md').title, 'a');
    assert.equal(compiled('> # quoted\n', 'a.md').title, 'a');
  });

  test('is inferred: the stability from the configuration', () => {
    assert.equal(compiled('x\n').stability, 'evolving');
    assert.equal(compiled('x\n', 'a.md', { defaultStability: 'experimental' }).stability, 'experimental');
  });

  test('and what it does declare counts', () => {
    const topic = compiled('---\ntitle: Declared\nstability: stable\ntopic: a.b\n---\n# Heading\n', 'a/b.md');
    assert.deepEqual([topic.id, topic.title, topic.stability], ['a.b', 'Declared', 'stable']);
  });
});

describe('a declared id', () => {
  test('that differs from the path is an error that shows both ways out', () => {
    assert.deepEqual(
      printed(compileFile('---\ntitle: A\ntopic: errors.Gone\n---\nx\n', 'errors/GONE.md').diagnostics),
      [
        'docs/errors/GONE.md:3:8: error id-differs-from-path: "topic" is "errors.Gone", but the file\'s path makes it "errors.GONE"\n' +
          '  hint: write "topic: errors.GONE", or move the file to errors/Gone.md',
      ],
    );
  });

  test('has no place in the landing text', () => {
    assert.deepEqual(printed(compileFile('---\ntopic: home\n---\nx\n', 'index.md').diagnostics), [
      'docs/index.md:2:8: error id-differs-from-path: "topic" is "home", but the file\'s path makes it no topic (the landing text)\n' +
        '  hint: remove the key',
    ]);
  });
});

describe('a strict build', () => {
  test('infers nothing', () => {
    const hint = (key: string) => `  hint: add "${key}:" to the front matter`;
    assert.deepEqual(printed(compileFile('# A\n', 'a.md', STRICT).diagnostics), [
      `docs/a.md:1:1: error missing-key: "topic" is missing, and a strict build infers nothing\n${hint('topic')}`,
      `docs/a.md:1:1: error missing-key: "title" is missing, and a strict build infers nothing\n${hint('title')}`,
      `docs/a.md:1:1: error missing-key: "stability" is missing, and a strict build infers nothing\n${hint('stability')}`,
    ]);
  });

  test('is content with a file that says all three, and asks nothing of the landing text', () => {
    assert.deepEqual(compileFile('---\ntopic: a\ntitle: A\nstability: stable\n---\n', 'a.md', STRICT).diagnostics, []);
    assert.deepEqual(compileFile('# Welcome\n', 'index.md', STRICT).diagnostics, []);
  });
});

describe('SEE ALSO in the text and in the front matter', () => {
  const see = (declared: string, section: string) =>
    printed(compileFile(`---\ntitle: A\nsee_also: ${declared}\n---\n## SEE ALSO\n\n${section}\n`).diagnostics);

  test('may say the same, in any order and spelling', () => {
    assert.deepEqual(see('[errors, errors.GONE]', '- errors GONE\n- errors'), []);
    assert.deepEqual(see('[errors, errors.GONE]', '* `errors/GONE`\n* [errors](#)'), []);
  });

  test('must not contradict each other', () => {
    assert.deepEqual(see('[a, b]', '- b\n- c'), [
      'docs/topic.md:3:1: warning see-also-differs: the SEE ALSO section and "see_also" differ: only the section has c; only "see_also" has a\n' +
        '  hint: front matter counts; make the section say the same, or drop it',
    ]);
    assert.match(see('[a, b]', '- a').join(), /differ: only "see_also" has b\n/);
    assert.match(see('[a]', '- a\n- b').join(), /differ: only the section has b\n/);
  });

  test('cannot contradict each other where the section is more than a list of ids', () => {
    assert.deepEqual(see('[a]', 'Read b as well.'), []);
    assert.deepEqual(see('[a]', '- b, which is better'), []);
    assert.deepEqual(see('[a]', '- b\n\nand c'), []);
    assert.deepEqual(see('[]', '- b'), []);
  });
});

describe('actions', () => {
  const withActions = (actions: string, files: Files = {}, path = 'guide/brew.md') => {
    const folder = folderWith({ ...files, [path]: `---\ntitle: A\nactions: ${actions}\n---\nx\n` });
    const file = listSource({ path: folder, shown: 'docs' }).files.find((file) => file.path === path);
    assert.ok(file);
    return compileTopic(file, { strict: false, defaultStability: 'evolving', allowHtml: false });
  };

  test('are read from beside the topic, and sorted by name', () => {
    const { topic } = withActions(
      '{ zest: { file: a.sh, media_type: text/x-sh, description: Brews }, Alpha: { file: ../b.bin, media_type: a/b } }',
      { 'guide/a.sh': 'echo tea\n', 'b.bin': new Uint8Array([0, 255]) },
    );
    assert.deepEqual(
      topic?.actions.map((action) => ({ ...action, bytes: [...action.bytes] })),
      [
        { name: 'Alpha', mediaType: 'a/b', description: '', bytes: [0, 255] },
        { name: 'zest', mediaType: 'text/x-sh', description: 'Brews', bytes: [...Buffer.from('echo tea\n')] },
      ],
    );
  });

  for (const [what, file, reason] of [
    ['missing', 'nowhere.sh', 'there is no file guide/nowhere.sh in the source'],
    ['a folder', '.', 'there is no file guide in the source'],
    ['above the source', '../../secret.txt', '../../secret.txt leads out of the source folder'],
    ['above the source and not there', '../../../nowhere', '../../../nowhere leads out of the source folder'],
    ['absolute, which is taken as below the topic', '/etc/passwd', 'there is no file guide/etc/passwd in the source'],
    ['no possible name', '"a\\0b"', 'there is no file guide/a\ufffdb in the source'],
    ['too long a name', `${'a'.repeat(300)}`, `there is no file guide/${'a'.repeat(300)} in the source`],
  ] as const) {
    test(`whose file is ${what} are an error at their place`, () => {
      const { topic, diagnostics } = withActions(`{ x: { media_type: a/b, file: ${file} } }`);
      assert.equal(topic, undefined);
      assert.deepEqual(printed(diagnostics), [
        `docs/guide/brew.md:3:40: error action-file: ${reason}\n  hint: the path is relative to this topic`,
      ]);
    });
  }

  test('of up to 5 MiB are read, larger ones are an error', () => {
    const bytes = new Uint8Array(ATTACHMENT_LIMIT_BYTES);
    assert.equal(withActions('{ x: { media_type: a/b, file: x } }', { 'guide/x': bytes }).topic?.actions.length, 1);
    const larger = new Uint8Array(ATTACHMENT_LIMIT_BYTES + 1);
    assert.deepEqual(printed(withActions('{ x: { media_type: a/b, file: x } }', { 'guide/x': larger }).diagnostics), [
      'docs/guide/brew.md:3:40: error action-file: guide/x is larger than 5242880 bytes\n  hint: the path is relative to this topic',
    ]);
  });
});

test('the hash is that of the text: it changes with every character and with nothing else', () => {
  assert.equal(compiled('# A\n').hash, compiled('# A\n', 'other/name.md', { allowHtml: true }).hash);
  assert.notEqual(compiled('# A\n').hash, compiled('# A').hash);
  assert.match(compiled('# A\n').hash, /^[0-9a-f]{64}$/);
});
