import type { Stability, TopicDescriptor } from './schema.generated.ts';

export type {
  DocentConfig,
  ErrorFacts,
  ErrorIndex,
  Example,
  ExampleHeader,
  ExampleRequest,
  ExampleResponse,
  FrontMatter,
  Manifest,
  Section,
  Stability,
  TopicDescriptor,
  TopicSummary,
  Versions,
} from './schema.generated.ts';

/** Version of the descriptor's shape. Additive members keep it; a removal or a change of meaning raises it. */
export const PAYLOAD_SCHEMA = 1;

/** The version that a catalog carries whose product has none. */
export const UNVERSIONED = 'unversioned';

export const DEFAULT_STABILITY: Stability = 'evolving';

/** A tagline has to fit one line of an 80-column terminal. Characters. */
export const TAGLINE_LIMIT = 80;

/** Who the topics belong to, as pages and commands name it. */
export interface Product {
  name: string;
  /** How a reader asks for a topic in a terminal, e.g. `acme help`. */
  command: string;
  version?: string;
  releaseUrl?: string;
}

/** Members in the order of the published schema: a JSON file of a descriptor is compared byte for byte. */
const MEMBER_ORDER = [
  'topic',
  'path',
  'title',
  'synopsis',
  'body',
  'sections',
  'see_also',
  'stability',
  'actions',
  'children',
  'error',
  'exceptions',
  'examples',
  'aliases',
  'tags',
  'version_added',
  'version_deprecated',
  'replaced_by',
  'updated',
] as const;

/** The same descriptor with its members in published order, absent ones left out. */
export function inOrder(descriptor: TopicDescriptor): TopicDescriptor {
  const members = descriptor as unknown as Record<string, unknown>;
  return Object.fromEntries(
    MEMBER_ORDER.filter((name) => members[name] !== undefined).map((name) => [name, members[name]]),
  ) as unknown as TopicDescriptor;
}

/** The text of a published `.json` file: two spaces of indentation, a final newline. */
export function jsonFile(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** White space folded to single spaces. */
export function fold(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Folded and cut at {@link TAGLINE_LIMIT} characters, at a word where that is near, with an ellipsis. */
export function tagline(text: string): string {
  const folded = fold(text);
  if (folded.length <= TAGLINE_LIMIT) return folded;
  const cut = folded.slice(0, TAGLINE_LIMIT - 1);
  const space = cut.lastIndexOf(' ');
  const head = space > TAGLINE_LIMIT / 2 ? cut.slice(0, space) : cut;
  // A cut between the halves of a surrogate pair would leave an unpaired one.
  return `${head.replace(/[\uD800-\uDBFF]$/, '').replace(/[\s.,;:—–-]+$/, '')}…`;
}
