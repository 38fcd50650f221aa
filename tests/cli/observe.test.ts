// What `docent serve` tells whoever runs it: a log of JSON lines, and metrics for Prometheus.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { charge, newToken } from '../reference/support.ts';
import { docent, type Server, serve, temporaryFolder, writeFiles } from './support.ts';

const KEY = '"order 4711 of jane@example.com"';

const project = () =>
  writeFiles(temporaryFolder(), {
    'docent.config.json': '{"content": ["topics"], "reference": {"enabled": true}}',
    'topics/a.md': '# A\n',
  });

/** A charge, its replay and a conflict. */
async function decideThreeTimes({ url }: Server): Promise<{ token: string; requests: (string | null)[] }> {
  const token = await newToken(url);
  const answers = [
    await charge(url, { token, key: KEY }),
    await charge(url, { token, key: KEY }),
    await charge(url, { token, key: KEY, body: { amount: 1, currency: 'eur' } }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 201, 409],
  );
  return { token, requests: answers.map(({ headers }) => headers.get('request-id')) };
}

/** The log so far, line by line; fails for a line that is no JSON. */
const events = (server: Server): Record<string, unknown>[] =>
  server
    .errors()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('--log', () => {
  test('writes a line of JSON for every decision, which leads from answer to cause and holds no secret', async () => {
    const server = await serve(['--log'], { cwd: project() });
    const { token } = await decideThreeTimes(server);
    assert.equal(await server.stop(), 0);
    const found = events(server);
    assert.deepEqual(
      found.map(({ decision }) => decision),
      ['claimed', 'stored', 'replayed', 'mismatch'],
    );
    for (const event of found) {
      assert.deepEqual(Object.keys(event).slice(0, 2), ['time', 'level']);
      assert.match(String(event.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual([event.level, event.method, event.path], ['info', 'POST', '/api/charges']);
      assert.equal(typeof event.elapsed_ms, 'number');
    }
    assert.equal(new Set(found.map(({ tag }) => tag)).size, 1, 'one key has one tag');
    assert.deepEqual(
      found.map(({ status }) => status),
      [undefined, 201, 201, undefined],
    );
    assert.equal(found[0]?.fencing_token, found[1]?.fencing_token);
    assert.doesNotMatch(server.output(), /4711|jane|usd/);
    assert.ok(!server.output().includes(token));
  });

  test('turns what else is said into lines of JSON, too', async () => {
    const cwd = writeFiles(project(), { 'topics/bad.md': '---\nsee_als: [x]\n---\nText.\n', state: 'a file' });
    const server = await serve(['--data', 'state/below'], { cwd, env: { DOCENT_LOG: '1' } });
    assert.equal((await fetch(`${server.url}/api/sandboxes`, { method: 'POST' })).status, 503);
    await server.stop();
    const [diagnostic, count, outage] = events(server);
    assert.deepEqual([diagnostic?.level, count?.level, outage?.level], ['warning', 'warning', 'error']);
    assert.match(String(diagnostic?.message), /^topics\/bad\.md:2:1: error unknown-key: [\s\S]*hint: /);
    assert.match(String(outage?.message), /^POST \/api\/sandboxes: /);
  });

  test('is off by default', async () => {
    const server = await serve([], { cwd: project() });
    await decideThreeTimes(server);
    await server.stop();
    assert.equal(server.errors(), '');
  });
});

describe('--metrics', () => {
  const start = async (metrics: string, args: string[] = []) => {
    const server = await serve(['--metrics', metrics, ...args], { cwd: project() });
    const scrape = /^metrics: (http:\S+\/metrics)$/m.exec(server.output())?.[1];
    assert.ok(scrape !== undefined, server.output());
    return { server, scrape };
  };

  test('counts decisions, requests and outages, on a port of its own', async () => {
    const { server, scrape } = await start('0');
    assert.notEqual(new URL(scrape).port, new URL(server.url).port);
    assert.equal(new URL(scrape).hostname, '127.0.0.1');
    const value = async (name: string) => {
      const response = await fetch(scrape);
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=/);
      const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length + 1));
    };
    const decisions = (decision: string) => value(`docent_idempotency_decisions_total{decision="${decision}"}`);
    assert.deepEqual([await decisions('claimed'), await decisions('store-failed')], [0, 0]);
    await decideThreeTimes(server);
    await fetch(`${server.url}/help/a/`);
    assert.deepEqual(
      await Promise.all(['claimed', 'stored', 'replayed', 'mismatch', 'taken-over'].map(decisions)),
      [1, 1, 1, 1, 0],
    );
    const count = 'docent_idempotency_decision_duration_seconds_count';
    assert.equal(await value(`${count}{decision="replayed"}`), 1);
    const requests = (status: string) => value(`docent_http_requests_total{status="${status}"}`);
    assert.deepEqual([await requests('2xx'), await requests('4xx'), await requests('5xx')], [4, 1, 0]);
    assert.equal(await value('docent_store_errors_total{problem="unavailable"}'), 0);
    assert.ok(((await value('process_resident_memory_bytes')) ?? 0) > 0);
    assert.equal((await fetch(`${server.url}/metrics`)).status, 404, 'readers have nothing to do with it');
    assert.equal((await fetch(scrape, { method: 'HEAD' })).status, 200);
    assert.equal((await fetch(scrape, { method: 'POST' })).status, 405);
    assert.equal((await fetch(new URL('/', scrape))).status, 404);
    assert.equal(await server.stop(), 0);
  });

  test('counts what the store could not serve', async () => {
    const cwd = writeFiles(project(), { state: 'a file' });
    const server = await serve(['--metrics', '127.0.0.1:0', '--data', 'state/below'], { cwd });
    const scrape = /^metrics: (\S+)$/m.exec(server.output())?.[1] ?? '';
    assert.equal((await fetch(`${server.url}/api/sandboxes`, { method: 'POST' })).status, 503);
    const text = await (await fetch(scrape)).text();
    assert.match(text, /^docent_store_errors_total\{problem="unavailable"\} 1$/m);
    assert.match(text, /^docent_http_requests_total\{status="5xx"\} 1$/m);
    await server.stop();
  });

  test('listens where it is told to, and says when it cannot', async () => {
    const { server, scrape } = await start('[::1]:0');
    assert.equal(new URL(scrape).hostname, '[::1]');
    const busy = new URL(scrape).port;
    const { code, stderr } = await docent(['serve', '--port', '0', '--metrics', `[::1]:${busy}`], { cwd: project() });
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`^docent: port ${busy} on ::1 is in use\n {2}hint: choose another with --metrics`));
    await server.stop();
  });
});
