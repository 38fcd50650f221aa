// Examples in a body: what is one, what is not, what is said about it, and how the page marks it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { validate } from '../../src/compile/schema.ts';
import { type Example, jsonFile } from '../../src/topic/descriptor.ts';
import { buildFiles, codes, compiled, compileFile, printed, topicOf } from '../support.ts';

const REQUEST = '```http\nGET /a HTTP/1.1\n```\n';
const RESPONSE = '```http\nHTTP/1.1 200 OK\n```\n';

const examplesOf = (text: string): Example[] => compiled(text).examples;

/** The diagnostics of a text, without the hints. */
const problems = (text: string): string[] =>
  printed(compileFile(text).diagnostics).map((line) => line.split('\n')[0]?.replace('docs/topic.md:', '') as string);

test('an example is what the two fences say, to the letter', () => {
  const text = [
    '```http id=first',
    'POST /api/charges?a=1&b={{b}} HTTP/1.1',
    'Content-Type: application/json',
    'Idempotency-Key:   "{{$uuid}}"  ',
    '',
    '{',
    '  "amount": 1000',
    '',
    '}',
    '```',
    '',
    'Then:',
    '',
    '```HTTP',
    'HTTP/1.1 201',
    'Location: /api/charges/{{id}}',
    '',
    '{ "id": "{{id}}" }',
    '```',
    '',
    '```http parallel',
    'GET /api/charges/{{id}}',
    '```',
    '~~~http',
    'HTTP/1.1 200 All right',
    '~~~',
    '```http skip="it needs a card"',
    'DELETE /card HTTP/1.1',
    '```',
  ].join('\n');
  const { examples, examplePlaces } = compiled(`---\ntitle: A\n---\n\n${text}\n`);
  assert.deepEqual(examples, [
    {
      id: 'first',
      request: {
        method: 'POST',
        target: '/api/charges?a=1&b={{b}}',
        headers: [
          { name: 'Content-Type', value: 'application/json' },
          { name: 'Idempotency-Key', value: '"{{$uuid}}"' },
        ],
        body: '{\n  "amount": 1000\n\n}',
      },
      response: {
        status: 201,
        headers: [{ name: 'Location', value: '/api/charges/{{id}}' }],
        body: '{ "id": "{{id}}" }',
      },
    },
    {
      id: '2',
      parallel: true,
      request: { method: 'GET', target: '/api/charges/{{id}}', headers: [] },
      response: { status: 200, headers: [] },
    },
    { id: '3', skip: 'it needs a card', request: { method: 'DELETE', target: '/card', headers: [] } },
  ]);
  const file = 'docs/topic.md';
  assert.deepEqual(examplePlaces, [
    { file, request: { line: 6, column: 1 }, response: { line: 19, column: 1 } },
    { file, request: { line: 26, column: 1 }, response: { line: 29, column: 1 } },
    { file, request: { line: 32, column: 1 } },
  ]);
});

test('they are in the descriptor, before the aliases, as the schema has them; without any there is no member', () => {
  const front = '---\ntags: [x]\naliases: [other]\nexceptions: {go: X}\n---\n';
  const files = { 'a.md': `${front}# A\n\n${REQUEST}${RESPONSE}`, 'b.md': '# B\n\n```sh\nls\n```\n' };
  const result = buildFiles(files);
  const { descriptor } = topicOf(result, 'a');
  assert.deepEqual(validate('descriptor', JSON.parse(jsonFile(descriptor))), []);
  assert.deepEqual(Object.keys(descriptor).slice(-4), ['exceptions', 'examples', 'aliases', 'tags']);
  assert.ok(!('examples' in topicOf(result, 'b').descriptor));
});

test('a later source brings its own, with their places, or none', () => {
  const below = { 'a.md': `# A\n\n${REQUEST}${RESPONSE}`, 'b.md': `# B\n\n${REQUEST}${RESPONSE}` };
  const above = { 'a.md': '# A\n\nNo more.\n', 'b.md': `# B\n\nText.\n\n${REQUEST.replace('/a', '/b')}${RESPONSE}` };
  const result = buildFiles([below, above]);
  assert.equal(topicOf(result, 'a').descriptor.examples, undefined);
  const b = topicOf(result, 'b');
  assert.equal(b.descriptor.examples?.[0]?.request.target, '/b');
  assert.deepEqual(b.examplePlaces, [
    { file: 'docs2/b.md', request: { line: 6, column: 1 }, response: { line: 9, column: 1 } },
  ]);
});

test('the landing text has examples, too', () => {
  const { catalog } = buildFiles({ 'README.md': `# Us\n\n${REQUEST}${RESPONSE}`, 'a.md': '# A\n' });
  assert.equal(catalog?.landing?.examples?.length, 1);
  assert.equal(catalog?.landing?.examplePlaces?.[0]?.file, 'docs/README.md');
});

