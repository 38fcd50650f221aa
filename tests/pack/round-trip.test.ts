// What is written into a pack is what is read from it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { verifyPack } from '../../src/pack/checksum.ts';
import { Pack } from '../../src/pack/read.ts';
import { writePack } from '../../src/pack/write.ts';
import type { Catalog } from '../../src/topic/compiled.ts';
import { jsonFile } from '../../src/topic/descriptor.ts';
import { slugOf } from '../../src/topic/id.ts';
import { temporaryFolder } from '../support.ts';
import { fullCatalog, TEAPOT, topic, written } from './support.ts';

describe('a pack gives back', () => {
  const catalog = fullCatalog();
  const path = written(catalog);
  const pack = new Pack(path);
  const slugs = catalog.topics.map(({ descriptor }) => slugOf(descriptor.topic));

  test('its product, path and number of topics', () => {
    assert.deepEqual(pack.product, TEAPOT);
    assert.equal(pack.path, path);
    assert.equal(pack.topicCount, 5);
  });

  test('every field of every topic', () => {
    for (const [position, { descriptor, tagline, html, blocks, outline }] of catalog.topics.entries()) {
      const { topic: id, title, stability, see_also, synopsis } = descriptor;
      const slug = slugOf(id);
      assert.deepEqual(pack.topic(slug), {
        slug,
        topic: id,
        title,
        stability,
        tagline,
        see_also,
        synopsis,
        position,
        json: jsonFile(descriptor),
        descriptor,
        html,
        outline,
        blocks: JSON.parse(blocks),
      });
    }
  });

  test('the published JSON alone', () => {
    assert.equal(pack.topicJson('b/c'), jsonFile(catalog.topics[2]?.descriptor));
    assert.deepEqual(
      pack.rows().map(({ slug }) => pack.topicJson(slug) ?? ''),
      catalog.topics.map(({ descriptor }) => jsonFile(descriptor)),
    );
  });

  test('rows without text, one by one and all in reading order', () => {
    const rows = slugs.map((slug) => pack.row(slug));
    assert.deepEqual(pack.rows(), rows);
    assert.deepEqual(
      slugs.map((_, position) => pack.at(position)),
      rows,
    );
    assert.deepEqual(rows[2], {
      slug: 'b/c',
      topic: 'b.C',
      title: 'Title of b.C',
      stability: 'stable',
      tagline: 'tagline of b.C',
      see_also: ['x', 'y.Z'],
      synopsis: '*Synopsis* of b.C',
    });
    assert.deepEqual(pack.ids(), ['Alpha', 'b', 'b.C', 'b.C.deep', 'b.d']);
  });

  test('children of a topic, and those at the top', () => {
    const children = (slug: string | undefined) => pack.children(slug).map(({ topic }) => topic);
    assert.deepEqual(children(undefined), ['Alpha', 'b']);
    assert.deepEqual(children('b'), ['b.C', 'b.d']);
    assert.deepEqual(children('b/c'), ['b.C.deep']);
    assert.deepEqual(children('b/d'), []);
    assert.deepEqual(children('nowhere'), []);
  });

  test('the slug of a topic or alias', () => {
    assert.equal(pack.resolve('b/c'), 'b/c');
    assert.equal(pack.resolve('old/name'), 'b/c');
    assert.equal(pack.resolve('other'), 'alpha');
    for (const unknown of ['B/C', 'b.c', '', 'old', "' OR 1=1 --"]) assert.equal(pack.resolve(unknown), undefined);
  });

  test('the landing text', () => {
    assert.deepEqual(pack.landing(), catalog.landing);
  });

  test('actions, sorted by name, with their bytes where one is asked for', () => {
    assert.deepEqual(
      pack.actions('b/c').map((action) => ({ ...action })),
      [
        { name: 'Schema', mediaType: 'application/json', description: '' },
        { name: 'script', mediaType: 'text/x-sh; charset=utf-8', description: 'Brews' },
      ],
    );
    assert.deepEqual({ ...pack.action('b/c', 'script') }, catalog.topics[2]?.actions[1]);
    assert.deepEqual(pack.action('b/c', 'Schema')?.bytes.length, 0);
    for (const [slug, name] of [
      ['b/c', 'nothing'],
      ['b', 'script'],
    ] as const)
      assert.equal(pack.action(slug, name), undefined);
    assert.deepEqual(pack.actions('alpha'), []);
  });

  test('files', () => {
    for (const [name, file] of catalog.files) assert.deepEqual({ ...pack.file(name) }, file);
    assert.equal(pack.file('images'), undefined);
  });

  test('nothing for what it does not have', () => {
    assert.equal(pack.topic('nowhere'), undefined);
    assert.equal(pack.topicJson('nowhere'), undefined);
    assert.equal(pack.row('nowhere'), undefined);
    assert.equal(pack.at(-1), undefined);
    assert.equal(pack.at(5), undefined);
    assert.deepEqual(pack.stamps(), []);
  });

  test('and is found sound', () => verifyPack(pack.path));
});

