import type { Pack } from '../pack/read.ts';
import {
  type ErrorIndex,
  jsonFile,
  type Manifest,
  PAYLOAD_SCHEMA,
  type Product,
  UNVERSIONED,
  type Versions,
} from '../topic/descriptor.ts';
import { mustHave, type RenderContext, type TopicRenderer } from './context.ts';
import { errorTopics } from './errors.ts';

const URL_CONVENTION =
  'A topic id in lower case with dots as slashes is its slug: errors.NOT_FOUND is errors/not_found. /help/<slug>/ is the page, ' +
  '/help/<slug>.json the descriptor, /help/<slug>.md the body, /help/<slug>/index.md the page as Markdown.';

/** The descriptor, exactly as the pack holds it. */
export const jsonRenderer: TopicRenderer = {
  mediaType: 'application/json',
  render: (pack, slug) => mustHave(pack.topicJson(slug), slug),
};

/** `/help/index.json`. Reads every topic's summary. */
export function manifestJson(pack: Pack): string {
  const manifest: Manifest = {
    schema: PAYLOAD_SCHEMA,
    version: versionOf(pack.product),
    topics: pack
      .rows()
      .map(({ topic, title, stability, tagline, see_also }) => ({ topic, title, stability, tagline, see_also })),
    _url_convention: URL_CONVENTION,
  };
  return jsonFile(manifest);
}

/** `/help/catalog.json`: the whole HelpPayload. Reads every descriptor, and joins them without parsing. */
export function payloadJson(pack: Pack): string {
  return [...payloadPieces(pack)].join('');
}

/** The same piece by piece, one topic each: the whole may be more than a process should hold. */
export function* payloadPieces(pack: Pack): Generator<string> {
  yield `{\n  "schema": ${PAYLOAD_SCHEMA},\n  "version": ${JSON.stringify(versionOf(pack.product))},\n  "topics": [`;
  let separator = '\n    ';
  for (const { slug } of pack.rows()) {
    yield separator + mustHave(pack.topicJson(slug), slug).trimEnd().replaceAll('\n', '\n    ');
    separator = ',\n    ';
  }
  yield `${pack.topicCount > 0 ? '\n  ' : ''}]\n}\n`;
}

/** `/errors.json`: every topic that documents an error. Reads every descriptor, once for each pack. */
export function errorsJson(pack: Pack): string {
  const index: ErrorIndex = {
    schema: PAYLOAD_SCHEMA,
    version: versionOf(pack.product),
    errors: errorTopics(pack).map(({ topic, title, stability, tagline, error }) => ({
      topic,
      title,
      stability,
      tagline,
      error,
    })),
  };
  return jsonFile(index);
}

/** `/help/versions.json`: a server has one version of its catalog, the current one. */
export function versionsJson(pack: Pack, context: RenderContext): string {
  const { version } = pack.product;
  const majorMinor = majorMinorOf(pack.product) ?? null;
  const current = { majorMinor: majorMinor ?? '', pinnedPatch: version ?? '', current: true };
  const root = `${context.base}/help/`;
  const versions: Versions = {
    current: majorMinor,
    versions: majorMinor === null ? [] : [{ ...current, manifest: `${root}index.json`, root }],
  };
  return jsonFile(versions);
}

/** `0.6.2` → `0.6`; undefined when the product has no version that starts so. */
export function majorMinorOf(product: Product): string | undefined {
  return /^v?(\d+\.\d+)/.exec(product.version ?? '')?.[1];
}

function versionOf(product: Product): string {
  return product.version ?? UNVERSIONED;
}
