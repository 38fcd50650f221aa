import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from '../../src/build/build.ts';
import { settle } from '../../src/config/config.ts';
import { Pack } from '../../src/pack/read.ts';
import { writePack } from '../../src/pack/write.ts';
import type { RenderContext } from '../../src/render/context.ts';
import { jsonRenderer, manifestJson, payloadJson, versionsJson } from '../../src/render/json.ts';
import { bodyRenderer, landingMarkdown, llmsText, markdownRenderer } from '../../src/render/markdown.ts';
import { contentsPage, homePage, topicPage, treePage } from '../../src/render/pages.ts';
import { PLAIN } from '../../src/render/terminal.ts';
import { overviewText, textRenderer } from '../../src/render/text.ts';
import type { DocentConfig } from '../../src/topic/descriptor.ts';
import { formatDiagnostic, isError } from '../../src/topic/diagnostic.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/site/', import.meta.url));

/** The configuration of the fixture site. */
export const ACME: DocentConfig = {
  product: {
    name: 'acme',
    command: 'acme help',
    version: '1.4.2',
    releaseUrl: 'https://acme.example/releases/v{version}',
  },
  site: { title: 'Acme manual' },
};

export interface Built {
  pack: Pack;
  context: RenderContext;
}

/** The fixture site: `tests/fixtures/site/content`. */
export function buildFixture(config: DocentConfig = ACME): Built {
  return buildFolder(join(FIXTURE, 'content'), config);
}

/** A site of the given files. */
export function buildFiles(files: Record<string, string | Uint8Array>, config: DocentConfig = ACME): Built {
  return inTemporaryFolder((folder) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return buildFolder(folder, config);
  });
}

/** A pack of one topic, `topic`, with this source. */
export function buildTopic(source: string): Built {
  return buildFiles({ 'topic.md': source });
}

/** An expected file of the fixture site. */
export function expected(name: string): string {
  return readFileSync(join(FIXTURE, 'expected', name), 'utf8');
}

/** The slug of every topic, in reading order. */
export function slugsOf(pack: Pack): string[] {
  return pack.rows().map((row) => row.slug);
}

/** Everything that the renderers say about the fixture site, as one text. */
export function renderEverything(): string {
  const { pack, context } = buildFixture();
  const renderers = [jsonRenderer, bodyRenderer, markdownRenderer, textRenderer];
  const topics = slugsOf(pack).map((slug) => [
    ...renderers.map((renderer) => renderer.render(pack, slug, context)),
    topicPage(pack, slug, context),
  ]);
  const documents = [
    manifestJson(pack),
    payloadJson(pack),
    versionsJson(pack, context),
    landingMarkdown(pack, context),
    llmsText(pack, context, true),
    llmsText(pack, context, false),
    overviewText(pack, PLAIN),
  ];
  const pages = [homePage(pack, context), contentsPage(pack, context), treePage(pack, context)];
  return JSON.stringify({ topics, documents, pages }, null, 1);
}

function buildFolder(folder: string, config: DocentConfig): Built {
  const settings = settle(config, folder, [folder]);
  const { catalog, diagnostics } = buildSync(settings);
  assert.deepEqual(diagnostics.filter(isError).map(formatDiagnostic), []);
  assert.ok(catalog, 'nothing was built');
  const { siteTitle, base, helpPath, siteUrl } = settings;
  const pack = inTemporaryFolder((temporary) => {
    const path = join(temporary, 'site.pack');
    writePack(path, catalog, settings.product);
    // An open file outlives its name.
    return new Pack(path);
  });
  return { pack, context: { siteTitle, base, helpPath, ...(siteUrl === undefined ? {} : { siteUrl }) } };
}

function inTemporaryFolder<T>(act: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'docent-site-'));
  try {
    return act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
