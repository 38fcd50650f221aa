import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addressesOf, valuesOf } from '../http/html.ts';

export { folderWith, temporaryFolder, writeFiles } from '../support.ts';

/** Sources of a committed site. */
export function contentOf(fixture: 'site' | 'golden'): string {
  return fileURLToPath(new URL(`../fixtures/${fixture}/content`, import.meta.url));
}

/** Every file of a built site by its path, without the list that a build keeps of its own files. */
export function readSite(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === '.docent-site.json') continue;
    const file = join(entry.parentPath, entry.name);
    files.set(file.slice(folder.length + 1), readFileSync(file));
  }
  return files;
}

/** The file that a static server answers a path with: exact, or the index of a folder, to which it redirects where the slash is missing. */
export function lookUp(files: Map<string, Buffer>, path: string): string | undefined {
  const name = decodeURIComponent(path).replace(/^\//, '');
  if (name === '' || name.endsWith('/')) return files.has(`${name}index.html`) ? `${name}index.html` : undefined;
  if (files.has(name)) return name;
  return files.has(`${name}/index.html`) ? `${name}/index.html` : undefined;
}

/** The URL path, below the base, that a file is the answer to. */
export function urlOf(file: string): string {
  return `/${file.replace(/(^|\/)index\.html$/, '$1')}`.split('/').map(encodeURIComponent).join('/');
}

/** Whether a page only leads on to another one. */
export function refreshTarget(html: string): string | undefined {
  return /<meta http-equiv="refresh" content="0; url=([^"]*)">/.exec(html)?.[1];
}

/** Names of members that hold an address. */
const ADDRESS_MEMBERS = new Set(['url', 'root', 'manifest', '$ref', '$id']);

function addressesInJson(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(addressesInJson);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && ADDRESS_MEMBERS.has(name) ? [member] : addressesInJson(member),
  );
}

/**
 * Everything that a file of a site leads to, loads or names by address. Markdown is an author's text, kept as it is: in there, only paths
 * below the base are Docent's.
 */
function addressesIn(file: string, text: string, base: string): string[] {
  switch (posix.extname(file)) {
    case '.html':
      return [...addressesOf(text), ...valuesOf(text, 'srcset'), ...[refreshTarget(text)].flatMap((url) => url ?? [])];
    case '.json':
      return addressesInJson(JSON.parse(text));
    case '.xml':
      return [...text.matchAll(/<loc>([^<]*)<\/loc>/g)].map((match) => match[1] as string);
    case '.md':
    case '.txt':
      return [...text.matchAll(/\]\(((?:\/|https?:)[^)\s]*)/g)]
        .map((match) => match[1] as string)
        .filter((address) => !address.startsWith('/') || address.startsWith(`${base}/`));
    case '.css':
      return [...text.matchAll(/url\(["']?([^)"']*)/g)].map((match) => match[1] as string);
    default:
      return [];
  }
}

export interface Crawl {
  /** How many addresses within the site were followed. */
  followed: number;
  /** `file → address`, for each that leads to no file, or to a fragment that its page does not have. */
  broken: string[];
}

/**
 * Follows every address in every file of a site.
 * @param base prefix of every path of the site.
 * @param siteUrl its public address, if it has one.
 */
export function crawl(files: Map<string, Buffer>, base = '', siteUrl = 'http://static.example'): Crawl {
  const home = new URL(siteUrl);
  const broken: string[] = [];
  let followed = 0;
  for (const [file, bytes] of files) {
    const text = bytes.toString('utf8');
    const from = new URL(`${base}${urlOf(file)}`, home);
    for (const address of addressesIn(file, text, base)) {
      const target = new URL(address, from);
      if (target.origin !== home.origin) continue;
      followed++;
      if (!leadsSomewhere(files, base, target)) broken.push(`${file} → ${address}`);
    }
  }
  return { followed, broken };
}

function leadsSomewhere(files: Map<string, Buffer>, base: string, target: URL): boolean {
  if (!target.pathname.startsWith(`${base}/`)) return false;
  const found = lookUp(files, target.pathname.slice(base.length));
  if (found === undefined) return false;
  const fragment = decodeURIComponent(target.hash.slice(1));
  return fragment === '' || !found.endsWith('.html') || files.get(found)?.includes(`id="${fragment}"`) === true;
}
