// Generated from schemas/ by `npm run generate`; a test fails when the two differ. Do not edit.

/**
 * How far a reader may rely on what the topic describes.
 */
export type Stability = 'stable' | 'evolving' | 'experimental' | 'deprecated' | 'removed';
/**
 * Other ids under which the topic is found.
 *
 * Items: Dotted topic id, case kept.
 */
export type Aliases = string[];
export type Tags = string[];

export interface PublicShapes {
  frontmatter: FrontMatter;
  descriptor: TopicDescriptor;
  manifest: Manifest;
  payload: HelpPayload;
  versions: Versions;
  errors: ErrorIndex;
  config: DocentConfig;
}
/**
 * The YAML block at the head of a topic file. Every member is optional; an absent one is inferred unless the build is strict.
 */
export interface FrontMatter {
  /**
   * Dotted id. If present it must equal the file's path: errors/NOT_FOUND.md is errors.NOT_FOUND.
   */
  topic?: string;
  /**
   * One line, shown as the page's heading.
   */
  title?: string;
  stability?: Stability;
  /**
   * Dotted ids of related topics, in the order in which they are shown.
   *
   * Items: Dotted topic id, case kept.
   */
  see_also?: string[];
  /**
   * In an overlay: replace the see_also of earlier sources instead of adding to it.
   */
  see_also_replace?: boolean;
  error?: ErrorFacts;
  exceptions?: Exceptions;
  /**
   * Raw files published beside the topic, by name.
   */
  actions?: {
    [k: string]: Action;
  };
  aliases?: Aliases;
  tags?: Tags;
  /**
   * A version of the documented product.
   */
  version_added?: string;
  /**
   * A version of the documented product.
   */
  version_deprecated?: string;
  /**
   * Dotted topic id, case kept.
   */
  replaced_by?: string;
  /**
   * The day of the last change of meaning.
   */
  updated?: string;
}
/**
 * Present when the topic documents an error that a program can receive.
 */
export interface ErrorFacts {
  /**
   * HTTP status code.
   */
  status: number;
  /**
   * Where a dialect uses another status.
   */
  status_by_dialect?: {
    [k: string]: number;
  };
  /**
   * never: the same request fails again. as-is: send it again unchanged. with-caution: look first at what happened.
   */
  retryable: 'never' | 'as-is' | 'with-caution';
  /**
   * active: raised today. reserved: documented, not raised yet. retired: no longer raised.
   */
  state?: 'active' | 'reserved' | 'retired';
  /**
   * A word that a program can branch on.
   */
  advice?: string;
  /**
   * The code as each dialect spells it.
   */
  codes?: {
    [k: string]: string;
  };
}
/**
 * Language to the exception class of its SDK.
 */
export interface Exceptions {
  [k: string]: string;
}
export interface Action {
  /**
   * Path relative to the topic's file, inside the source folder.
   */
  file: string;
  /**
   * The Content-Type it is served with.
   */
  media_type: string;
  description?: string;
}
/**
 * One help topic as data. Members appear in this order; those after `actions` only when the source has them.
 */
export interface TopicDescriptor {
  /**
   * Dotted topic id, case kept.
   */
  topic: string;
  /**
   * The segments of `topic`.
   *
   * @minItems 1
   */
  path: string[];
  title: string;
  /**
   * Raw Markdown: the first block of DESCRIPTION, or of the body, that says something.
   */
  synopsis: string;
  /**
   * The source after the front matter, verbatim.
   */
  body: string;
  /**
   * One per second-level heading.
   */
  sections: Section[];
  /**
   * Items: Dotted topic id, case kept.
   */
  see_also: string[];
  stability: Stability;
  /**
   * Names of the raw files beside the topic, sorted.
   */
  actions: string[];
  /**
   * Direct children, sorted by last segment.
   *
   * @minItems 1
   *
   * Items: Dotted topic id, case kept.
   */
  children?: string[];
  error?: ErrorFacts;
  exceptions?: Exceptions;
  /**
   * The topic's HTTP exchanges, in order: one scenario that a program can run.
   *
   * @minItems 1
   */
  examples?: Example[];
  aliases?: Aliases;
  tags?: Tags;
  /**
   * A version of the documented product.
   */
  version_added?: string;
  /**
   * A version of the documented product.
   */
  version_deprecated?: string;
  /**
   * Dotted topic id, case kept.
   */
  replaced_by?: string;
  /**
   * The day of the last change of meaning.
   */
  updated?: string;
}
export interface Section {
  /**
   * The heading as written.
   */
  name: string;
  /**
   * Markdown up to the next second-level heading, trimmed.
   */
  body: string;
}
/**
 * A request and the response that the topic promises to it. Texts may hold placeholders such as {{$uuid}} or {{name}}.
 */
