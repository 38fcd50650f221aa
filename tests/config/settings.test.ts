// From configurations to settings: environment, precedence, defaults.
import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { describe, test } from 'node:test';
import { checkConfig } from '../../src/config/check.ts';
import { configFromEnvironment, mergeConfigs, settle } from '../../src/config/config.ts';
import type { DocentConfig } from '../../src/topic/descriptor.ts';

describe('the environment', () => {
  test('has a variable for every member of the configuration', () => {
    const config = configFromEnvironment({
      DOCENT_PRODUCT_NAME: 'teapot',
      DOCENT_PRODUCT_COMMAND: 'teapot help',
      DOCENT_PRODUCT_VERSION: '4.1.8',
      DOCENT_PRODUCT_RELEASE_URL: 'https://e.example/{version}',
      DOCENT_CONTENT: ['docs', 'more'].join(delimiter),
      DOCENT_SITE_URL: 'https://e.example',
      DOCENT_SITE_TITLE: 'Teapot',
      DOCENT_STRICT: '1',
      DOCENT_DEFAULT_STABILITY: 'stable',
      DOCENT_ALLOW_HTML: 'false',
      DOCENT_API_HELP_PATH: '/help-api',
      DOCENT_REFERENCE_ENABLED: 'true',
      DOCENT_REFERENCE_STORE: 'redis://localhost',
      DOCENT_REFERENCE_DURABILITY: 'relaxed',
      DOCENT_REFERENCE_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8',
      HOME: '/root',
    });
    assert.deepEqual(config, {
      product: { name: 'teapot', command: 'teapot help', version: '4.1.8', releaseUrl: 'https://e.example/{version}' },
      content: ['docs', 'more'],
      site: { url: 'https://e.example', title: 'Teapot' },
      strict: true,
      defaultStability: 'stable',
      allowHtml: false,
      api: { helpPath: '/help-api' },
      reference: {
        enabled: true,
        store: 'redis://localhost',
        durability: 'relaxed',
        trustedProxies: ['10.0.0.0/8', 'fd00::/8'],
      },
    });
    assert.deepEqual(checkConfig(config), []);
  });

  test('that is empty or absent says nothing', () => {
    assert.deepEqual(configFromEnvironment({ DOCENT_SITE_TITLE: '', DOCENT_STRICT: undefined }), {});
  });

  for (const [text, expected] of [
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ] as const)
    test(`switches with ${text}`, () =>
      assert.deepEqual(configFromEnvironment({ DOCENT_STRICT: text }), { strict: expected }));

  test('that makes no sense is refused like a file', () => {
    assert.deepEqual(
      checkConfig(configFromEnvironment({ DOCENT_STRICT: 'yes' })).map(({ message }) => message),
      ['"strict" must be of type boolean, not "yes"'],
    );
  });
});

test('later configurations win, member by member', () => {
  const file: DocentConfig = {
    product: { name: 'a', version: '1' },
    content: ['x'],
    strict: true,
    site: { title: 'A' },
  };
  const environment: DocentConfig = { product: { version: '2' }, site: { url: 'https://e.example' } };
  const flags: DocentConfig = { content: ['y'], strict: false, api: { helpPath: '/h' } };
  assert.deepEqual(mergeConfigs(file, environment, flags), {
    product: { name: 'a', version: '2' },
    content: ['y'],
    strict: false,
    site: { title: 'A', url: 'https://e.example' },
    api: { helpPath: '/h' },
  });
  const reference = { enabled: true, store: 'redis://a' };
  assert.deepEqual(mergeConfigs({ reference }, { reference: { store: 'redis://b' } }).reference, {
    enabled: true,
    store: 'redis://b',
  });
  assert.deepEqual(file, { product: { name: 'a', version: '1' }, content: ['x'], strict: true, site: { title: 'A' } });
  assert.deepEqual(mergeConfigs(), {});
});