test('CRLF and a byte order mark change neither the example nor its place', () => {
  const text = `# A\n\nText.\n\n${REQUEST}\n${RESPONSE}`;
  const plain = compiled(text);
  const other = compiled(`\ufeff${text.replaceAll('\n', '\r\n')}`);
  assert.deepEqual(other.examples, plain.examples);
  assert.deepEqual(other.examplePlaces, plain.examplePlaces);
});

describe('a fence in a list or quote is found where it stands', () => {
  for (const [what, text, place] of [
    ['a list', '- first\n\n  ```http\n  GET https://x.example/ HTTP/1.1\n  ```\n', '4:7'],
    ['a list in a list', '1. one\n   - two\n\n     ```http\n     GET https://x.example/\n     ```\n', '5:10'],
    ['a quote', '> ```http\n> GET https://x.example/\n> ```\n', '2:7'],
    ['a quote in a list', '* a\n\n  > ```http\n  > GET https://x.example/\n  > ```\n', '4:9'],
    ['the first line of an item', '- ```http\n  GET https://x.example/\n  ```\n', '2:7'],
    ['an indented fence', '   ```http\n   GET https://x.example/\n   ```\n', '2:8'],
    [
      'the second of two alike',
      '- ```http\n  GET /a\n  ```\n  ```http\n  HTTP/1.1 200\n  ```\n\n  ```http\n  GET https://x.example/\n  ```\n',
      '9:7',
    ],
    [
      'after a fence that shows one',
      '- ````md\n  ```http\n  GET /a\n  ```\n  ````\n\n  ```http\n  GET https://x.example/\n  ```\n',
      '8:7',
    ],
    [
      'after raw HTML that shows one',
      '- <!--\n  ```http\n  GET /a\n  ```\n  -->\n\n  ```http\n  GET https://x.example/\n  ```\n',
      '8:7',
    ],
  ] as const) {
    test(what, () => {
      const found = problems(`Before.\n\n${text}`);
      const [line = 0, column = 0] = place.split(':').map(Number);
      assert.deepEqual(found, [
        `${line + 2}:${column}: warning example-invalid: "https://x.example/" is no path of the server`,
      ]);
    });
  }
});