export interface Example {
  /**
   * Unique in the topic: a name that the author gave, else the example's position from 1.
   */
  id: string;
  /**
   * Sent without waiting for the answer to the one before.
   */
  parallel?: true;
  /**
   * Why the request is shown and never sent.
   */
  skip?: string;
  request: ExampleRequest;
  response?: ExampleResponse;
}
export interface ExampleRequest {
  method: string;
  /**
   * Path and query, below the base URL.
   */
  target: string;
  headers: ExampleHeader[];
  /**
   * Verbatim, without a final line break.
   */
  body?: string;
}
export interface ExampleHeader {
  name: string;
  value: string;
}
/**
 * What is promised. Absent only when the request is skipped.
 */
export interface ExampleResponse {
  status: number;
  headers: ExampleHeader[];
  /**
   * Absent when nothing is promised about it.
   */
  body?: string;
}
/**
 * Every topic in one line each, depth first, parents first: /help/index.json.
 */
export interface Manifest {
  schema: 1;
  /**
   * Version of the documented product.
   */
  version: string;
  topics: TopicSummary[];
  /**
   * How to get from a topic to its URLs, in words.
   */
  _url_convention: string;
}
export interface TopicSummary {
  /**
   * Dotted topic id, case kept.
   */
  topic: string;
  title: string;
  stability: Stability;
  /**
   * At most 80 characters of plain text.
   */
  tagline: string;
  /**
   * Items: Dotted topic id, case kept.
   */
  see_also: string[];
}
/**
 * The whole catalog, depth first, parents first: /help/catalog.json and the live API. Additive members keep schema 1; a removal or a change of meaning raises it.
 */
export interface HelpPayload {
  schema: 1;
  /**
   * Version of the documented product.
   */
  version: string;
  topics: TopicDescriptor[];
}
/**
 * The catalog versions that this server has: /help/versions.json.
 */
export interface Versions {
  /**
   * major.minor of the current version; null when the product has no version.
   */
  current: string | null;
  versions: CatalogVersion[];
}
export interface CatalogVersion {
  majorMinor: string;
  pinnedPatch: string;
  current: boolean;
  /**
   * URL path of its index.json.
   */
  manifest: string;
  /**
   * URL path of its landing page.
   */
  root: string;
}
/**
 * Every topic that documents an error, depth first: /errors.json.
 */
export interface ErrorIndex {
  schema: 1;
  /**
   * Version of the documented product.
   */
  version: string;
  errors: ErrorSummary[];
}
export interface ErrorSummary {
  /**
   * Dotted topic id, case kept.
   */
  topic: string;
  title: string;
  stability: Stability;
  /**
   * At most 80 characters of plain text.
   */
  tagline: string;
  error: ErrorFacts;
}
/**
 * docent.config.json, found upward from the first SOURCE or the current folder.
 */
export interface DocentConfig {
  $schema?: string;
  product?: ProductConfig;
  /**
   * Source folders, relative to this file; later ones overlay earlier ones.
   *
   * @minItems 1
   */
  content?: string[];
  site?: SiteConfig;
  /**
   * Any file in error stops the build, and nothing is inferred.
   */
  strict?: boolean;
  defaultStability?: Stability;
  /**
   * Render raw HTML in Markdown, sanitized, instead of showing it as text.
   */
  allowHtml?: boolean;
  api?: ApiConfig;
  reference?: ReferenceConfig;
}
/**
 * What the topics document.
 */
export interface ProductConfig {
  name?: string;
  /**
   * How a reader asks for a topic in a terminal, e.g. "acme help".
   */
  command?: string;
  version?: string;
  /**
   * Page of this release; {version} is filled in.
   */
  releaseUrl?: string;
}
export interface SiteConfig {
  /**
   * Public address. Its path, if any, is the base path of every URL.
   */
  url?: string;
  title?: string;
}
export interface ApiConfig {
  /**
   * Where the live API form is mounted. Default: /api/help.
   */
  helpPath?: string;
}
/**
 * The reference API, for trying out what the topics say.
 */
export interface ReferenceConfig {
  /**
   * Serve it below /api. Default: true where a store is named, else false.
   */
  enabled?: boolean;
  /**
   * Where it keeps its data: sqlite:FILE, FILE relative to this file; postgres://…; redis://…
   */
  store?: string;
  /**
   * What an answer survives: full, a power loss; relaxed, only the end of the process. Default: full.
   */
  durability?: 'full' | 'relaxed';
  /**
   * Addresses and subnets of proxies whose X-Forwarded-For says whom a request comes from.
   */
  trustedProxies?: string[];
  limits?: ReferenceLimits;
}
/**
 * Quotas, counted by all servers on one store together; 0 for none.
 */
export interface ReferenceLimits {
  /**
   * With the token of one sandbox. Default: 600.
   */
  requestsPerMinute?: number;
  /**
   * Made from one address. Default: 1000.
   */
  sandboxesPerHour?: number;
}
