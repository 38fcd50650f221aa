// A promised body that is meant as JSON has to be JSON: as a text it would be compared to the letter.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileFile, printed } from '../support.ts';

/** The diagnostics of a request and the promise of this head and body, without the hints. */
function problems(head: string, body: string): string[] {
  const text = `\`\`\`http\nGET /a HTTP/1.1\n\`\`\`\n\`\`\`http\n${head}\n\n${body}\n\`\`\`\n`;
  return printed(compileFile(text).diagnostics).map((line) => line.split('\n')[0] as string);
}

const NOT_JSON = /^docs\/topic\.md:\d+:1: warning example-invalid: the promised body is not JSON \(/;

describe('a promise that says it is JSON', () => {
  for (const type of ['application/json', 'application/problem+json; charset=utf-8', 'APPLICATION/JSON']) {
    test(type, () => {
      const head = `HTTP/1.1 200\nContent-Type: ${type}`;
      assert.match(problems(head, '{ "id": {{id}} }')[0] ?? '', NOT_JSON);
      assert.deepEqual(problems(head, '{ "id": "{{id}}" }'), []);
    });
  }
});

describe('a promise that does not say what it is', () => {
  for (const body of ['{"id": {{id}}}', '{"id": 1, ...}', '{ id: 1 }', '\n  {"id": 1,}'])
    test(`is meant as JSON: ${body}`, () => assert.match(problems('HTTP/1.1 200', body)[0] ?? '', NOT_JSON));
  for (const body of ['{{greeting}}, world', '[info] started', 'id = {', '{"id": "{{id}}"}', '[{{ids}}]'])
    test(`is text, or is JSON: ${body}`, () => assert.deepEqual(problems('HTTP/1.1 200', body), []));
});

test('a promise that says it is something else', () => {
  for (const type of ['text/plain', 'application/jsonl'])
    assert.deepEqual(problems(`HTTP/1.1 200\nContent-Type: ${type}`, '{ not JSON }'), []);
});
