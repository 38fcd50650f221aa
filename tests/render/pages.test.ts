// The plain data that the theme lays out.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TopicLink, TreeNode } from '../../src/render/page.ts';
import { contentsPage, homePage, problemPage, topicPage, treePage } from '../../src/render/pages.ts';
import { ACME, buildFiles, buildFixture, slugsOf } from './support.ts';

const { pack, context } = buildFixture();
const ids = (links: TopicLink[]) => links.map(({ topic }) => topic);

describe('a topic page', () => {
  test('knows where the topic stands in the tree', () => {
    const page = topicPage(pack, 'guides/deploy/linux/systemd', context);
    assert.deepEqual(ids(page.trail), ['guides', 'guides.deploy', 'guides.deploy.linux']);
    assert.deepEqual(ids(page.siblings), ['guides.deploy.linux.systemd']);
    assert.equal(page.command, 'acme help guides deploy linux systemd');
  });

  test('has all children of the parent as siblings, itself among them; top-level topics are siblings', () => {
    assert.deepEqual(ids(topicPage(pack, 'guides/install', context).siblings), [
      'guides.deploy',
      'guides.install',
      'guides.old-install',
    ]);
    assert.deepEqual(ids(topicPage(pack, 'prose', context).siblings), [
      'cli',
      'crlf',
      'errors',
      'guides',
      'prose',
      'rain',
    ]);
    assert.deepEqual(ids(topicPage(pack, 'guides', context).children), [
      'guides.deploy',
      'guides.install',
      'guides.old-install',
    ]);
  });

  test('names the command that runs its examples, with the source where the help command names one', () => {
    const body = '```http\nGET /a\n```\n```http\nHTTP/1.1 200\n```\n';
    for (const [help, run] of [
      ['acme help', 'docent run topic'],
      ['docent help', 'docent run topic'],
      ['docent help --from docs', 'docent run --from docs topic'],
    ] as const) {
      const built = buildFiles({ 'topic.md': body }, { product: { name: 'acme', command: help } });
      const page = topicPage(built.pack, 'topic', { ...built.context, runnable: true });
      assert.equal(page.run?.command, run);
      assert.equal(topicPage(built.pack, 'topic', built.context).run, undefined);
    }
  });

  test('leads through the whole manual from first to last and back', () => {
    const slugs = slugsOf(pack);
    const pages = slugs.map((slug) => topicPage(pack, slug, context));
    assert.deepEqual(
      pages.map(({ next }) => next?.url),
      [...slugs.slice(1).map((slug) => `/help/${slug}/`), undefined],
    );
    assert.deepEqual(
      pages.map(({ previous }) => previous?.url),
      [undefined, ...slugs.slice(0, -1).map((slug) => `/help/${slug}/`)],
    );
  });

  test('has an outline of second and third level, with the ids of its headings', () => {
    const { outline, html } = topicPage(pack, 'prose', context);
    assert.deepEqual(
      outline.map(({ level }) => level),
      [2, 2, 3],
    );
    for (const { id, level } of outline) assert.ok(html.includes(`<h${level} id="${id}">`), id);
  });

  test('links related topics that exist, and names those that do not', () => {
    const { seeAlso } = topicPage(pack, 'errors/idempotency_conflict', context);
    assert.deepEqual(ids(seeAlso), ['errors', 'errors.NOT_FOUND', 'guides.install', 'errors.QUOTA', 'guides.deploy']);
    assert.deepEqual(seeAlso[3], {
      topic: 'errors.QUOTA',
      title: 'errors.QUOTA',
      tagline: '',
      stability: 'evolving',
      command: 'acme help errors QUOTA',
    });
    assert.equal(seeAlso[1]?.url, '/help/errors/not_found/');
  });

  test('tells what replaces it and which files lie beside it', () => {
    assert.equal(topicPage(pack, 'guides/old-install', context).replacedBy?.url, '/help/guides/install/');
    assert.equal(topicPage(pack, 'guides/install', context).replacedBy, undefined);
    assert.deepEqual(topicPage(pack, 'guides/install', context).actions, [
      { name: 'Page', mediaType: 'text/html', description: '', url: '/help/guides/install/Page' },
      {
        name: 'answers',
        mediaType: 'application/json',
        description: 'Answers for an installation without questions',
        url: '/help/guides/install/answers',
      },
      {
        name: 'script',
        mediaType: 'text/x-shellscript',
        description: 'Installs the newest release',
        url: '/help/guides/install/script',
      },
    ]);
  });
});

