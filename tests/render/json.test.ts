// The JSON documents: what they hold, and that they are what the published schemas say.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SchemaName, validate } from '../../src/compile/schema.ts';
import { jsonRenderer, majorMinorOf, manifestJson, payloadJson, versionsJson } from '../../src/render/json.ts';
import { ACME, buildFiles, buildFixture, slugsOf } from './support.ts';

const { pack, context } = buildFixture();

/** Parses a document that must be a published file: valid, two spaces of indentation, a final line break. */
function parsed(name: SchemaName, text: string): Record<string, unknown> {
  const value = JSON.parse(text);
  assert.equal(text, `${JSON.stringify(value, null, 2)}\n`);
  assert.deepEqual(validate(name, value), []);
  return value;
}

function unversioned(version?: string) {
  const product = { name: 'acme', command: 'acme help', ...(version === undefined ? {} : { version }) };
  return buildFiles({ 'topic.md': 'Text.' }, { product });
}

describe('a descriptor', () => {
  test('of every topic is valid', () => {
    for (const slug of slugsOf(pack)) parsed('descriptor', jsonRenderer.render(pack, slug, context));
  });

  test('has its members in the published order', () => {
    const members = (slug: string) => Object.keys(JSON.parse(jsonRenderer.render(pack, slug, context)));
    const always = ['topic', 'path', 'title', 'synopsis', 'body', 'sections', 'see_also', 'stability', 'actions'];
    assert.deepEqual(members('rain'), always);
    assert.deepEqual(members('errors'), [...always, 'children', 'tags']);
    assert.deepEqual(members('errors/idempotency_conflict'), [
      ...always,
      ...['error', 'exceptions', 'tags', 'version_added', 'updated'],
    ]);
    assert.deepEqual(members('guides/old-install'), [
      ...always,
      ...['version_added', 'version_deprecated', 'replaced_by'],
    ]);
  });

  test('keeps the case of ids and the author’s line breaks', () => {
    const descriptor = JSON.parse(jsonRenderer.render(pack, 'errors/not_found', context));
    assert.equal(descriptor.topic, 'errors.NOT_FOUND');
    assert.deepEqual(descriptor.path, ['errors', 'NOT_FOUND']);
    assert.match(JSON.parse(jsonRenderer.render(pack, 'crlf', context)).body, /line ends\r\n\r\n## DESCRIPTION\r\n/);
  });
});

describe('the manifest', () => {
  const manifest = parsed('manifest', manifestJson(pack));
  const topics = manifest.topics as Record<string, unknown>[];

  test('has every topic in reading order, parents first', () => {
    assert.deepEqual(
      topics.map(({ topic }) => topic),
      [
        ...['cli', 'cli.run', 'crlf', 'errors', 'errors.HELP_TOPIC_NOT_FOUND', 'errors.IDEMPOTENCY_CONFLICT'],
        ...['errors.NOT_FOUND', 'guides', 'guides.deploy', 'guides.deploy.linux', 'guides.deploy.linux.systemd'],
        ...['guides.install', 'guides.old-install', 'prose', 'rain'],
      ],
    );
  });

  test('says of each topic what a list needs, as its descriptor does', () => {
    for (const summary of topics) {
      assert.deepEqual(Object.keys(summary), ['topic', 'title', 'stability', 'tagline', 'see_also']);
      const { topic, title, stability, see_also } = JSON.parse(
        jsonRenderer.render(pack, String(summary.topic).replaceAll('.', '/').toLowerCase(), context),
      );
      assert.deepEqual(summary, { topic, title, stability, tagline: summary.tagline, see_also });
    }
    assert.equal(topics[3]?.tagline, 'every error of the API, with what to do about it');
  });

  test('names the product’s version, or that there is none', () => {
    assert.equal(manifest.version, '1.4.2');
    assert.equal(parsed('manifest', manifestJson(unversioned().pack)).version, 'unversioned');
  });

  test('tells how to make a URL of an id', () => {
    for (const url of ['/help/<slug>/', '/help/<slug>.json', '/help/<slug>.md', '/help/<slug>/index.md'])
      assert.ok(String(manifest._url_convention).includes(url), url);
  });
});

describe('the payload', () => {
  test('is the descriptors together, in order', () => {
    const payload = parsed('payload', payloadJson(pack));
    assert.deepEqual(payload, {
      schema: 1,
      version: '1.4.2',
      topics: slugsOf(pack).map((slug) => JSON.parse(jsonRenderer.render(pack, slug, context))),
    });
  });

  test('survives any text: line breaks, quotes, brackets and what looks like indentation', () => {
    const source = '# "T"\n\n```\n    "a": [\n\n]\\n\n```\n\u2028\u0085\ttab \\" \u{1f9ea}';
    const built = buildFiles({ 'a.md': source, 'b/c.md': source }, { product: { name: 'a"\\\nb', version: '"1"\n2' } });
    const payload = parsed('payload', payloadJson(built.pack));
    assert.equal(payload.version, '"1"\n2');
    assert.deepEqual(
      (payload.topics as { body: string }[]).map(({ body }) => body),
      [source, '', source],
    );
  });
});

describe('the versions', () => {
  test('are the one that the server has', () => {
    assert.deepEqual(parsed('versions', versionsJson(pack, context)), {
      current: '1.4',
      versions: [
        { majorMinor: '1.4', pinnedPatch: '1.4.2', current: true, manifest: '/help/index.json', root: '/help/' },
      ],
    });
  });

  test('have URLs below the base path', () => {
    const built = buildFixture({ ...ACME, site: { url: 'https://docs.example/acme' } });
    const { versions } = parsed('versions', versionsJson(built.pack, built.context)) as {
      versions: { manifest: string; root: string }[];
    };
    assert.deepEqual(
      versions.map(({ manifest, root }) => [manifest, root]),
      [['/acme/help/index.json', '/acme/help/']],
    );
  });

  for (const [version, majorMinor] of [
    ['1.4.2', '1.4'],
    ['v2.10.0-rc.1', '2.10'],
    ['0.6', '0.6'],
    ['12.34.56+build', '12.34'],
    ['7', undefined],
    ['nightly', undefined],
    ['release 1.2', undefined],
    [undefined, undefined],
  ] as const) {
    test(`of ${version} are ${majorMinor}`, () => {
      const built = unversioned(version);
      assert.equal(majorMinorOf(built.pack.product), majorMinor);
      const document = parsed('versions', versionsJson(built.pack, built.context));
      assert.equal(document.current, majorMinor ?? null);
      assert.equal((document.versions as unknown[]).length, majorMinor === undefined ? 0 : 1);
    });
  }
});
