// What `docent build` writes, compared with what `docent serve` answers, and followed link by link.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { schemaFiles } from '../../src/compile/schema.ts';
import { Pack } from '../../src/pack/read.ts';
import { docent, type Server, serve } from '../cli/support.ts';
import { linksOf, textsOf } from '../http/html.ts';
import { contentOf, crawl, lookUp, readSite, refreshTarget, temporaryFolder, urlOf, writeFiles } from './support.ts';

interface Site {
  name: string;
  files: Map<string, Buffer>;
  pack: Pack;
  base: string;
  siteUrl: string | undefined;
  helpPath: string;
  server: Server;
}

/** Packs a fixture, builds its site, and serves the same pack under the same configuration. */
async function publish(name: string, fixture: 'site' | 'golden', config: object): Promise<Site> {
  const cwd = writeFiles(temporaryFolder(), { 'docent.config.json': JSON.stringify(config) });
  const run = async (...args: string[]) => {
    const result = await docent(args, { cwd });
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  await run('pack', contentOf(fixture), '--config', 'docent.config.json', '--out', 'help.pack');
  const { stdout } = await run('build', 'help.pack', '--out', 'site');
  const server = await serve(['help.pack'], { cwd });
  after(() => server.stop());
  const files = readSite(join(cwd, 'site'));
  const pack = new Pack(join(cwd, 'help.pack'));
  assert.equal(stdout, `site: ${pack.topicCount} topics, ${files.size} files\n`);
  const { site, api } = config as { site?: { url?: string }; api?: { helpPath: string } };
  const siteUrl = site?.url;
  const base = siteUrl === undefined ? '' : new URL(siteUrl).pathname.replace(/\/$/, '');
  return { name, files, pack, base, siteUrl, helpPath: api?.helpPath ?? '/api/help', server };
}

const product = { name: 'acme', command: 'acme help', version: '1.4.2' };

const plain = await publish('a site at the root', 'site', { product, site: { title: 'Acme manual' } });
const below = await publish('a site below a path', 'site', { product, site: { url: 'https://docs.example/acme/' } });
const unversioned = await publish('a site without a version', 'golden', {
  product: { name: 'acme', command: 'acme help' },
  api: { helpPath: '/v1/topics' },
});
const sites = [plain, below, unversioned];

const text = (site: Site, file: string) => site.files.get(file)?.toString() ?? assert.fail(`there is no ${file}`);

/** Names of files that no URL of the server stands for. */
const OWN = new Set(['404.html', '.nojekyll']);

/** The URL path at which the server answers what a file says. */
function livePath({ base, helpPath }: Site, file: string): string {
  const isApi = file === `${helpPath.slice(1)}.json` || file.startsWith(`${helpPath.slice(1)}/`);
  return `${base}${isApi ? urlOf(file).replace(/\.json$/, '') : urlOf(file)}`;
}

for (const site of sites) {
  describe(site.name, () => {
    const { files, pack, base, server } = site;

    test('has no address that leads nowhere', () => {
      const { broken, followed } = crawl(files, base, site.siteUrl);
      assert.deepEqual(broken, []);
      assert.ok(followed > files.size, `only ${followed} addresses were followed`);
    });

    test('is byte for byte what the server answers', async () => {
      let compared = 0;
      for (const [file, bytes] of files) {
        if (OWN.has(file)) continue;
        const path = livePath(site, file);
        const target = file.endsWith('.html') ? refreshTarget(bytes.toString()) : undefined;
        const origin = new URL(server.url).origin;
        if (target !== undefined) {
          const response = await fetch(`${origin}${path}`, { redirect: 'manual' });
          assert.ok([307, 308].includes(response.status), `${file} stands for a redirect, not ${response.status}`);
          assert.equal(response.headers.get('location'), target, file);
          continue;
        }
        // The data of an alias is under both names here, and behind a redirect there.
        const response = await fetch(`${origin}${path}`);
        assert.equal(response.status, 200, path);
        assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes), file);
        compared++;
      }
      assert.ok(compared > 5 * pack.topicCount);
    });

    test('has every address of the manual', () => {
      const { helpPath } = site;
      const topics = pack
        .rows()
        .flatMap(({ slug }) => [
          ...['/', '.json', '.md', '/index.md'].map((form) => `/help/${slug}${form}`),
          `${helpPath}/${slug}.json`,
          ...pack.actions(slug).map(({ name }) => `/help/${slug}/${name}`),
        ]);
      const documents = [
        ...['/', '/help/', '/help/index.json', '/help/index.md', '/help/catalog.json', '/help/versions.json'],
        ...['/help/topic-tree/', '/errors/', '/errors.json', '/llms.txt', '/help/llms.txt', `${helpPath}.json`],
        ...[...schemaFiles().keys()].map((name) => `/schemas/${name}`),
        ...['/404.html', '/favicon.svg'],
      ];
      const missing = [...topics, ...documents].filter((path) => lookUp(files, path) === undefined);
      assert.deepEqual(missing, []);
      assert.equal(files.get('.nojekyll')?.length, 0, 'for hosts that would leave out the style sheets');
    });

    test('has a page for what is missing that works at any depth, and says what the server says', async () => {
      const html = text(site, '404.html');
      const answer = await fetch(`${server.url}/no/such/page`, { headers: { Accept: 'text/html' } });
      assert.equal(answer.status, 404);
      assert.deepEqual(textsOf(html, 'h1'), textsOf(await answer.text(), 'h1'));
      for (const [, address = ''] of html.matchAll(/(?:href|src)="([^"#]*)"/g))
        assert.match(address, /^(\/|https?:)|^$/);
    });
  });
}

describe('an alias', () => {
  test('is a page that leads to the topic by itself, by a link and for search engines', () => {
    const html = text(plain, 'help/guides/getting-started/index.html');
    assert.equal(refreshTarget(html), '/help/guides/install/');
    assert.match(html, /<a href="\/help\/guides\/install\/">/);
    assert.deepEqual(linksOf(html, 'canonical'), ['/help/guides/install/']);
    const absolute = text(below, 'help/not-found/index.html');
    assert.equal(refreshTarget(absolute), '/acme/help/errors/not_found/');
    assert.deepEqual(linksOf(absolute, 'canonical'), ['https://docs.example/acme/help/errors/not_found/']);
  });

  test('gives programs the topic’s own data', () => {
    for (const form of ['.json', '.md', '/index.md'])
      assert.equal(text(plain, `help/setup${form}`), text(plain, `help/guides/install${form}`));
    assert.equal(text(plain, 'api/help/setup.json'), text(plain, 'help/guides/install.json'));
  });
});

describe('the version', () => {
  test('of a page’s address leads to the page, and versions.json names files that are there', () => {
    assert.equal(refreshTarget(text(plain, 'help/v1.4/index.html')), '/help/');
    assert.equal(refreshTarget(text(plain, 'help/v1.4/errors/not_found/index.html')), '/help/errors/not_found/');
    const { current, versions } = JSON.parse(text(plain, 'help/versions.json'));
    assert.equal(current, '1.4');
    for (const { manifest, root } of versions) {
      assert.equal(lookUp(plain.files, manifest), 'help/index.json');
      assert.equal(lookUp(plain.files, root), 'help/index.html');
    }
  });

  test('is in no address where the product has none', () => {
    assert.deepEqual(
      [...unversioned.files.keys()].filter((file) => /^help\/v\d/.test(file)),
      [],
    );
    assert.deepEqual(JSON.parse(text(unversioned, 'help/versions.json')).versions, []);
  });
});

describe('the public address', () => {
  test('is in the sitemap, which names every page; without it there is no sitemap', () => {
    const addresses = [...text(below, 'sitemap.xml').matchAll(/<loc>([^<]*)<\/loc>/g)].map((match) => match[1]);
    const home = 'https://docs.example/acme';
    assert.deepEqual(addresses, [
      ...['/', '/help/', '/help/topic-tree/', '/errors/'].map((path) => `${home}${path}`),
      ...below.pack.rows().map(({ slug }) => `${home}/help/${slug}/`),
    ]);
    assert.equal(plain.files.has('sitemap.xml'), false);
  });

  test('puts its path into every link and no file into a folder of that name', () => {
    assert.ok(below.files.has('index.html'));
    assert.deepEqual(
      [...below.files.keys()].filter((file) => file.startsWith('acme/')),
      [],
    );
    assert.match(text(below, 'help/errors/not_found/index.html'), /href="\/acme\/_astro\/[^"]+\.css"/);
  });
});

test('a page of the site cannot run anything: no API stands behind it', () => {
  for (const [file, bytes] of plain.files)
    if (file.endsWith('.html') && !file.endsWith('/Page')) assert.doesNotMatch(bytes.toString(), /<script/, file);
});
