import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateTypes } from '../../scripts/generate-types.mjs';

test('the types are those of the schemas', async () => {
  const committed = readFileSync(new URL('../../src/topic/schema.generated.ts', import.meta.url), 'utf8');
  assert.equal(committed, await generateTypes(), 'run `npm run generate`');
});
