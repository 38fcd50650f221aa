// Later sources overlay earlier ones.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildFiles, catalogOf, idsOf, printed, topicOf } from '../support.ts';

const topic = (yaml: string, body = 'x\n') => `---\n${yaml}\n---\n${body}`;
/** The descriptor of `a`, from one file in each source. */
const overlaid = (...texts: string[]) => {
  const result = buildFiles(texts.map((text) => ({ 'a.md': text, 'p.md': 'x', 'q.md': 'x', 'r.md': 'x' })));
  assert.deepEqual(printed(result.diagnostics), []);
  return topicOf(result, 'a').descriptor;
};

describe('an overlay', () => {
  test('replaces the body, and all that is derived from it', () => {
    const { body, synopsis, sections } = overlaid('# A\n\n## ONE\n\nbelow\n', '# A\n\n## TWO\n\nabove\n');
    assert.equal(body, '# A\n\n## TWO\n\nabove\n');
    assert.equal(synopsis, 'above');
    assert.deepEqual(sections, [{ name: 'TWO', body: 'above' }]);
  });

  test('replaces title and stability where it declares them', () => {
    const below = topic('title: Below\nstability: stable');
    assert.deepEqual([overlaid(below, 'x\n').title, overlaid(below, 'x\n').stability], ['Below', 'stable']);
    const above = overlaid(below, topic('title: Above\nstability: removed'));
    assert.deepEqual([above.title, above.stability], ['Above', 'removed']);
    assert.equal(overlaid(below, '# Heading\n').title, 'Heading');
  });

  test('adds to see_also, in order and without repeating', () => {
    assert.deepEqual(overlaid(topic('see_also: [q, p]'), topic('see_also: [r, p]')).see_also, ['q', 'p', 'r']);
    assert.deepEqual(overlaid(topic('see_also: [q]'), 'x\n').see_also, ['q']);
    assert.deepEqual(overlaid('x\n', topic('see_also: [q]')).see_also, ['q']);
    assert.deepEqual(overlaid('x\n', 'x\n').see_also, []);
  });

  test('replaces see_also where it says so', () => {
    assert.deepEqual(overlaid(topic('see_also: [q, p]'), topic('see_also_replace: true\nsee_also: [r]')).see_also, [
      'r',
    ]);
    assert.deepEqual(overlaid(topic('see_also: [q, p]'), topic('see_also_replace: true')).see_also, []);
    assert.deepEqual(overlaid(topic('see_also: [q]'), topic('see_also_replace: false\nsee_also: [r]')).see_also, [
      'q',
      'r',
    ]);
  });

  test('keeps what it does not mention, and replaces what it does', () => {
    const below = topic('tags: [x]\nversion_added: "1"\nerror: { status: 418, retryable: never }');
    const { tags, version_added, error } = overlaid(below, topic('version_added: "2"'));
    assert.deepEqual([tags, version_added, error?.status], [['x'], '2', 418]);
  });

  test('may be overlaid again', () => {
    const { title, see_also, body } = overlaid(
      topic('title: One\nsee_also: [p]'),
      topic('see_also: [q]', 'two\n'),
      topic('see_also: [r]', 'three\n'),
    );
    assert.deepEqual([title, see_also, body], ['One', ['p', 'q', 'r'], 'three\n']);
  });

  test('may add topics, and replace the landing text', () => {
    const result = buildFiles([
      { 'index.md': '# One\n', 'a.md': 'x' },
      { 'README.md': '# Two\n', 'a/b.md': 'x' },
    ]);
    assert.deepEqual(result.diagnostics, []);
    assert.deepEqual(idsOf(result), ['a', 'a.b']);
    assert.equal(catalogOf(result).landing?.title, 'Two');
  });

  test('unites actions, its own counting where both have one', () => {
    const withActions = (names: string[]) =>
      topic(`actions:\n${names.map((name) => `  ${name}: { file: x.txt, media_type: text/plain }`).join('\n')}`);
    const result = buildFiles([
      { 'a.md': withActions(['zero', 'one']), 'x.txt': 'below' },
      { 'a.md': withActions(['one', 'two']), 'x.txt': 'above' },
    ]);
    assert.deepEqual(topicOf(result, 'a').descriptor.actions, ['one', 'two', 'zero']);
    assert.deepEqual(
      topicOf(result, 'a').actions.map(({ name, bytes }) => `${name} ${bytes}`),
      ['one above', 'two above', 'zero below'],
    );
  });
});

test('a link to the file of an inherited action leads to it, wherever the overlay lies', () => {
  const action = topic('actions: { run: { file: run.txt, media_type: text/plain } }', 'See [it](run.txt).\n');
  const result = buildFiles([
    { 'a/index.md': action, 'a/run.txt': 'below', 'b.md': 'See [it](a/run.txt).\n' },
    { 'a.md': 'above\n' },
  ]);
  assert.deepEqual(printed(result.diagnostics), []);
  assert.match(topicOf(result, 'b').html, /href="\.\.\/a\/run"/);
});

describe('a problem is reported in the source that has it', () => {
  test('in see_also, whichever source names the topic', () => {
    const { diagnostics } = buildFiles([
      { 'a.md': topic('title: A\nsee_also: [p, nowhere]'), 'p.md': 'x' },
      { 'a.md': topic('see_also: [p, elsewhere]') },
    ]);
    assert.deepEqual(printed(diagnostics), [
      'docs/a.md:3:15: warning unknown-see-also: there is no topic "nowhere"\n  hint: it is printed without a link',
      'docs2/a.md:2:15: warning unknown-see-also: there is no topic "elsewhere"\n  hint: it is printed without a link',
    ]);
  });

  test('in what is only declared below', () => {
    const { diagnostics } = buildFiles([
      { 'a.md': topic('title: A\nreplaced_by: nowhere') },
      { 'a.md': '# A\n\n[b](b.md)\n' },
    ]);
    assert.deepEqual(
      printed(diagnostics).map((line) => line.split(': ')[0]),
      ['docs/a.md:3:14', 'docs2/a.md:3:1'],
    );
  });

  test('and a replaced body is not complained about', () => {
    assert.deepEqual(buildFiles([{ 'a.md': '[b](b.md)\n' }, { 'a.md': 'x\n' }]).diagnostics, []);
  });
});
