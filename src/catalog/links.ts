import { createHash } from 'node:crypto';
import { join, posix } from 'node:path';
import { escapeAttribute } from 'entities';
import { LINK_SCHEME, type LinkReference, schemeOf } from '../compile/markdown/links.ts';
import { readAttachment } from '../compile/source.ts';
import { ATTACHMENT_LIMIT_BYTES, type CompiledTopic } from '../compile/topic.ts';
import type { RawFile } from '../topic/compiled.ts';
import { type Diagnostic, type DiagnosticCode, diagnose } from '../topic/diagnostic.ts';
import { segmentFromName, slugFromSpelling, slugOf } from '../topic/id.ts';
import { nearest } from '../topic/nearest.ts';

const IMAGE_TYPES: Record<string, string> = {
  '.avif': 'image/avif',
  '.gif': 'image/gif',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
};

/** Documents below `/help/` that are no topic's page. */
const HELP_DOCUMENT = /\.(json|md|txt)$|^(topic-tree\/?|_files\/.*|v\d+\.\d+(\/.*)?)$/;

/** The `<` makes sure that it is no text: there it would be escaped, as a quotation mark is in a text of JSON. */
const HTML_PLACEHOLDER = new RegExp(`<(a href|img src)="${LINK_SCHEME}(\\d+)"`, 'g');
const BLOCKS_PLACEHOLDER = new RegExp(`"href":"${LINK_SCHEME}(\\d+)",?`, 'g');

/** Where a link leads: `path` below `/help/` when it stays on the site, `url` as it is otherwise. */
type Target = { path: string } | { url: string } | undefined;

/** Turns the link placeholders of compiled topics into addresses, and gathers the images that they show. */
export class LinkResolver {
  readonly files = new Map<string, RawFile>();
  /** Real paths of these images. */
  readonly attachments: string[] = [];
  private readonly anchors: Map<string, Set<string>>;
  /** Path of an action below `/help/`, by that path in lower case, and by the real path of its file. */
  private readonly actions = new Map<string, string>();
  private readonly actionFiles = new Map<string, string>();
  private readonly aliases: Map<string, string>;
  private readonly diagnostics: Diagnostic[];

  constructor(topics: CompiledTopic[], aliases: Map<string, string>, diagnostics: Diagnostic[]) {
    this.anchors = new Map(topics.map((topic) => [slugOf(topic.id), new Set(topic.outline.map((entry) => entry.id))]));
    for (const topic of topics) this.addActions(topic);
    this.aliases = aliases;
    this.diagnostics = diagnostics;
  }

  private addActions({ id, attachments }: CompiledTopic): void {
    for (const { action, path } of attachments) {
      const target = `${slugOf(id)}/${action}`;
      this.actions.set(target.toLowerCase(), target);
      this.actionFiles.set(path, target);
    }
  }

  /**
   * In HTML a link within the site is relative to the topic's own page, so that a catalog works below any base path and
   * version; in blocks it is a path from the root.
   */
  resolve(topic: CompiledTopic): { html: string; blocks: string } {
    if (topic.links.length === 0) return { html: topic.html, blocks: topic.blocks };
    const targets = topic.links.map((link) => this.target(topic, link));
    const up = topic.id === '' ? '' : '../'.repeat(topic.id.split('.').length);
    const html = topic.html.replace(HTML_PLACEHOLDER, (_, start: string, index) => {
      const target = targets[Number(index)];
      if (target === undefined) return `<${start.split(' ')[0]}`;
      const address = 'url' in target ? target.url : `${up}${target.path}` || './';
      return `<${start}="${escapeAttribute(address)}"`;
    });
    const blocks = topic.blocks.replace(BLOCKS_PLACEHOLDER, (match, index) => {
      const target = targets[Number(index)];
      if (target === undefined) return '';
      const comma = match.endsWith(',') ? ',' : '';
      return `"href":${JSON.stringify('url' in target ? target.url : `/help/${target.path}`)}${comma}`;
    });
    return { html, blocks };
  }

