import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright';
import { temporaryFolder, writeFiles } from '../support.ts';
import { type Fault, FaultyApi } from './faults.ts';
import { programs, type ReferenceServer, serveReference } from './support.ts';

const program = programs('idempotency/retries.md');
const folder = writeFiles(temporaryFolder(), {
  'post-once.js': program('IN JAVASCRIPT', 'js'),
  'package.json': '{"type":"module"}',
  'post_once.py': program('IN PYTHON', 'python'),
});
const ORDER = { amount: 1000, currency: 'usd' };
/** Short waits, so that the tests are quick; a longer one that the server asks for ends the call. Milliseconds. */
const WAITS = { firstWaitMs: 20, longestWaitMs: 4000, timeoutMs: 1500 };

interface Outcome {
  status?: number;
  body?: string;
  /** The call gave up: the outcome is unknown. */
  gaveUp?: string;
}
type Client = (url: string, headers?: Record<string, string>) => Promise<Outcome>;

const api = new FaultyApi();
let reference: ReferenceServer;
before(async () => {
  await api.listen();
  reference = await serveReference();
});
after(async () => {
  api.close();
  await reference.close();
});

const inJavaScript: Client = async (url, headers = {}) => {
  const { newOperation, postOnce, NoAnswer } = await import(pathToFileURL(join(folder, 'post-once.js')).href);
  const operation = newOperation(url, ORDER);
  try {
    const { status, body } = await postOnce(operation, { headers, attempts: 4, ...WAITS });
    return { status, body };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    assert.equal((error as unknown as { operation: unknown }).operation, operation);
    return { gaveUp: (error as Error).message };
  }
};

/** What a program of a few lines around the outbox prints as JSON. */
const DRIVER = `
import json, sys
from post_once import Outbox, NoAnswer
file, url, headers, todo = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
outbox = Outbox(file, headers, attempts=4, timeout=1.5, first_wait=0.02, longest_wait=4.0)
try:
    for name in outbox.unanswered() if todo == "resume" else ["order 4711"]:
        done = outbox.send(name) if todo == "resume" else outbox.post_once(name, url, {"amount": 1000, "currency": "usd"})
        print(json.dumps({"status": done[0], "body": done[1].decode()}))
except NoAnswer as error:
    print(json.dumps({"gaveUp": str(error)}))
`;

function python(file: string, url: string, headers: Record<string, string>, todo: 'post' | 'resume'): ChildProcess {
  const args = ['-c', DRIVER, file, url, JSON.stringify(headers), todo];
  // Without the user's environment: a proxy in it would be asked for 127.0.0.1.
  return spawn('python3', args, { cwd: folder, env: { PATH: process.env.PATH ?? '' }, timeout: 30_000 });
}

async function printedBy({ stdout, stderr }: ChildProcess): Promise<string> {
  assert.ok(stdout && stderr);
  const [out, err] = await Promise.all([text(stdout), text(stderr)]);
  assert.equal(err, '');
  return out;
}

const inPython: Client = async (url, headers = {}) =>
  JSON.parse(await printedBy(python(join(temporaryFolder(), 'outbox.sqlite'), url, headers, 'post')));

const CLIENTS: [string, Client][] = [
  ['JavaScript', inJavaScript],
  ['Python', inPython],
];

const inProgress = (code: string) => ({ code, title: 'The first request is still running' });
const refused = (status: number, body: unknown = undefined, headers?: Record<string, string>): Fault => ({
  kind: 'answer',
  status,
  body,
  ...(headers ? { headers } : {}),
});

