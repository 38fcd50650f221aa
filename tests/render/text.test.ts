// The terminal page of a topic: what stands around the author's text.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PLAIN } from '../../src/render/terminal.ts';
import { overviewText, topicText } from '../../src/render/text.ts';
import { buildFiles, buildTopic } from './support.ts';

/** The lines between the title and the text. */
function facts(frontMatter: string): string[] {
  const { pack } = buildTopic(`---\ntitle: T\n${frontMatter}\n---\nText.`);
  const [, title, ...lines] = topicText(pack, 'topic', PLAIN).split(/\n+/);
  assert.equal(title, 'T');
  return lines.slice(0, lines.indexOf('    Text.'));
}

/** A part of the page of a topic, up to the next heading. */
function part(heading: string, files: Record<string, string>): string | undefined {
  const { pack } = buildFiles(files);
  return topicText(pack, 'topic', PLAIN)
    .split(`\n${heading}\n`)[1]
    ?.split(/\n\n(?=[A-Z])/)[0]
    ?.trimEnd();
}

describe('the facts under the title', () => {
  for (const [frontMatter, lines] of [
    ['stability: stable', []],
    ['tags: [x]', ['evolving']],
    ['stability: deprecated\nversion_deprecated: "2.0"', ['deprecated · deprecated since 2.0']],
    ['stability: removed\nreplaced_by: topic', ['removed · replaced by topic']],
    ['stability: stable\nversion_added: "1.0"', ['since 1.0']],
    ['stability: stable\nerror: { status: 409, retryable: never }', ['HTTP 409 · not retryable']],
    ['stability: stable\nerror: { status: 503, retryable: as-is, state: active }', ['HTTP 503 · retryable as it is']],
    [
      'error: { status: 404, retryable: with-caution, state: reserved }\nversion_added: "1.0"',
      ['HTTP 404 · retryable with caution · reserved: documented, not raised yet', 'evolving · since 1.0'],
    ],
    [
      'stability: stable\nerror: { status: 410, retryable: never, state: retired }',
      ['HTTP 410 · not retryable · retired: no longer raised'],
    ],
    ['stability: stable\nversion_added: "1\\e[31m\\r2"', ['since 1\ufffd[31m 2']],
  ] as const) {
    test(`of ${JSON.stringify(frontMatter)} are ${JSON.stringify(lines)}`, () => {
      assert.deepEqual(facts(frontMatter), lines);
    });
  }
});

describe('the page', () => {
  test('has only the parts that there is something to say in', () => {
    const { pack } = buildTopic('---\ntitle: T\nstability: stable\n---\nText.');
    const head = `topic${' '.repeat(30)}acme help${' '.repeat(31)}1.4.2`;
    assert.equal(topicText(pack, 'topic', PLAIN), `${head}\n\nT\n\n    Text.\n`);
  });

  test('lists subtopics in words, as they are typed', () => {
    const files = { 'topic.md': 'T', 'topic/B_c.md': '# T\n\nAbout B.', 'topic/a/deep.md': 'Deep.' };
    assert.equal(part('SUBTOPICS', files), '    topic B_c  About B.\n    topic a');
  });

  test('lists actions as commands', () => {
    const source = '---\nactions:\n  Run: { file: a.sh, media_type: text/plain, description: Runs it }\n---\nText.';
    assert.equal(part('ACTIONS', { 'topic.md': source, 'a.sh': 'x' }), '    acme help topic Run  Runs it');
  });

  test('lists related topics once, in the author’s order, by their own names; the unknown ones by name alone', () => {
    const source = '---\nsee_also: [Z, no.SUCH, other]\n---\n# T\n\nText.\n\n## SEE ALSO\n\n- Z\n- no.SUCH\n- other\n';
    const files = { 'topic.md': source, 'a.md': '---\naliases: [other]\n---\nAbout a.', 'z.md': 'About z.' };
    assert.equal(part('SEE ALSO', files), '    z        About z.\n    no SUCH\n    a        About a.');
  });
});

describe('the overview', () => {
  test('opens with the first paragraph of the landing text, if there is one', () => {
    const opening = (files: Record<string, string>) =>
      overviewText(buildFiles({ 'topic.md': 'Text.', ...files }).pack, PLAIN)
        .split('\n')
        .slice(2, 4);
    assert.deepEqual(opening({ 'index.md': '# T\n\n- a list\n\nThe *first* paragraph.\n\nThe second.' }), [
      'The first paragraph.',
      '',
    ]);
    assert.deepEqual(opening({}), ['TOPICS', '    topic  Text.']);
  });
});
