// What a store is written as, and what is said about a text that is none: never a password.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkConfig } from '../../src/config/check.ts';
import { anchored, settle } from '../../src/config/config.ts';
import { anchorStore, readStore } from '../../src/config/store.ts';
import type { DocentConfig } from '../../src/topic/descriptor.ts';

describe('a store is', () => {
  for (const [text, location] of [
    ['sqlite:data/a.sqlite', { kind: 'sqlite', path: 'data/a.sqlite' }],
    ['sqlite:/var/lib/a.sqlite', { kind: 'sqlite', path: '/var/lib/a.sqlite' }],
    ['SQLite:a b.sqlite', { kind: 'sqlite', path: 'a b.sqlite' }],
    ['postgres://db/docent', { kind: 'postgres', shown: 'postgres://db/docent' }],
    ['postgresql://u:secret@db:6432/docent?sslmode=verify-full', { shown: 'postgresql://u@db:6432/docent' }],
    ['postgres://u:secret@/docent?host=/run/postgresql', { shown: 'postgres://u@localhost/docent' }],
    ['postgresql:///docent', { shown: 'postgresql:///docent' }],
    [
      'redis://:secret@cache:6380/2',
      { kind: 'redis', url: 'redis://:secret@cache:6380/2', shown: 'redis://cache:6380/2' },
    ],
    ['rediss://u:secret@cache', { url: 'rediss://u:secret@cache', shown: 'rediss://u@cache' }],
    ['valkey://cache/1', { kind: 'redis', url: 'redis://cache/1', shown: 'redis://cache/1' }],
    ['valkeys://cache', { kind: 'redis', url: 'rediss://cache' }],
  ] as const) {
    test(text, () => {
      const read: object = readStore(text);
      assert.deepEqual({ ...read, ...location }, read);
      assert.deepEqual(checkConfig({ reference: { store: text } }), []);
    });
  }
});

describe('no store is', () => {
  for (const [text, message, hint] of [
    ['reference.sqlite', /does not begin with the kind of store$/, /^write sqlite:FILE, postgres:/],
    ['/var/lib/reference.sqlite', /does not begin/, /sqlite:FILE/],
    ['', /does not begin/, /sqlite:FILE/],
    ['mysql://u:secret@db/docent', /begins with "mysql:", for which there is no store$/, /^write sqlite:FILE/],
    ['postgress://u:secret@db/docent', /"postgress:"/, /^did you mean postgres:\?/],
    ['constructor:x', /"constructor:", for which there is no store/, /sqlite:FILE/],
    ['sqlite:', /names no file$/, /such as sqlite:data/],
    ['sqlite://db/docent', /names a host, where SQLite has only files$/, /such as sqlite:data/],
    ['sqlite::memory:', /outlive the process$/, /such as sqlite:data/],
    ['postgres:docent', /is no postgres URL$/, /^write it like postgres:\/\/user/],
    ['postgres://u:sec#ret@db/docent', /is no postgres URL$/, /# \/ \? @ : and % are written as %23/],
    ['redis://u:secret@db:port', /is no redis URL$/, /^write it like redis:/],
    ['redis://u:secret@db/docent', /has no number for its database$/, /redis:\/\/host:6379\/0/],
  ] as const) {
    test(text || 'nothing', () => {
      const read = readStore(text);
      assert.ok('message' in read);
      assert.match(read.message, message);
      assert.match(read.hint, hint);
      assert.doesNotMatch(JSON.stringify(read), /sec/);
    });
  }

  test('and a configuration says so, by its name and without the password', () => {
    const [problem, ...others] = checkConfig({ reference: { store: 'mysql://u:secret@db' } });
    assert.deepEqual(others, []);
    assert.deepEqual(problem?.path, ['reference', 'store']);
    assert.match(problem?.message ?? '', /^"reference\.store" begins with "mysql:"/);
    assert.doesNotMatch(JSON.stringify(problem), /secret/);
  });
});

test('the file of a store is relative to where it is named; a server is where it is', () => {
  assert.equal(anchorStore('sqlite:data/a.sqlite', '/srv'), 'sqlite:/srv/data/a.sqlite');
  assert.equal(anchorStore('sqlite:/data/a.sqlite', '/srv'), 'sqlite:/data/a.sqlite');
  for (const text of ['redis://cache', 'postgres://db/x', 'no store']) assert.equal(anchorStore(text, '/srv'), text);
  const config: DocentConfig = { strict: true, reference: { enabled: false, store: 'sqlite:a' } };
  assert.deepEqual(anchored(config, '/srv'), { strict: true, reference: { enabled: false, store: 'sqlite:/srv/a' } });
  assert.deepEqual(anchored({ strict: true }, '/srv'), { strict: true });
});

test('who names a store wants the reference API, unless it is switched off', () => {
  const enabled = (reference: DocentConfig['reference']) =>
    settle({ reference: reference ?? {} }, '/x', []).reference.enabled;
  assert.equal(enabled({}), false);
  assert.equal(enabled({ store: 'sqlite:a' }), true);
  assert.equal(enabled({ store: 'sqlite:a', enabled: false }), false);
  assert.equal(enabled({ durability: 'relaxed' }), false);
});

test('there are two durabilities', () => {
  assert.deepEqual(
    checkConfig({ reference: { durability: 'relaxd' } }).map(({ message, hint }) => [message, hint]),
    [['"reference.durability" is "relaxd", which is none of its values', 'did you mean "relaxed"? (full, relaxed)']],
  );
});
