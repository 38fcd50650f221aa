import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { BIN, docent, type Result, temporaryFolder, writeFiles } from './support.ts';

const folder = writeFiles(temporaryFolder(), {
  'good/hello.md': '# Hello\n\nHi.\n',
  'empty/.keep': '',
  'bad/good.md': '# Good\n\nStill here.\n',
  'bad/empty.md': '',
  'bad/binary.md': new Uint8Array([0, 1, 2, 255]),
  'bad/huge.md': '# Huge\n'.padEnd(5 * 1024 * 1024, 'x'),
  'bad/yaml.md': '---\ntitle: "open\n---\nText.\n',
  'bad/code.md': '---js\nprocess.exit(99)\n---\nText.\n',
  'bad/bomb.md': `---\na: &a [x, x]\n${'bcdefgh'
    .split('')
    .map((key, i) => `${key}: &${key} [${`*${'abcdefg'[i]}, `.repeat(9)}]\n`)
    .join('')}---\nText.\n`,
  'bad/unknown.md': '---\nsee_als: [good]\n---\nText.\n',
  'bad/id.md': '---\ntopic: other\n---\nText.\n',
  'secret.md': '# Secret\n\nNot yours.\n',
  'crlf/hello.md': '\ufeff---\r\ntitle: Hello\r\n---\r\n# Hello\r\n\r\nLine one\r\nline two.\r\n',
});
symlinkSync(join(folder, 'secret.md'), join(folder, 'bad/link.md'));

function assertClear({ stdout, stderr }: Result): void {
  assert.doesNotMatch(stderr + stdout, /\n\s+at |node:internal|Error:/, 'no stack trace');
}

test('every bad file gives one diagnostic, the good one is published', async () => {
  const out = join(folder, 'bad.pack');
  const result = await docent(['pack', 'bad', '--out', out], { cwd: folder });
  assertClear(result);
  assert.equal(result.code, 0);
  const lines = result.stderr.split('\n').filter((line) => line.startsWith('bad/'));
  assert.deepEqual(
    lines.map((line) => line.replace(/: error ([a-z-]+): .*/, ' $1')),
    [
      'bad/binary.md:1:1 not-text',
      'bad/bomb.md:2:1 yaml-aliases',
      'bad/code.md:1:1 front-matter-language',
      'bad/empty.md:1:1 empty-file',
      'bad/huge.md:1:1 file-too-large',
      'bad/id.md:2:8 id-differs-from-path',
      'bad/link.md:1:1 outside-source',
      'bad/unknown.md:2:1 unknown-key',
      'bad/yaml.md:2:13 yaml-syntax',
    ],
  );
  assert.equal(result.stderr.match(/^ {2}hint: \S/gm)?.length, lines.length, 'each has a hint');
  const read = await docent(['help', '--json', '--pack', out], { cwd: folder });
  assert.deepEqual(
    JSON.parse(read.stdout).topics.map(({ topic }: { topic: string }) => topic),
    ['good'],
  );
});