/** Faults of the attempts, in order → attempts, executions, and the status in the end (none: the call gave up). */
const CASES: [name: string, faults: Fault[], attempts: number, executions: number, status?: number][] = [
  ['all is well', [], 1, 1, 201],
  ['the connection breaks after the effect', [{ kind: 'drop-after' }], 2, 1, 201],
  ['the connection breaks in the middle of the answer', [{ kind: 'drop-halfway' }], 2, 1, 201],
  ['the answer never comes', [{ kind: 'silence' }], 2, 1, 201],
  ['503, then the answer', [refused(503, { code: 'store_unavailable' })], 2, 1, 201],
  ['507 and 429, then the answer', [refused(507), refused(429, {}, { 'Retry-After': '0' })], 3, 1, 201],
  ['in progress', [refused(409, inProgress('idempotency_in_progress'), { 'Retry-After': '1' })], 2, 1, 201],
  ['in progress, properties', [refused(409, { properties: { errorCode: 'IDEMPOTENCY_IN_PROGRESS' } })], 2, 1, 201],
  ['in progress, envelope', [refused(409, { error: { code: 'idempotency_key_in_use' } })], 2, 1, 201],
  ['a conflict is not retried', [refused(409, { code: 'idempotency_conflict' })], 1, 0, 409],
  ['nor is a conflict in an envelope', [refused(409, { error: { code: 'idempotency_key_reused' } })], 1, 0, 409],
  ['nor is a conflict of the draft', [refused(422, { title: 'Idempotency-Key is already used' })], 1, 0, 422],
  ['nor is a 409 that is no JSON', [refused(409)], 1, 0, 409],
  ['nor is another mistake', [refused(400, { code: 'idempotency_key_missing' })], 1, 0, 400],
  ['nor is what the server cannot do', [refused(501)], 1, 0, 501],
  ['a redirect is not followed', [refused(303, undefined, { Location: '/elsewhere' })], 1, 0, 303],
  ['a refused token settles nothing', [{ kind: 'drop-after' }, refused(401, { code: 'token_invalid' })], 2, 1],
  ['it gives up in the end', [refused(503), refused(503), refused(503), refused(503), refused(503)], 4, 0],
  ['it gives up at once when it is to wait for long', [refused(503, {}, { 'Retry-After': '600' })], 1, 0],
  [
    'a date to wait for that is long gone',
    [refused(503, {}, { 'Retry-After': 'Sun, 22 Nov 2020 10:00:00 GMT' })],
    2,
    1,
    201,
  ],
];

function theProgram(language: string, client: Client): void {
  describe(`the program in ${language}`, { concurrency: 1 }, () => {
    const api = new FaultyApi();
    before(() => api.listen());
    after(() => api.close());

    for (const [name, faults, attempts, executions, status] of CASES) {
      test(name, async () => {
        api.reset(...faults);
        const outcome = await client(api.url);
        assert.equal(outcome.status, status);
        assert.equal(outcome.gaveUp === undefined, status !== undefined);
        assert.equal(api.attempts.length, attempts);
        assert.equal(api.executed.length, executions);
        if (status === 201) assert.deepEqual(JSON.parse(outcome.body ?? ''), { id: 'ch_1' });
        assert.equal(new Set(api.attempts.map(({ key, body }) => `${key} ${body}`)).size, 1, 'same key, same bytes');
        assert.match(
          api.attempts[0]?.key ?? '',
          /^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$/,
        );
        assert.equal(api.attempts[0]?.headers['content-type'], 'application/json');
      });
    }

    test('it comes back no earlier than Retry-After says', async () => {
      const wait = refused(409, inProgress('idempotency_in_progress'), { 'Retry-After': '1' });
      api.reset(...Array.from({ length: 9 }, () => wait));
      api.onAttempt = () => {
        // From just before the second that it asked for is over, the operation is done.
        setTimeout(() => api.reset(), 900);
        api.onAttempt = () => {};
      };
      const outcome = await client(api.url);
      assert.equal(outcome.status, 201);
      assert.equal(api.attempts.length, 1, 'one attempt after the reset, and none within the second');
    });

    test('the reference API: a slow first attempt, 409, and the charge in the end', async () => {
      const Authorization = await reference.sandbox();
      // Longer than the client's patience: the retry meets the first attempt at work.
      const headers = { Authorization, 'Docent-Simulate': 'delay=2500' };
      const outcome = await client(reference.charges, headers);
      assert.equal(outcome.status, 201, String(outcome.gaveUp));
      const { id, amount } = JSON.parse(outcome.body ?? '');
      assert.equal(amount, 1000);
      const charge = await fetch(`${reference.charges}/${id}`, { headers: { Authorization } });
      assert.equal(charge.status, 200);
    });

    test('the reference API: without a valid token nothing is settled', async () => {
      const outcome = await client(reference.charges, { Authorization: 'Bearer sk_sandbox_unknown' });
      assert.match(outcome.gaveUp ?? '', /401/);
    });

    test('a mistake in the program is not retried', async () => {
      api.reset();
      await assert.rejects(client('no address'));
    });
  });
}

