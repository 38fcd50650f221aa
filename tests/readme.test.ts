import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { BIN, ROOT, type Server, serve, temporaryFolder, writeFiles } from './cli/support.ts';

const run = promisify(execFile);
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const folder = writeFiles(temporaryFolder(), {
  'docs/TOO_HOT.md':
    '---\ntitle: "TOO_HOT — the water boils over"\nsee_also: [errors]\nstabilty: stable\n---\n# errors.TOO_HOT\n',
});

let server: Server;
before(async () => {
  server = await serve(['--config', join(ROOT, 'docent.config.json')], { cwd: folder });
});
after(() => server.stop());

/** The commands of the tour and what it says they print. */
const examples = [...readme.matchAll(/^```console\n([\s\S]*?)^```$/gm)]
  .flatMap(([, block = '']) => block.split(/^\$ /m).slice(1))
  .map((example) => {
    const [command = '', ...output] = example.split('\n');
    return { command, expected: output.join('\n').replace(/\n+$/, '\n') };
  });

test('the tour has examples of each way to read', () => {
  for (const word of ['npm start', 'curl', 'npx docent help', 'npx docent check']) {
    assert.ok(
      examples.some(({ command }) => command.startsWith(word)),
      word,
    );
  }
});

for (const { command, expected } of examples) {
  test(`the README tells the truth: ${command}`, async () => {
    if (command === 'npm start') {
      const plain = (text: string) =>
        text
          .replace(/\d+\.\d\d s/, 'N s')
          .replace(/127\.0\.0\.1:\d+/, 'HOST')
          .trim();
      assert.equal(plain(server.output()), plain(expected));
      return;
    }
    const line = command
      .replaceAll('http://127.0.0.1:4321', server.url)
      .replaceAll('npx docent', `"${process.execPath}" "${BIN}"`);
    const options = { cwd: folder, env: { PATH: process.env.PATH ?? '', HOME: folder } };
    // A command that reports a problem exits with 1; what it prints is what counts here.
    const { stdout, stderr } = await run('bash', ['-c', line], options).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const printed = `${stderr}${stdout}`.replaceAll('\r', '');
    assert.equal(printed.trimEnd(), expected.trimEnd());
  });
}

test('every file and script that the README names exists', () => {
  const scripts = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts;
  for (const [, path = ''] of readme.matchAll(/(?:\]\(|src=")([^)#:"]+)/g))
    assert.ok(existsSync(join(ROOT, path)), path);
  for (const [, name = ''] of readme.matchAll(/npm run ([a-z:-]+)/g)) assert.ok(name in scripts, name);
});
