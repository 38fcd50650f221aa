import type { Block } from './block.ts';
import type { Example, TopicDescriptor } from './descriptor.ts';
import type { Position } from './diagnostic.ts';

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
  /** The same for a terminal: JSON of its blocks. */
  blocks: string;
  outline: OutlineEntry[];
  actions: ActionFile[];
  /** Where each example of the descriptor stands. */
  examplePlaces: ExamplePlace[];
  /** Where its front matter begins to speak of an error. */
  errorPlace?: Position & { file: string };
  /** SHA-256 of its source text, hex; empty for a parent that no file describes. */
  hash: string;
}

/** Where an example stands: the lines of its request line and status line. */
export interface ExamplePlace {
  /** The path as the author would type it. */
  file: string;
  request: Position;
  response?: Position;
}

/** The text at the root of the content, which is no topic. */
export interface Landing {
  title: string;
  tagline: string;
  body: string;
  html: string;
  blocks: Block[];
  /** As a topic's; absent when there are none. */
  examples?: Example[];
  examplePlaces?: ExamplePlace[];
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
