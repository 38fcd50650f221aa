import type { ErrorFacts, Product, Stability, TopicDescriptor } from '../topic/descriptor.ts';

/**
 * What an HTML page shows, as plain data: the contract between Docent and its theme. A theme decides nothing about topics; it
 * only lays this out. Every `url` is ready for an `href` (base path included), every `html` is sanitized.
 */
export type Page = TopicPage | HomePage | ContentsPage | TreePage | ErrorsPage | ProblemPage;

/** Renders pages to HTML documents and knows the files that they refer to. Built from the Astro theme; handed in from layer 5. */
export interface PageRenderer {
  /** A complete HTML document. */
  render(page: Page): Promise<string>;
  /** A style sheet, icon or font of the theme by its URL path without the base path, e.g. `/_astro/x.css`. */
  asset(path: string): Asset | undefined;
  /** The paths of all of them, for who publishes them as files. */
  assetPaths(): string[];
}

export interface Asset {
  mediaType: string;
  bytes: Uint8Array;
  /** True when the name carries a hash of the bytes, so that a cache may keep it for good. */
  immutable: boolean;
}

interface PageBase {
  site: Site;
  /** Text of <title> without the site's title. */
  title: string;
  /** One line for <meta name="description">; empty when there is nothing to say. */
  description: string;
  /** Absolute when the site's public address is known, else a path; absent on problems. */
  canonical?: string;
  /** The same content in other formats, for <link rel="alternate"> and "Raw formats". */
  alternates: Alternate[];
}

/** What every page says about the site as a whole. */
export interface Site {
  title: string;
  product: Product;
  /** Prefix of every URL, e.g. `/docs`; empty at the root. */
  base: string;
  topicCount: number;
}

export interface Alternate {
  mediaType: string;
  url: string;
  /** What a reader gets there, e.g. "full descriptor". */
  label: string;
}

/** A topic as a line in a list. */
export interface TopicLink {
  topic: string;
  title: string;
  /** At most 80 characters of plain text; may be empty. */
  tagline: string;
  stability: Stability;
  /** Absent when the topic does not exist in this catalog: print it unlinked. */
  url?: string;
  /** What to type in a terminal, e.g. `acme help errors NOT_FOUND`. */
  command: string;
}

export interface TopicPage extends PageBase {
  kind: 'topic';
  descriptor: TopicDescriptor;
  /** The body without its own title and without a SEE ALSO section that only repeats `see_also`. */
  html: string;
  /** Second- and third-level headings of `html`, in order. `id` is the fragment. */
  outline: { level: number; id: string; text: string }[];
  /** From the top-level topic down to the parent; empty for a top-level topic. */
  trail: TopicLink[];
  command: string;
  children: TopicLink[];
  seeAlso: TopicLink[];
  /** Other children of the same parent (or other top-level topics) with this one among them, in order. */
  siblings: TopicLink[];
  replacedBy?: TopicLink;
  /** Neighbours in reading order. */
  previous?: TopicLink;
  next?: TopicLink;
  /** Where the table of all errors is, on the page of an error and of a topic whose subtopics are errors. */
  errorsUrl?: string;
  /** How the examples of the topic are run; absent where nothing can run them. */
  run?: {
    /** Where the examples are, as data. */
    descriptorUrl: string;
    /** Does the same in a terminal. */
    command: string;
  };
  /** Raw files beside the topic. */
  actions: { name: string; url: string; mediaType: string; description: string }[];
}

/** The title page at `/`. */
export interface HomePage extends PageBase {
  kind: 'home';
  topics: TopicLink[];
}

/** The landing page at `/help/`: what the author wrote at the root of the content, then the top-level topics. */
export interface ContentsPage extends PageBase {
  kind: 'contents';
  /** Empty when the content has no landing text. */
  html: string;
  topics: (TopicLink & { children: TopicLink[] })[];
  /** Absent when no topic documents an error. */
  errorsUrl?: string;
}

/** The whole tree at `/help/topic-tree/`. */
export interface TreePage extends PageBase {
  kind: 'tree';
  roots: TreeNode[];
  /** Absent when no topic documents an error. */
  errorsUrl?: string;
}

export interface TreeNode extends TopicLink {
  children: TreeNode[];
}

/** The table of every error at `/errors/`. */
export interface ErrorsPage extends PageBase {
  kind: 'errors';
  errors: (TopicLink & { error: ErrorFacts })[];
}

/** An error, where HTML was asked for. */
export interface ProblemPage extends PageBase {
  kind: 'problem';
  status: number;
  code: string;
  detail: string;
  /** The topic that documents this error, if the catalog has one. */
  about?: TopicLink;
  /** Topics that the reader may have meant. */
  suggestions: TopicLink[];
}