describe('what is not understood is said at its place, and stays code', () => {
  for (const [what, fence, expected] of [
    ['neither', 'hello', '2:1: warning example-invalid: this is neither a request nor a response'],
    ['nothing', '', '2:1: warning example-invalid: this is neither a request nor a response'],
    ['only headers', 'Accept: text/html', '2:1: warning example-invalid: this is neither a request nor a response'],
    ['a method in lower case', 'get /a', '2:1: warning example-invalid: this is neither a request nor a response'],
    ['another protocol', 'HTTP/2 200', '2:1: warning example-invalid: this is no status line'],
    ['a status that is none', 'HTTP/1.1 600 No', '2:1: warning example-invalid: this is no status line'],
    ['an absolute URL', 'GET http://a/b', '2:5: warning example-invalid: "http://a/b" is no path of the server'],
    ['another host', 'GET //a/b', '2:5: warning example-invalid: "//a/b" is no path of the server'],
    ['the asterisk', 'OPTIONS *', '2:9: warning example-invalid: "*" is no path of the server'],
    ['a fragment', 'GET /a#b', '2:5: warning example-invalid: a fragment is never sent'],
    ['a backslash', 'GET /\\a', '2:5: warning example-invalid: "/\\a" has a character that no URL has'],
    ['a letter that is not ASCII', 'GET /ä', '2:5: warning example-invalid: "/ä" has a character that no URL has'],
    [
      "OpenAPI's spelling of a parameter",
      'GET /a/{id}?b=1',
      '2:5: warning example-invalid: "/a/{id}?b=1" has a brace that belongs to no placeholder',
    ],
    [
      'a placeholder with spaces in it',
      'GET /a/{{ id }} HTTP/1.1',
      '2:5: warning example-invalid: "/a/{{" has a brace that belongs to no placeholder',
    ],
    ['HTTP/1.0', 'GET /a HTTP/1.0', '2:8: warning example-invalid: "HTTP/1.0" is not understood here'],
    ['a tunnel', 'CONNECT /a', '2:1: warning example-invalid: CONNECT is never sent'],
    ['an echo', 'TRACE /a', '2:1: warning example-invalid: TRACE is never sent'],
    ['a host', 'GET /a\nHost: x', '3:1: warning example-invalid: Host does not belong into an example'],
    [
      'a length',
      'POST /a\nA: b\ncontent-length: 3\n\nabc',
      '4:1: warning example-invalid: content-length does not belong into an example',
    ],
    ['a header without colon', 'GET /a\nAccept', '3:1: warning example-invalid: this is no header line'],
    ['a folded header', 'GET /a\nA: b\n  c', '4:1: warning example-invalid: this is no header line'],
    ['a header that is not ASCII', 'GET /a\nA: ü', '3:3: warning example-invalid: the value of A is not ASCII'],
    ['a GET with a body', 'GET /a\n\n\nx', '4:1: warning example-invalid: a GET request has no body'],
    ['an unknown built-in', 'GET /a\nA: {{$tokn}}', '3:4: warning example-invalid: {{$tokn}} is no placeholder'],
    [
      'too much text',
      'POST /a\n\nab{{$text.1048577}}',
      '4:3: warning example-invalid: {{$text.1048577}} is no placeholder',
    ],
  ] as const) {
    test(what, () => {
      // Whether it was meant as a request is not always known, and a second complaint about what follows would be noise.
      const text = `\`\`\`http\n${fence}\n\`\`\`\n${fence.startsWith('HTTP') ? '' : RESPONSE}`;
      const found = problems(text);
      assert.equal(found[0], expected);
      const { html, examples } = compiled(text);
      assert.deepEqual(examples, []);
      assert.ok(!html.includes('data-example') && html.includes('<pre'));
      assert.ok(compileFile(text).diagnostics.every(({ hint }) => hint !== undefined));
    });
  }

  test('a bad response spoils its request, and is the only one to be blamed', () => {
    for (const response of ['HTTP/2 200', 'HTTP/1.1 200\nbad']) {
      const text = `${REQUEST}\`\`\`http\n${response}\n\`\`\`\n`;
      assert.equal(problems(text).length, 1);
      assert.deepEqual(examplesOf(text), []);
    }
  });

  test('a body may hold what a head may not', () => {
    const text = `\`\`\`http\nPOST /a\n\nHost: x\nContent-Length: 1\nbad\n\`\`\`\n${RESPONSE}`;
    assert.deepEqual(problems(text), []);
    assert.equal(examplesOf(text)[0]?.request.body, 'Host: x\nContent-Length: 1\nbad');
  });

  test('every problem of a fence at once', () => {
    assert.deepEqual(problems(`\`\`\`http\nGET #a HTTP/3\nHost: a\nb\n\`\`\`\n${RESPONSE}`).length, 4);
  });
});

describe('the words behind http', () => {
  const withInfo = (info: string) => `${REQUEST}${RESPONSE}${REQUEST.replace('http', `http ${info}`)}${RESPONSE}`;
  for (const [info, expected] of [
    ['id=a-b2', { id: 'a-b2' }],
    ['parallel id=b', { id: 'b', parallel: true }],
    ['  skip="a  reason (why?)"   parallel', { id: '2', parallel: true, skip: 'a  reason (why?)' }],
    ['', { id: '2' }],
  ] as const) {
    test(info, () => {
      const { request: _, response: __, ...flags } = examplesOf(withInfo(info))[1] as Example;
      assert.deepEqual(flags, expected);
    });
  }

  for (const info of [
    'name=x',
    'id=A',
    'id=',
    'id=a id=b',
    'skip',
    'skip=x',
    'skip=""',
    'skip=" "',
    'Parallel',
    '{.x}',
  ]) {
    test(`${info} is not understood`, () => {
      const found = problems(withInfo(info));
      assert.equal(found.length, 1);
      assert.match(found[0] as string, /^7:1: warning example-invalid: ".*" is not understood behind http$/);
      assert.deepEqual(
        examplesOf(withInfo(info)).map(({ id }) => id),
        ['1'],
      );
    });
  }

  test('the same id twice', () => {
    const text = `${REQUEST.replace('http', 'http id=x')}${RESPONSE}`;
    assert.deepEqual(problems(text + text), [
      '7:1: warning example-invalid: another example of this topic has the id "x"',
    ]);
  });

  test('parallel to nothing', () => {
    const text = `${REQUEST.replace('http', 'http parallel')}${RESPONSE}`;
    assert.deepEqual(problems(text), [
      '1:1: warning example-invalid: no request comes before this one, to be sent together with',
    ]);
  });

  test('on a response', () => {
    assert.deepEqual(problems(`${REQUEST}${RESPONSE.replace('http', 'http id=x')}`), [
      '4:1: warning example-invalid: "id=x" is not understood on a response',
    ]);
  });
});

