import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { docent, ROOT, temporaryFolder, writeFiles } from './support.ts';

const folder = writeFiles(temporaryFolder(), {
  'empty/.keep': '',
  'project/docent.config.json': '{"product": {"name": "teapot", "command": "teapot help"}, "content": ["topics"]}',
  'project/topics/errors.md': '# errors\n\n## NAME\n\nerrors — what can go wrong\n',
  'project/topics/errors/TOO_HOT.md': '# TOO_HOT\n\nThe water boils *over*. See [errors](../errors.md).\n',
  'project/topics/brew.md':
    '---\nactions:\n  recipe: {file: brew.txt, media_type: text/plain}\n---\n# Brew\n\nHow to.\n',
  'project/topics/brew.txt': 'two spoons\n',
});
const project = join(folder, 'project');
const empty = join(folder, 'empty');

test('every spelling of a topic finds it', async () => {
  const spellings = [
    ['errors', 'TOO_HOT'],
    ['errors.TOO_HOT'],
    ['errors/too_hot'],
    ['ERRORS', 'too_hot'],
    ['errors TOO_HOT'],
    ['Errors.Too_Hot'],
  ];
  const results = await Promise.all(spellings.map((words) => docent(['help', ...words, '--json'], { cwd: project })));
  for (const { code, stdout } of results) {
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).topic, 'errors.TOO_HOT');
  }
});

test('text is plain, wrapped and complete when stdout is no terminal', async () => {
  const { code, stdout, stderr } = await docent(['help', 'errors', 'TOO_HOT'], { cwd: project });
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.equal(
    stdout,
    [
      'errors.TOO_HOT                    teapot help',
      '',
      'TOO_HOT',
      'evolving',
      '',
      '    The water boils over. See errors.',
      '',
    ].join('\n'),
  );
});

test('FORCE_COLOR styles the text, NO_COLOR wins over it', async () => {
  const colored = await docent(['help', 'errors', 'TOO_HOT'], { cwd: project, env: { FORCE_COLOR: '1' } });
  const plain = await docent(['help', 'errors', 'TOO_HOT'], { cwd: project, env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
  assert.ok(colored.stdout.includes('\u001b[1m'));
  assert.ok(!plain.stdout.includes('\u001b'));
});

test('formats: descriptor, page as Markdown, whole payload', async () => {
  const json = await docent(['help', 'errors', '--format', 'json'], { cwd: project });
  assert.deepEqual(JSON.parse(json.stdout).children, ['errors.TOO_HOT']);
  const md = await docent(['help', 'errors', '--format=md'], { cwd: project });
  assert.match(md.stdout, /^# errors\n/);
  assert.match(md.stdout, /- \[`teapot help errors TOO_HOT`\]\(\/help\/errors\/too_hot\/\)/);
  const all = await docent(['help', '--json'], { cwd: project });
  const topics = JSON.parse(all.stdout).topics.map(({ topic }: { topic: string }) => topic);
  assert.deepEqual(topics, ['brew', 'errors', 'errors.TOO_HOT']);
});

test('a last word that is an action prints the raw file', async () => {
  assert.equal((await docent(['help', '/brew/recipe/'], { cwd: project })).stdout, 'two spoons\n');
  assert.deepEqual(await docent(['help', 'brew', 'recipe'], { cwd: project }), {
    code: 0,
    stdout: 'two spoons\n',
    stderr: '',
  });
});

test('an unknown topic: suggestions on stderr, nothing on stdout, exit 1', async () => {
  const { code, stdout, stderr } = await docent(['help', 'errors', 'TO_HOT'], { cwd: project });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /there is no help topic "errors TO_HOT"\n {2}did you mean\n {4}teapot help errors TOO_HOT\n/);
});

test('a malformed topic is not found either, whatever it holds', async () => {
  for (const word of ['..', '../../etc/passwd', 'a//b', '\u001b[31m', 'ä', 'x'.repeat(10_000)]) {
    const { code, stdout, stderr } = await docent(['help', word], { cwd: project });
    assert.deepEqual([code, stdout], [1, ''], word);
    assert.match(stderr, /there is no help topic/);
    assert.ok(!stderr.includes('\u001b'), 'control characters are not echoed');
  }
});

test('a changed, added or removed source file is seen at once', async () => {
  writeFiles(project, { 'topics/late.md': '# Late\n\nFirst.\n' });
  assert.match((await docent(['help', 'late'], { cwd: project })).stdout, /First\./);
  writeFiles(project, { 'topics/late.md': '# Late\n\nSecond, longer.\n' });
  assert.match((await docent(['help', 'late'], { cwd: project })).stdout, /Second/);
  writeFiles(project, { 'topics/brew.txt': 'three spoons\n' });
  assert.equal((await docent(['help', 'brew', 'recipe'], { cwd: project })).stdout, 'three spoons\n');
});

test('outside a project, help is about Docent itself', async () => {
  const { code, stdout } = await docent(['help', 'cli', 'help'], { cwd: empty });
  assert.equal(code, 0);
  assert.match(stdout, /^cli\.help /);
});

test('--from and --pack say where to read; a given pack is never compiled', async () => {
  const from = await docent(['help', 'brew', '--from', join(project, 'topics')], { cwd: empty });
  assert.equal(from.code, 0);
  const pack = join(folder, 'own.pack');
  await docent(['pack', '--out', pack], { cwd: project });
  const read = await docent(['help', 'brew', '--pack', pack, '--json'], { cwd: empty });
  assert.equal(JSON.parse(read.stdout).topic, 'brew');
});

test('reading a pack loads no Markdown parser, YAML parser or validator', async () => {
  const hook = `import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context); } });`;
  const node = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
  const marked = writeFiles(join(folder, 'marked'), {
    'docent.config.json': '\ufeff{"content": ["topics"]}',
    'topics/cli.md': '# Cli\n\nText.\n',
  });
  // The first reader of a project compiles it; everyone after that only reads, byte order mark or not.
  await docent(['help'], { cwd: marked });
  for (const [cwd, ...args] of [
    [empty, 'help', 'cli'],
    [empty, 'help'],
    [empty, 'help', 'cli', '--json'],
    [empty, 'help', 'cli', '--format', 'md'],
    [marked, 'help', 'cli'],
  ] as const) {
    const { stderr, code } = await docent([...args], { cwd, node });
    assert.equal(code, 0);
    const loaded = stderr.split('\n').filter((url) => url.startsWith('file:'));
    const own = loaded.filter((url) => url.includes('/dist/cli/'));
    assert.ok(own[0]?.endsWith('/dist/cli/main.js'), 'the hook sees what is loaded');
    // Text, for which a reader waits, is in the first file; each other format is in one more.
    assert.ok(args.length > 2 ? own.length <= 3 : own.length === 1, own.join(' '));
    assert.deepEqual(
      loaded.filter((url) => /node_modules\/(marked|yaml|gray-matter|ajv|sanitize-html|highlight\.js)\//.test(url)),
      [],
    );
  }
});

test('--help of a command is its topic in Docent’s own pack, in any project', async () => {
  for (const command of ['serve', 'pack', 'check', 'help']) {
    const { code, stdout } = await docent([command, '--help'], { cwd: project });
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^cli\\.${command} `));
  }
  assert.match((await docent([], { cwd: project })).stdout, /^cli /);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.equal((await docent(['--version'], { cwd: project })).stdout, `${version}\n`);
});
