import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  byPlace,
  countDiagnostics,
  DIAGNOSTICS,
  type Diagnostic,
  diagnose,
  formatDiagnostic,
  isError,
  plural,
  START,
} from '../../src/topic/diagnostic.ts';

const error = diagnose('docs/a.md', {
  line: 3,
  column: 7,
  code: 'unknown-key',
  message: 'unknown key "titel"',
  hint: 'did you mean "title"?',
});
const warning = diagnose('docs/a.md', { ...START, code: 'broken-link', message: 'there is no topic at "x.md"' });

describe('a diagnostic is printed', () => {
  test('with its place, severity, code and message, and the hint below', () => {
    assert.equal(
      formatDiagnostic(error),
      'docs/a.md:3:7: error unknown-key: unknown key "titel"\n  hint: did you mean "title"?',
    );
  });

  test('on one line when there is no hint', () => {
    assert.equal(formatDiagnostic(warning), 'docs/a.md:1:1: warning broken-link: there is no topic at "x.md"');
    assert.equal('hint' in warning, false);
  });

  test('without a control character that a file name or a value brought in', () => {
    const hostile = diagnose('a\u001b[31m.md', { ...START, code: 'unknown-key', message: 'key "\u009b2J\u202e\r"' });
    assert.equal(formatDiagnostic(hostile), 'a\ufffd[31m.md:1:1: error unknown-key: key "\ufffd2J\ufffd\ufffd"');
  });
});

test('its severity follows from its code', () => {
  assert.equal(error.severity, 'error');
  assert.equal(warning.severity, 'warning');
  assert.deepEqual([error, warning].map(isError), [true, false]);
  assert.deepEqual(new Set(Object.values(DIAGNOSTICS)), new Set(['error', 'warning']));
});

test('a report is in order of file, line, column and code', () => {
  const at = (file: string, line: number, column: number, code: Diagnostic['code'] = 'broken-link') =>
    diagnose(file, { line, column, code, message: '' });
  const ordered = [
    at('B.md', 9, 9),
    at('a.md', 1, 2),
    at('a.md', 1, 10),
    at('a.md', 2, 1, 'broken-image'),
    at('a.md', 2, 1, 'broken-link'),
    at('a.md', 10, 1),
    at('b.md', 1, 1),
  ];
  assert.deepEqual([...ordered].reverse().sort(byPlace), ordered);
});

test('they are counted in words', () => {
  assert.equal(countDiagnostics([]), '');
  assert.equal(countDiagnostics([error]), '1 error');
  assert.equal(countDiagnostics([warning, warning]), '2 warnings');
  assert.equal(countDiagnostics([error, warning, error]), '2 errors, 1 warning');
  assert.equal(plural(0, 'topic'), '0 topics');
});