describe('settings', () => {
  test('are all filled in', () => {
    assert.deepEqual(settle({}, '/srv/teapot', ['/srv/teapot/guide']), {
      product: { name: 'guide', command: 'docent help' },
      content: [{ path: '/srv/teapot/guide', shown: '/srv/teapot/guide' }],
      siteTitle: 'guide',
      base: '',
      strict: false,
      defaultStability: 'evolving',
      allowHtml: false,
      helpPath: '/api/help',
      reference: { enabled: false, durability: 'full', trustedProxies: [], limits: {} },
    });
  });

  test('are those of the configuration where it has them', () => {
    const config: DocentConfig = {
      product: { name: 'teapot', command: 'teapot help' },
      content: ['docs', '../common'],
      site: { url: 'https://e.example', title: 'Tea' },
      strict: true,
      defaultStability: 'stable',
      allowHtml: true,
      api: { helpPath: '/h' },
      reference: {
        enabled: true,
        store: 'sqlite:/srv/data.sqlite',
        durability: 'relaxed',
        trustedProxies: ['::1'],
      },
    };
    assert.deepEqual(
      settle(config, '/srv/teapot', [], (path) => path.replace('/srv/', '')),
      {
        product: { name: 'teapot', command: 'teapot help' },
        content: [
          { path: '/srv/teapot/docs', shown: 'teapot/docs' },
          { path: '/srv/common', shown: 'common' },
        ],
        siteUrl: 'https://e.example',
        siteTitle: 'Tea',
        base: '',
        strict: true,
        defaultStability: 'stable',
        allowHtml: true,
        helpPath: '/h',
        reference: {
          enabled: true,
          store: 'sqlite:/srv/data.sqlite',
          durability: 'relaxed',
          trustedProxies: ['::1'],
          limits: {},
        },
      },
    );
  });

  test('take the sources that are named instead of the configured ones', () => {
    assert.deepEqual(
      settle({ content: ['docs'] }, '/work', ['/a', '/b']).content.map(({ path }) => path),
      ['/a', '/b'],
    );
  });

  for (const [folder, name] of [
    ['/srv/teapot', 'teapot'],
    ['/srv/teapot/docs', 'teapot'],
    ['/srv/teapot/Documentation', 'teapot'],
    ['/srv/teapot/content', 'teapot'],
    ['/srv/teapot/manual', 'manual'],
    ['/docs', 'docs'],
    ['/', 'Help'],
  ] as const) {
    test(`name the product after ${folder}: ${name}`, () => {
      assert.equal(settle({}, '/elsewhere', [folder]).product.name, name);
      assert.equal(settle({}, folder, []).product.name, name);
    });
  }

  for (const [url, siteUrl, base] of [
    ['https://e.example', 'https://e.example', ''],
    ['https://e.example/', 'https://e.example', ''],
    ['https://e.example/docs', 'https://e.example/docs', '/docs'],
    ['https://e.example/a/b//', 'https://e.example/a/b', '/a/b'],
    ['http://localhost:4321/docs/', 'http://localhost:4321/docs', '/docs'],
  ] as const) {
    test(`take the base path from ${url}`, () => {
      const settings = settle({ site: { url } }, '/x', []);
      assert.deepEqual([settings.siteUrl, settings.base], [siteUrl, base]);
    });
  }

  test('fill the version into the address of the release, wherever it stands', () => {
    const release = (version?: string) =>
      settle(
        { product: { releaseUrl: 'https://e.example/{version}/v{version}', ...(version ? { version } : {}) } },
        '/x',
        [],
      ).product;
    assert.deepEqual(release('4.1.8'), {
      name: 'x',
      command: 'docent help',
      version: '4.1.8',
      releaseUrl: 'https://e.example/4.1.8/v4.1.8',
    });
    assert.equal(release('$&').releaseUrl, 'https://e.example/$&/v$&');
    assert.equal(release().releaseUrl, 'https://e.example//v');
  });
});
