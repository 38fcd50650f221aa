// Our own topics do not lie, and would not get away with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { docent, ROOT, serve } from '../cli/support.ts';
import { folderWith } from '../support.ts';

const CONFLICT = 'content/errors/IDEMPOTENCY_CONFLICT.md';

/** A project with this topic alone, changed. */
function changedTopic(change: (text: string) => string): string {
  const before = readFileSync(join(ROOT, CONFLICT), 'utf8');
  const after = change(before);
  assert.notEqual(after, before, 'the change has to change something');
  return folderWith({
    [CONFLICT]: after,
    'docent.config.json': JSON.stringify({ content: ['content'], reference: { enabled: true } }),
  });
}

test('every example of our own topics is kept, and none is skipped', async () => {
  const { code, stdout, stderr } = await docent(['check', '--run', '--strict'], { cwd: ROOT });
  const [, found, kept, others] = /(\d+) examples: (\d+) kept, (.*)/.exec(stdout) ?? assert.fail(stdout + stderr);
  assert.equal(others, '0 broken, 0 failed, 0 skipped', stderr);
  assert.equal(kept, found);
  assert.ok(Number(found) >= 100);
  assert.equal(code, 0);
});

test('a topic alone is as good as among all', async () => {
  const { code, stdout, stderr } = await docent(['check', '--run'], { cwd: changedTopic((text) => `${text}\n`) });
  assert.match(stdout, /^(\d+) examples: \1 kept, 0 broken, 0 failed, 0 skipped$/m, stderr);
  assert.equal(code, 0);
});

describe('it is found out when', () => {
  const changes: [string, (text: string) => string, RegExp][] = [
    [
      'a promised status is deleted',
      (text) => text.replace('HTTP/1.1 409 Conflict\n', ''),
      /IDEMPOTENCY_CONFLICT\.md:\d+:\d+: error example-/,
    ],
    [
      'another status is promised',
      (text) => text.replace('HTTP/1.1 409 Conflict\n', 'HTTP/1.1 412 Precondition Failed\n'),
      /IDEMPOTENCY_CONFLICT\.md:\d+:\d+: error example-broken: .* status: promised 412, got 409/,
    ],
    [
      "the topic's own status is changed",
      (text) => text.replace('  status: 409\n', '  status: 410\n').replace('  status_by_dialect: { ietf: 422 }\n', ''),
      /IDEMPOTENCY_CONFLICT\.md:\d+:\d+: error error-without-example/,
    ],
    [
      'the code is changed',
      (text) => text.replace(/codes: \{.*\}/, 'codes: { problem: idempotency_clash }'),
      /IDEMPOTENCY_CONFLICT\.md:\d+:\d+: error error-without-example/,
    ],
    [
      'no example is left',
      (text) => text.replaceAll('```http', '```text'),
      /IDEMPOTENCY_CONFLICT\.md:\d+:\d+: error error-without-example/,
    ],
  ];
  for (const [what, change, complaint] of changes) {
    test(what, async () => {
      const { code, stderr } = await docent(['check', '--run'], { cwd: changedTopic(change) });
      assert.match(stderr, complaint);
      assert.equal(code, 1);
    });
  }
});

test('they are kept as well by a server below a base path', async () => {
  const cwd = folderWith({
    'docent.config.json': JSON.stringify({
      content: [join(ROOT, 'content')],
      site: { url: 'http://127.0.0.1/manual' },
      reference: { enabled: true },
    }),
  });
  const server = await serve(['--data', cwd], { cwd });
  try {
    assert.match(server.url, /\/manual$/);
    const { code, stdout, stderr } = await docent(['check', '--run', '--base-url', server.url], { cwd });
    assert.match(stdout, /^(\d+) examples: \1 kept, 0 broken, 0 failed, 0 skipped$/m, stderr);
    assert.equal(code, 0);
  } finally {
    await server.stop();
  }
});