test('a pack of nothing is a pack', () => {
  const nothing: Catalog = { topics: [], landing: undefined, aliases: new Map(), files: new Map() };
  const pack = new Pack(written(nothing, { name: 'x', command: 'x help' }));
  assert.deepEqual([pack.topicCount, pack.rows(), pack.children(undefined), pack.landing()], [0, [], [], undefined]);
  assert.deepEqual(pack.product, { name: 'x', command: 'x help' });
  assert.equal(pack.digest, createHash('sha256').digest('hex'));
  pack.close();
});

test('stamps are kept to the fraction of a millisecond', () => {
  const stamps = [
    { path: '/srv/docs', size: -1, mtimeMs: 1795343855786.9824 },
    { path: '/srv/docs/a.md', size: 2 ** 40, mtimeMs: 0.5 },
  ];
  const path = join(temporaryFolder(), 'cache.pack');
  writePack(path, fullCatalog(), TEAPOT, stamps);
  assert.deepEqual(
    new Pack(path).stamps().map((stamp) => ({ ...stamp })),
    stamps,
  );
});

describe('the same catalog', () => {
  test('gives the same bytes', () => {
    assert.equal(readFileSync(written()).equals(readFileSync(written())), true);
  });

  test('has the same digest, that of its descriptors in order of their ids', () => {
    const { topics } = fullCatalog();
    const hash = createHash('sha256');
    for (const id of ['Alpha', 'b', 'b.C', 'b.C.deep', 'b.d'])
      hash.update(jsonFile(topics.find(({ descriptor }) => descriptor.topic === id)?.descriptor));
    assert.equal(new Pack(written()).digest, hash.digest('hex'));
  });

  test('in another order has the same digest, with another text another', () => {
    const digest = (topics: Catalog['topics']) => new Pack(written({ ...fullCatalog(), topics })).digest;
    const [a, b] = [topic('a'), topic('b')];
    assert.equal(digest([a, b]), digest([b, a]));
    assert.notEqual(digest([a, b]), digest([a, { ...b, descriptor: { ...b.descriptor, body: 'x' } }]));
  });
});

test('any program with SQLite can read it', () => {
  const db = new DatabaseSync(written(), { readOnly: true });
  const row = db.prepare("SELECT descriptor FROM topic WHERE slug = 'b/c'").get();
  assert.equal(JSON.parse(String(row?.descriptor)).topic, 'b.C');
  assert.equal(db.prepare('PRAGMA application_id').get()?.application_id, Buffer.from('DOCP').readUInt32BE());
  assert.equal(db.prepare('PRAGMA user_version').get()?.user_version, 1);
  db.close();
});

test('a pack that is replaced stays readable for whoever has it open', () => {
  const path = written();
  const before = new Pack(path);
  writePack(path, { ...fullCatalog(), topics: [topic('new')] }, TEAPOT);
  assert.deepEqual(before.ids(), ['Alpha', 'b', 'b.C', 'b.C.deep', 'b.d']);
  assert.deepEqual(new Pack(path).ids(), ['new']);
});