  private target(topic: CompiledTopic, link: LinkReference): Target {
    const { href } = link;
    if (href.trim() === '') {
      this.report(
        topic,
        link,
        link.image ? 'broken-image' : 'broken-link',
        'this link has no address',
        'write one, or leave the brackets out',
      );
      return undefined;
    }
    if (href.startsWith('#')) {
      this.checkFragment(topic, link, slugOf(topic.id), href.slice(1));
      return { url: href };
    }
    if (schemeOf(href) !== undefined || href.startsWith('//')) return { url: href };
    const [, path = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(href) ?? [];
    if (path.startsWith('/')) return this.absolute(topic, link, path, `${query}${fragment}`);
    const joined = posix.normalize(posix.join(posix.dirname(topic.source.path), decode(path)));
    if (joined === '..' || joined.startsWith('../')) {
      this.report(
        topic,
        link,
        link.image ? 'broken-image' : 'broken-link',
        `"${href}" leads out of the source folder`,
        'link to its public address instead',
      );
      return undefined;
    }
    const isImage = link.image || IMAGE_TYPES[posix.extname(joined).toLowerCase()] !== undefined;
    if (isImage) return this.image(topic, link, joined);
    const action = this.actionFiles.get(join(topic.source.realRoot, joined));
    if (action !== undefined) return { path: action };
    return this.topicLink(topic, link, slugFromPath(joined), fragment, `there is no topic at "${href}"`);
  }

  /** A path from the root: a topic's own URL is checked, other help documents move with the base path, the rest is the site's business. */
  private absolute(topic: CompiledTopic, link: LinkReference, path: string, rest: string): Target {
    const below = /^\/help\/(.*)$/s.exec(path)?.[1];
    if (below === undefined) return { url: path + rest };
    if (link.image || HELP_DOCUMENT.test(below)) return { path: below + rest };
    const fragment = /#.*$/.exec(rest)?.[0] ?? '';
    const slug = below === '' ? '' : slugFromSpelling(below.replace(/\/$/, ''));
    return this.topicLink(topic, link, slug ?? below, fragment, `there is no topic at "${path}"`);
  }

  private topicLink(
    topic: CompiledTopic,
    link: LinkReference,
    slug: string,
    fragment: string,
    missing: string,
  ): Target {
    const found = this.anchors.has(slug) ? slug : this.aliases.get(slug);
    const action = found === undefined ? this.actions.get(slug) : undefined;
    if (action !== undefined) return { path: action };
    if (found === undefined && slug !== '') {
      const near = nearest(slug, this.anchors.keys());
      this.report(
        topic,
        link,
        'broken-link',
        missing,
        near === undefined ? 'it is printed without a link' : `did you mean "${near}"?`,
      );
      return undefined;
    }
    if (fragment.length > 1 && found !== undefined) this.checkFragment(topic, link, found, fragment.slice(1));
    return { path: `${slug === '' ? '' : `${found}/`}${fragment}` };
  }

  private checkFragment(topic: CompiledTopic, link: LinkReference, slug: string, fragment: string): void {
    const anchors = this.anchors.get(slug);
    // In every browser `#` and `#top` lead to the top of a page.
    if (anchors === undefined || anchors.has(decode(fragment)) || /^(top)?$/i.test(fragment)) return;
    const near = nearest(fragment, anchors);
    this.report(
      topic,
      link,
      'broken-link',
      `there is no heading "#${fragment}" there`,
      near === undefined ? 'its headings have other names' : `did you mean "#${near}"?`,
    );
  }

  private image(topic: CompiledTopic, link: LinkReference, path: string): Target {
    const mediaType = IMAGE_TYPES[posix.extname(path).toLowerCase()];
    const problem = (message: string, hint: string) => {
      this.report(topic, link, 'broken-image', message, hint);
      return undefined;
    };
    if (mediaType === undefined)
      return problem(
        `"${link.href}" is no kind of image that is served`,
        `use one of ${Object.keys(IMAGE_TYPES).join(' ')}`,
      );
    const bytes = readAttachment(topic.source, path, ATTACHMENT_LIMIT_BYTES);
    if (bytes === 'missing')
      return problem(`there is no file "${path}" in the source`, 'the path is relative to this topic');
    if (bytes === 'outside')
      return problem(`"${link.href}" leads out of the source folder`, 'copy the image into the source');
    if (bytes === 'too-large')
      return problem(`"${path}" is larger than ${ATTACHMENT_LIMIT_BYTES} bytes`, 'make the image smaller');
    this.attachments.push(join(topic.source.realRoot, path));
    const known = this.files.get(path);
    const same = known === undefined || Buffer.compare(known.bytes, bytes) === 0;
    // Two sources may each have a logo.png.
    const name = same ? path : `${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}/${path}`;
    this.files.set(name, { mediaType, bytes });
    return { path: `_files/${name.split('/').map(encodeURIComponent).join('/')}` };
  }

  private report(
    topic: CompiledTopic,
    { line, column }: LinkReference,
    code: DiagnosticCode,
    message: string,
    hint: string,
  ): void {
    this.diagnostics.push(diagnose(topic.source.file, { line, column, code, message, hint }));
  }
}

/** `cli/Getting started.md` → `cli/getting-started`; `cli/README.md` → `cli`; the root → empty. */
function slugFromPath(path: string): string {
  const names = path
    .replace(/\.(md|markdown)$/i, '')
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  if (/^(index|readme)$/i.test(names.at(-1) ?? '')) names.pop();
  return names
    .map((name) => segmentFromName(name) ?? '-')
    .join('/')
    .toLowerCase();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