describe('requests and responses come in pairs', () => {
  test('a request that promises nothing is reported, one that is skipped needs no response and may have one', () => {
    assert.deepEqual(problems(`${REQUEST}${REQUEST}${RESPONSE}`), [
      '1:1: warning example-without-response: this request promises no response',
    ]);
    assert.deepEqual(problems(`${REQUEST}\n> ${REQUEST.split('\n')[0]}\n> GET /b\n> \`\`\`\n`), [
      '1:1: warning example-without-response: this request promises no response',
      '5:3: warning example-without-response: this request promises no response',
    ]);
    const skipped = REQUEST.replace('http', 'http skip="no"');
    assert.deepEqual(
      examplesOf(`${skipped}${skipped}${RESPONSE}`).map(({ response }) => response?.status),
      [undefined, 200],
    );
  });

  test('a response without a request is reported', () => {
    const orphan = '1:1: warning example-without-request: no request comes before this response';
    assert.deepEqual(problems(RESPONSE), [orphan]);
    assert.deepEqual(problems(`${REQUEST}${RESPONSE}${RESPONSE}`), [orphan.replace('1:1', '7:1')]);
  });

  test('examples are numbered by position, those with a name too', () => {
    const named = REQUEST.replace('http', 'http id=x');
    const text = REQUEST + RESPONSE + named + RESPONSE + REQUEST + RESPONSE;
    assert.deepEqual(
      examplesOf(text).map(({ id }) => id),
      ['1', 'x', '3'],
    );
  });
});

describe('what looks like an HTTP message and is not tagged', () => {
  for (const line of ['GET / HTTP/1.1', 'POST /a?b HTTP/1.0', 'HTTP/1.1 404 Not Found', 'HTTP/1.0 200']) {
    for (const language of ['', 'json', 'console']) {
      test(`${language}: ${line}`, () => {
        assert.deepEqual(problems(`\`\`\`${language}\n${line}\nA: b\n\`\`\`\n`), [
          '1:1: warning example-untagged: this looks like an HTTP message and is not tagged as one',
        ]);
      });
    }
    test(`text: ${line}`, () => assert.deepEqual(problems(`\`\`\`text\n${line}\n\`\`\`\n\n    ${line}\n`), []));
  }
  test('other code is left alone', () => {
    for (const line of ['GET /', 'get / HTTP/1.1', 'curl -i /', 'HTTP/1.1', 'SELECT 1', 'HTTP/1.1 2000'])
      assert.deepEqual(problems(`\`\`\`\n${line}\n\`\`\`\n`), [], line);
  });
});

test('whatever stands in fences: no crash, each fault in its line, and each example as the schema has it', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'GET /a HTTP/1.1',
      'HTTP/1.1 200 OK',
      'A: b',
      '',
      '{{$x}}',
      '{{a}}',
      'Host: x',
      '{',
      '"...": "..."}',
    ),
    fc.string({ maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, '')),
  );
  const fence = fc
    .tuple(
      fc.constantFrom('http', 'HTTP', '', 'text', 'http id=a', 'http parallel', 'http skip="x"', 'http x'),
      fc.array(line, { maxLength: 5 }),
      fc.constantFrom('', '> ', '- ', '  ', '1. '),
    )
    .map(([info, lines, prefix]) => {
      const rest = prefix === '> ' ? '> ' : ' '.repeat(prefix.length);
      return [`\`\`\`${info}`, ...lines, '```'].map((text, index) => (index === 0 ? prefix : rest) + text).join('\n');
    });
  fc.assert(
    fc.property(fc.array(fence, { maxLength: 6 }), (fences) => {
      const text = `# A\n\n${fences.join('\n\n')}\n`;
      const { topic, diagnostics } = compileFile(text);
      assert.ok(topic !== undefined);
      const lines = text.split('\n');
      for (const { line, column } of diagnostics) assert.ok(column <= (lines[line - 1] ?? '').length + 1);
      const { examples } = topic;
      assert.equal(new Set(examples.map(({ id }) => id)).size, examples.length);
      const base = { topic: 'a', path: ['a'], title: '', synopsis: '', body: '', sections: [], see_also: [] };
      const descriptor = { ...base, stability: 'stable', actions: [], ...(examples.length > 0 ? { examples } : {}) };
      assert.deepEqual(validate('descriptor', descriptor), []);
      for (const { skip, response } of examples) assert.ok(skip !== undefined || response !== undefined);
    }),
    { numRuns: 300 },
  );
});

test('five thousand fences in one list are each found in their place', () => {
  const text = `- a\n\n${`  ${REQUEST.replaceAll('\n', '\n  ')}\n`.repeat(5000)}`;
  const { diagnostics } = compileFile(text);
  assert.equal(diagnostics.length, 5000);
  assert.deepEqual(new Set(codes(diagnostics)), new Set(['example-without-response']));
  assert.equal(diagnostics.at(-1)?.line, 3 + 4999 * 4);
});
