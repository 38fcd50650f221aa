// Compiling a thousand and ten thousand topics into a pack; and Hugo on the same files, where it is installed.
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeCorpus } from './lib/corpus.ts';
import { DOCENT, median, ROOT, type Row, seconds, start, versionOf } from './lib/tools.ts';

/** Topics, and how often they are compiled. */
const SIZES: [topics: number, runs: number][] = [
  [1000, 3],
  [10_000, 1],
];

export async function run(folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [topics, runs] of SIZES) {
    const source = join(folder, String(topics));
    writeCorpus(join(ROOT, 'content'), source, topics);
    const pack = join(folder, `${topics}.pack`);
    const docent = await repeat(runs, () => seconds(process.execPath, [DOCENT, 'pack', source, '--out', pack]));
    const hugo = versionOf('hugo') === undefined ? undefined : await timeHugo(source, join(folder, 'hugo'), runs);
    rows.push({
      what: `${topics.toLocaleString('en')} topics into a pack`,
      measured: shown(docent, topics),
      ...(hugo === undefined ? {} : { against: `${shown(hugo, topics)}, Hugo`, ratio: docent / hugo }),
    });
    rows.push(await timeServing(pack, topics));
    for (const path of [source, pack]) rmSync(path, { recursive: true });
  }
  if (versionOf('hugo') === undefined)
    rows.push({ what: 'Hugo is not installed', measured: 'try: apt-get install hugo' });
  return rows;
}

async function repeat(runs: number, time: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await time());
  return median(times);
}

function shown(time: number, topics: number): string {
  return `${time.toFixed(1)} s (${Math.round(topics / time).toLocaleString('en')} topics/s)`;
}

/** From the start of the server to the first page of a topic. */
async function timeServing(pack: string, topics: number): Promise<Row> {
  const started = performance.now();
  const { url, stop } = await start([DOCENT, 'serve', pack, '--port', '0']);
  try {
    const response = await fetch(`${url}help/part-0/errors/not_found/`);
    await response.text();
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    return {
      what: `${topics.toLocaleString('en')} topics, first page`,
      measured: `${(performance.now() - started).toFixed(0)} ms`,
    };
  } finally {
    await stop();
  }
}

/** The least theme that Hugo builds pages with. */
const LAYOUTS: Record<string, string> = {
  'layouts/_default/single.html': '<!doctype html><title>{{ .Title }}</title><h1>{{ .Title }}</h1>{{ .Content }}\n',
  'layouts/_default/list.html':
    '<!doctype html><title>{{ .Title }}</title><h1>{{ .Title }}</h1>{{ .Content }}{{ range .Pages }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}\n',
  'hugo.toml': 'baseURL = "/"\ntitle = "bench"\ndisableKinds = ["taxonomy", "term", "RSS", "sitemap", "404"]\n',
};

/** @returns median of seconds. */
async function timeHugo(source: string, site: string, runs: number): Promise<number> {
  rmSync(site, { recursive: true, force: true });
  cpSync(source, join(site, 'content'), { recursive: true });
  for (const path of readdirSync(site, { recursive: true, encoding: 'utf8' })) {
    // To Hugo `index.md` is a page that owns all files beside it.
    if (path.endsWith('/index.md')) renameSync(join(site, path), join(site, dirname(path), '_index.md'));
  }
  for (const [path, text] of Object.entries(LAYOUTS)) {
    mkdirSync(dirname(join(site, path)), { recursive: true });
    writeFileSync(join(site, path), text);
  }
  return repeat(runs, () => {
    rmSync(join(site, 'public'), { recursive: true, force: true });
    return seconds('hugo', ['--quiet', '--source', site]);
  });
}
