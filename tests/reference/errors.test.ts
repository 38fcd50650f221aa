import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateErrors } from '../../scripts/generate-errors.mjs';
import { ERRORS } from '../../src/reference/errors.generated.ts';
import { ApiError, DIALECTS, documented, type ErrorName, errorDocument } from '../../src/reference/errors.ts';

const SOURCES = new URL('../../src/', import.meta.url);
const names = Object.keys(ERRORS) as ErrorName[];

test('the errors are those of the topics', async () => {
  const committed = readFileSync(new URL('reference/errors.generated.ts', SOURCES), 'utf8');
  assert.equal(committed, await generateErrors(), 'run `npm run generate`');
});

test('every error that is documented as active is raised somewhere', () => {
  const raised = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(http|reference)\/.*\.ts$/.test(path) && !path.endsWith('.generated.ts'))
    .map((path) => readFileSync(new URL(path, SOURCES), 'utf8'))
    .join('\n');
  assert.deepEqual(
    names.filter((name) => !raised.includes(`'${name}'`)),
    [],
  );
});

test('an error has a status of its class, and a code that no other error has, in every dialect', () => {
  for (const dialect of DIALECTS) {
    const codes = names.map((name) => {
      const { title, status } = documented(name);
      const answer = errorDocument(new ApiError(name, 'Detail.'), dialect, {
        type: 'T',
        instance: 'I',
        requestId: 'R',
        retentionSeconds: 1,
      });
      assert.match(title, /^\S.{3,}[^.\s]$/);
      assert.ok(status >= 400 && status <= 599 && answer.status >= 400 && answer.status <= 599);
      const { error, properties, code } = answer.document as Record<string, Record<string, string> & string>;
      return error?.code ?? properties?.errorCode ?? code;
    });
    assert.equal(new Set(codes).size, names.length, `${dialect}: ${codes.join(' ')}`);
    assert.ok(codes.every((code) => /^[A-Za-z][A-Za-z_]+$/.test(code ?? '')));
  }
});
