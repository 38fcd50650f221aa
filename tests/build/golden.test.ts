// A small catalog of our own, compared byte for byte with what is committed beside it in tests/fixtures/golden/.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { build, buildPack } from '../../src/build/build.ts';
import { validate } from '../../src/compile/schema.ts';
import { Pack } from '../../src/pack/read.ts';
import { manifestJson, payloadJson, versionsJson } from '../../src/render/json.ts';
import { slugOf } from '../../src/topic/id.ts';
import { fixture, printed, settingsFor, temporaryFolder, topicOf } from '../support.ts';

const CONTENT = fixture('golden/content');
const EXPECTED = fixture('golden/expected');
const expected = (name: string) => readFileSync(join(EXPECTED, name), 'utf8');

const settings = settingsFor([CONTENT], { product: { name: 'teapot', version: '4.1.8' } });
const result = await build(settings);

test('what is not in order in it is said', () => {
  assert.deepEqual(printed(result.diagnostics), [
    'docs/errors/TEAPOT_REFUSED.md:5:40: warning unknown-see-also: there is no topic "errors.KETTLE_GONE"\n  hint: it is printed without a link',
    'docs/errors/TEAPOT_REFUSED.md:38:1: warning example-without-response: this request promises no response\n  hint: put the response into an http fence after it, or write skip="reason" behind ```http',
    'docs/guides/brew.md:1:1: warning missing-parent: its parent topic "guides" has no file\n  hint: write guides.md',
  ]);
});

const path = join(temporaryFolder(), 'golden.pack');
await buildPack(settings, path);

describe('the descriptor in the pack is the expected file', () => {
  const pack = new Pack(path);
  const names = readdirSync(EXPECTED, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));

  test('for every topic', () => {
    assert.deepEqual(names.map((name) => name.replace('.json', '')).sort(), pack.ids().map(slugOf).sort());
    assert.equal(names.length, 6);
  });

  test('and so is every document that is made of them, by its schema', () => {
    const context = { siteTitle: 'Teapot', base: '', helpPath: '/api/help' };
    assert.deepEqual(validate('manifest', JSON.parse(manifestJson(pack))), []);
    assert.deepEqual(validate('payload', JSON.parse(payloadJson(pack))), []);
    assert.deepEqual(validate('versions', JSON.parse(versionsJson(pack, context))), []);
  });

  for (const name of names) {
    test(name, () => {
      const json = pack.topicJson(name.replace('.json', ''));
      assert.equal(json, expected(name));
      assert.deepEqual(validate('descriptor', JSON.parse(json ?? '')), []);
    });
  }
});

describe('the fragment of its page is the expected file', () => {
  for (const id of ['errors.TEAPOT_REFUSED', 'guides.brew']) {
    test(id, () => assert.equal(topicOf(result, id).html, expected(`${slugOf(id)}.html`)));
  }
});

test('taglines are one line each', () => {
  assert.deepEqual(
    result.catalog?.topics.map(({ descriptor, tagline }) => `${descriptor.topic}: ${tagline}`),
    [
      'errors: every refusal of the teapot',
      'errors.TEAPOT_COLD: The water is not hot yet; the pot says how long it takes.',
      'errors.TEAPOT_REFUSED: the pot was asked for a drink that it is too short and stout to brew.',
      'guides: ',
      'guides.brew: Water, leaves, time & a pot: three minutes are enough.',
      'guides.steep: Leave the leaves alone.',
    ],
  );
});
