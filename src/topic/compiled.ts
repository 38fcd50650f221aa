import type { Block } from './block.ts';
import type { TopicDescriptor } from './descriptor.ts';

/** All topics of all sources, checked against one another, their links resolved: what the compiler makes and a pack holds. */
export interface Catalog {
  /** Depth first, parents first. */
  topics: CatalogTopic[];
  landing: Landing | undefined;
  /** Slug of another spelling → slug of the topic. */
  aliases: Map<string, string>;
  /** Images that topics show, by path below `/help/_files/`. */
  files: Map<string, RawFile>;
}

export interface CatalogTopic {
  descriptor: TopicDescriptor;
  /** One line of plain text. */
  tagline: string;
  /** Sanitized HTML fragment. */
  html: string;
  /** The same for a terminal. */
  blocks: Block[];
  outline: OutlineEntry[];
  actions: ActionFile[];
  /** SHA-256 of its source text, hex; empty for a parent that no file describes. */
  hash: string;
}

/** The text at the root of the content, which is no topic. */
export interface Landing {
  title: string;
  tagline: string;
  body: string;
  html: string;
  blocks: Block[];
}

/** A heading of an HTML fragment. */
export interface OutlineEntry {
  level: number;
  /** Its fragment identifier. */
  id: string;
  text: string;
}

export interface RawFile {
  mediaType: string;
  bytes: Uint8Array;
}

/** A raw file beside a topic. */
export interface ActionFile extends RawFile {
  name: string;
  description: string;
}