describe('a replaced topic', () => {
  test('names its successor without a link where that does not exist', () => {
    const built = buildFiles({ 'topic.md': '---\nreplaced_by: gone.AWAY\n---\nText.' });
    const { replacedBy } = topicPage(built.pack, 'topic', built.context);
    assert.deepEqual([replacedBy?.topic, replacedBy?.url], ['gone.AWAY', undefined]);
  });
});

describe('the lists of topics', () => {
  test('on the title page are the top level, on the contents page two levels', () => {
    assert.deepEqual(ids(homePage(pack, context).topics), ['cli', 'crlf', 'errors', 'guides', 'prose', 'rain']);
    const { topics, title, html } = contentsPage(pack, context);
    assert.deepEqual(
      topics.map(({ topic, children }) => [topic, ids(children).length]),
      [
        ['cli', 1],
        ['crlf', 0],
        ['errors', 3],
        ['guides', 3],
        ['prose', 0],
        ['rain', 0],
      ],
    );
    assert.equal(title, 'The Acme manual');
    assert.match(html, /Acme bottles rain/);
  });

  test('in the tree are all topics, each once, below their parents', () => {
    const flat = (nodes: TreeNode[], above: string): string[] =>
      nodes.flatMap(({ topic, children }) => {
        assert.ok(topic.startsWith(above), topic);
        return [topic, ...flat(children, `${topic}.`)];
      });
    assert.deepEqual(flat(treePage(pack, context).roots, ''), pack.ids());
  });

  test('need no landing text', () => {
    const built = buildFiles({ 'topic.md': 'Text.' });
    const { title, html, description } = contentsPage(built.pack, built.context);
    assert.deepEqual({ title, html, description }, { title: 'Contents', html: '', description: '' });
  });
});

describe('a problem page', () => {
  const problem = { status: 404, code: 'NOT_FOUND', title: 'Not found', detail: 'Nothing there.' };

  test('links the topic about the error and the topics that may have been meant', () => {
    const page = problemPage(pack, problem, 'errors/not_found', ['cli', 'guides.install'], context);
    assert.equal(page.about?.url, '/help/errors/not_found/');
    assert.deepEqual(ids(page.suggestions), ['cli', 'guides.install']);
    assert.equal(page.description, 'Nothing there.');
    assert.equal(page.canonical, undefined);
    assert.equal(problemPage(pack, problem, undefined, [], context).about, undefined);
  });
});

describe('addresses', () => {
  const pagesOf = (config: typeof ACME) => {
    const built = buildFixture(config);
    return [
      topicPage(built.pack, 'errors/not_found', built.context),
      homePage(built.pack, built.context),
      contentsPage(built.pack, built.context),
      treePage(built.pack, built.context),
    ];
  };
  const paths = ['/help/errors/not_found/', '/', '/help/', '/help/topic-tree/'];

  test('are paths where the public address is unknown', () => {
    assert.deepEqual(
      pagesOf(ACME).map(({ canonical }) => canonical),
      paths,
    );
  });

  test('of a site below a path are absolute where they are canonical, and paths elsewhere', () => {
    const pages = pagesOf({ ...ACME, site: { url: 'https://docs.example/acme/' } });
    assert.deepEqual(
      pages.map(({ canonical }) => canonical),
      paths.map((path) => `https://docs.example/acme${path}`),
    );
    for (const { alternates, site } of pages) {
      assert.equal(site.base, '/acme');
      for (const { url } of alternates) assert.match(url, /^\/acme\//);
    }
  });
});