// At the same time: they mostly wait.
describe('the programs', { concurrency: true }, () => {
  for (const [language, client] of CLIENTS) theProgram(language, client);
});

test('a Python program that is killed finishes the operation when it starts again', async () => {
  const file = join(temporaryFolder(), 'outbox.sqlite');
  api.reset({ kind: 'silence' });
  const first = python(file, api.url, {}, 'post');
  const died = new Promise((resolve) => first.on('close', resolve));
  api.onAttempt = () => first.kill('SIGKILL');
  await died;
  assert.equal(first.signalCode, 'SIGKILL');
  const second = JSON.parse(await printedBy(python(file, api.url, {}, 'resume')));
  assert.deepEqual([second.status, JSON.parse(second.body)], [201, { id: 'ch_1' }]);
  assert.equal(await printedBy(python(file, api.url, {}, 'resume')), '', 'nothing is left over');
  assert.deepEqual(
    JSON.parse(await printedBy(python(file, api.url, {}, 'post'))),
    second,
    'the same name, the same answer',
  );
  assert.equal(api.attempts.length, 2);
  assert.equal(api.executed.length, 1);
});

test('the lines that use the outbox run', async () => {
  api.reset();
  const lines = program('IN PYTHON', 'python', 1);
  const code = `token, url = "sk_1", ${JSON.stringify(api.url)}\n${lines}\nprint(status)`;
  const child = spawn('python3', ['-c', code], { cwd: folder, env: { PATH: process.env.PATH ?? '' }, timeout: 30_000 });
  assert.equal(await printedBy(child), '201\n');
  assert.equal(api.attempts[0]?.headers.authorization, 'Bearer sk_1');
});

test('an operation that is older than keys are remembered is not sent', async () => {
  const { newOperation, postOnce } = await import(pathToFileURL(join(folder, 'post-once.js')).href);
  api.reset();
  const old = { ...newOperation(api.url, ORDER), created: Date.now() - 24 * 3_600_000 };
  await assert.rejects(postOnce(old), { message: /too old/ });
  assert.equal(api.attempts.length, 0);
});

describe('the form', () => {
  const PAGE = `<!doctype html><form action="/charges"><fieldset><input name="amount" value="1000"></fieldset>
<button>Pay</button></form><output></output><script type="module">
import { sendOnce } from './send-once.js';
sendOnce(document.querySelector('form'), (answer) => { document.querySelector('output').textContent += (answer.status ?? 'unknown') + ' '; },
  { attempts: 1, timeoutMs: 1500 });
</script>`;
  const type = 'text/javascript';

  test('two clicks are one charge; a failed one stays the same operation, over a reload too', async () => {
    api.pages.set('/', { type: 'text/html', body: PAGE });
    api.pages.set('/post-once.js', { type, body: program('IN JAVASCRIPT', 'js') });
    api.pages.set('/send-once.js', { type, body: program('DOUBLE CLICKS AND FORMS', 'js') });
    api.reset();
    const executablePath = process.env.DOCENT_CHROMIUM;
    const browser = await chromium.launch({
      args: ['--no-sandbox', '--disable-gpu'],
      ...(executablePath ? { executablePath } : {}),
    });
    try {
      const page = await browser.newPage();
      const shown = (words: string) => page.locator('output', { hasText: words }).waitFor({ timeout: 30_000 });
      await page.goto(`${api.origin}/`);
      await page.locator('button').dblclick();
      await shown('201');
      assert.equal(api.executed.length, 1);

      // Not a broken connection: when a reused one breaks, Chromium sends the request again by itself.
      api.reset({ kind: 'silence' });
      await page.locator('button').click();
      await shown('201 unknown');
      assert.ok(await page.locator('input').isDisabled(), 'what is unknown cannot be changed');
      await page.reload();
      await shown('201');
      assert.ok(await page.locator('input').isEnabled());
      await page.locator('input').fill('2000');
      await page.locator('button').click();
      await shown('201 201');
      assert.deepEqual(api.executed, ['{"amount":"1000"}', '{"amount":"2000"}']);
      const [first, second, third] = api.attempts.map(({ key }) => key);
      assert.equal(first, second);
      assert.notEqual(second, third);
    } finally {
      await browser.close();
    }
  });
});