test('strict publishes nothing, says so, and leaves the last good pack', async () => {
  const out = join(folder, 'last.pack');
  await docent(['pack', 'good', '--out', out], { cwd: folder });
  const last = readFileSync(out);
  const result = await docent(['pack', 'bad', '--strict', '--out', out], { cwd: folder });
  assertClear(result);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /nothing is published, because a strict build has an error/);
  assert.deepEqual(readFileSync(out), last);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('check exits with 1 and tells the same as data', async () => {
  const result = await docent(['check', 'bad', '--json'], { cwd: folder });
  assert.equal(result.code, 1);
  const diagnostics = JSON.parse(result.stdout);
  assert.equal(diagnostics.length, 9);
  assert.deepEqual(Object.keys(diagnostics[0]), ['file', 'line', 'column', 'severity', 'code', 'message', 'hint']);
});

test('BOM and CRLF are read; the body keeps its line breaks', async () => {
  const { stdout } = await docent(['help', 'hello', '--from', 'crlf', '--json'], { cwd: folder });
  const topic = JSON.parse(stdout);
  assert.equal(topic.title, 'Hello');
  assert.equal(topic.body, '# Hello\r\n\r\nLine one\r\nline two.\r\n');
  assert.equal(topic.synopsis, 'Line one\nline two.');
});

for (const [what, args, code, message] of [
  ['an empty folder', ['pack', 'empty', '--out', 'x.pack'], 1, /^empty:1:1: error empty-source: no Markdown files/],
  ['a folder that does not exist', ['serve', 'nowhere'], 2, /there is no folder nowhere/],
  ['no source at all', ['pack', '--out', 'x.pack'], 2, /no source is named/],
  ['a file as a source', ['check', 'secret.md'], 2, /secret\.md is a file/],
  ['a file that is no pack', ['serve', 'secret.md'], 3, /secret\.md is no pack/],
  ['a pack that does not exist', ['help', 'x', '--pack', 'none.pack'], 2, /there is no pack at .*none\.pack/],
  [
    'a place that cannot be written',
    ['pack', 'good', '--out', '/proc/nope/x.pack'],
    3,
    /cannot write the pack \/proc\/nope\/x\.pack \(E/,
  ],
  ['a folder as the target', ['pack', 'good', '--out', 'empty'], 3, /cannot write the pack .*empty \(it is a folder\)/],
  ['an unknown command', ['serv'], 2, /"serv" is no command\n {2}hint: did you mean "docent serve"\?/],
  ['an unknown option', ['serve', '--prot', '1'], 2, /unknown option --prot\n {2}hint: did you mean --port\?/],
  ['an option without its value', ['pack', 'good', '--out'], 2, /--out/],
  ['a port that is none', ['serve', 'good', '--port', '70000'], 2, /"70000" is no port/],
  ['an unknown format', ['help', '--format', 'yaml'], 2, /"yaml" is no format/],
  [
    'a configuration that does not exist',
    ['check', '--config', 'none.json'],
    2,
    /configuration none\.json cannot be read/,
  ],
] as const) {
  test(`${what}: one clear message, exit ${code}`, async () => {
    const result = await docent([...args], { cwd: folder });
    assertClear(result);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stdout, '');
    assert.ok(!existsSync(join(folder, 'x.pack')));
  });
}

test('a configuration in error is reported with its place', async () => {
  writeFiles(folder, { 'c1.json': '{\n  "contnt": ["good"]\n}\n', 'c2.json': '{\n  "content": [}\n' });
  const unknown = await docent(['check', '--config', 'c1.json'], { cwd: folder });
  assert.equal(unknown.code, 2);
  assert.match(
    unknown.stderr,
    /c1\.json:2:3: error unknown-key: unknown key "contnt"\n {2}hint: did you mean "content"\?/,
  );
  const broken = await docent(['check', '--config', 'c2.json'], { cwd: folder });
  assert.equal(broken.code, 2);
  assert.match(broken.stderr, /c2\.json:2:15: error invalid-value: this is not valid JSON/);
  const variable = await docent(['check', 'good'], { cwd: folder, env: { DOCENT_STRICT: 'perhaps' } });
  assert.equal(variable.code, 2);
  assert.match(variable.stderr, /"strict" must be of type boolean/);
});

test('a port in use: exit 3, and what to do', async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const { port } = other.address() as AddressInfo;
  const result = await docent(['serve', 'good', '--port', String(port)], { cwd: folder });
  await new Promise((done) => other.close(done));
  assertClear(result);
  assert.equal(result.code, 3);
  assert.match(
    result.stderr,
    new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use\n {2}hint: choose another with --port`),
  );
});

test('a reader who has no place for a cache gets the topic all the same', async () => {
  const env = { XDG_CACHE_HOME: '/proc/nope' };
  const result = await docent(['help', 'hello', '--from', 'good', '--json'], { cwd: folder, env });
  assert.equal(result.code, 0, result.stderr);
  assert.equal(JSON.parse(result.stdout).topic, 'hello');
  const served = await docent(['serve', 'good'], { cwd: folder, env });
  assertClear(served);
  assert.equal(served.code, 3);
  assert.match(served.stderr, /cannot write the pack .*; name another place with --pack/);
});

test('a file that is no pack is never replaced by one', async () => {
  for (const args of [
    ['serve', 'good', '--pack', 'secret.md'],
    ['pack', 'good', '--out', 'secret.md'],
  ]) {
    const result = await docent(args, { cwd: folder });
    assert.equal(result.code, 2);
    assert.match(result.stderr, /secret\.md is there already, and is no pack/);
  }
  assert.match(readFileSync(join(folder, 'secret.md'), 'utf8'), /Not yours/);
});

test('help never writes to a pack that the environment names', async () => {
  await docent(['pack', 'crlf', '--out', 'named.pack'], { cwd: folder });
  const before = readFileSync(join(folder, 'named.pack'));
  const env = { DOCENT_PACK: join(folder, 'named.pack') };
  assert.equal((await docent(['help', 'hello', '--from', 'good'], { cwd: folder, env })).code, 0);
  assert.deepEqual(readFileSync(join(folder, 'named.pack')), before);
});

test('what the system refuses is not called a bug', async () => {
  writeFiles(folder, { 'odd/docent.config.json/x': '', 'typing/docent.config.json': '{"contents": ["docs"]}' });
  const config = await docent(['help', 'x'], { cwd: join(folder, 'odd') });
  assertClear(config);
  assert.equal(config.code, 3);
  assert.doesNotMatch(config.stderr, /bug/);
  const typing = await docent(['help', 'x'], { cwd: join(folder, 'typing') });
  assert.equal(typing.code, 2);
  assert.match(typing.stderr, /unknown key "contents"/);
});

test('a current folder that is gone, and a full disk behind stdout: one line, exit 3', async () => {
  const shell = (script: string) =>
    new Promise<Result>((resolve) => {
      execFile('bash', ['-c', script], { cwd: folder }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      );
    });
  const command = `"${process.execPath}" "${BIN}"`;
  const gone = await shell(`mkdir gone && cd gone && rmdir ../gone && ${command} help`);
  assert.deepEqual([gone.code, gone.stdout], [3, '']);
  assert.match(gone.stderr, /the current folder does not exist any more\n {2}hint: /);
  const full = await shell(`${command} help cli > /dev/full`);
  assert.equal(full.code, 3);
  assert.equal(full.stderr, 'docent: the output cannot be written (ENOSPC)\n');
  const closed = await shell(`${command} help --json | head -c 10`);
  assert.deepEqual([closed.code, closed.stderr], [0, '']);
});

test('a damaged pack, and one of another format: exit 3', async () => {
  await docent(['pack', 'good', '--out', 'whole.pack'], { cwd: folder });
  const bytes = readFileSync(join(folder, 'whole.pack'));
  const format = Buffer.from(bytes);
  format.writeUInt32BE(7, 60);
  const holed = Buffer.from(bytes).fill(0xff, 8192, bytes.length);
  writeFiles(folder, {
    'format.pack': format,
    'short.pack': bytes.subarray(0, bytes.length - 100),
    'holed.pack': holed,
  });
  for (const [pack, message] of [
    ['format.pack', /has pack format 7, this Docent reads format 1; make it again/],
    ['short.pack', /is damaged; make it again/],
    ['holed.pack', /is damaged; make it again/],
  ] as const) {
    for (const args of [
      ['serve', pack],
      ['help', 'hello', '--pack', pack],
    ]) {
      const result = await docent(args, { cwd: folder });
      assertClear(result);
      assert.equal(result.code, 3, `${args}: ${result.stderr}`);
      assert.match(result.stderr, message);
    }
  }
});

test('a damaged cache is made again without a word', async () => {
  const args = ['help', 'hello', '--from', 'good', '--json'];
  await docent(args, { cwd: folder });
  const cache = join(folder, '.cache/docent');
  for (const name of readdirSync(cache)) writeFileSync(join(cache, name), 'rubbish');
  const again = await docent(args, { cwd: folder });
  assert.equal(again.code, 0);
  assert.equal(again.stderr, '');
});

test('control characters of a file name or value do not reach the terminal', async () => {
  mkdirSync(join(folder, 'esc'));
  writeFileSync(join(folder, 'esc', 'a\u001b[31m.md'), '---\ntitel\u001b[2J: x\n---\nText.\n');
  const result = await docent(['check', 'esc'], { cwd: folder });
  assert.equal(result.code, 1);
  assert.ok(!result.stderr.includes('\u001b'));
});
