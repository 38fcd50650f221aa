// How fast the built theme renders the pages of Docent's own topics.
import { join } from 'node:path';
import { Pack } from '../src/pack/read.ts';
import type { PageRenderer } from '../src/render/page.ts';
import { topicPage } from '../src/render/pages.ts';
import { slugOf } from '../src/topic/id.ts';
import { median, ROOT, type Row } from './lib/tools.ts';

const ROUNDS = 30;

export async function run(): Promise<Row[]> {
  const pack = new Pack(join(ROOT, 'dist/docent.pack'));
  const loading = performance.now();
  const theme: { createPageRenderer(options: { base: string }): PageRenderer } = await import(
    new URL('../dist/theme/server/entry.mjs', import.meta.url).href
  );
  const pages = theme.createPageRenderer({ base: '' });
  const loaded = performance.now() - loading;
  const slugs = pack.ids().map(slugOf);
  const context = { siteTitle: 'Docent', base: '', helpPath: '/api/help' };
  const round = async () => {
    const started = performance.now();
    for (const slug of slugs) await pages.render(topicPage(pack, slug, context));
    return (performance.now() - started) / slugs.length;
  };
  const cold = await round();
  const times: number[] = [];
  for (let count = 0; count < ROUNDS; count++) times.push(await round());
  const warm = median(times.slice(ROUNDS / 2));
  pack.close();
  return [
    { what: 'loading the theme', measured: `${loaded.toFixed(0)} ms` },
    { what: `each of ${slugs.length} pages, cold`, measured: `${(1000 / cold).toFixed(0)} pages/s` },
    {
      what: 'the same, warm',
      measured: `${(1000 / warm).toFixed(0)} pages/s`,
      against: `${(1000 / cold).toFixed(0)} pages/s, cold`,
      ratio: cold / warm,
    },
  ];
}
