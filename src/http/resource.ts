import type { ErrorName } from '../reference/errors.ts';

/** What a URL leads to, before it is known how the client wants it. */
export type Outcome =
  | { kind: 'resource'; resource: Resource }
  /** `location` is a path, base path included. */
  | { kind: 'redirect'; status: 307 | 308; location: string }
  | { kind: 'problem'; problem: Problem };

/** Something that can be fetched, in one or several representations. */
export interface Resource {
  /** In the server's order of preference; the first one answers when the client has none. */
  variants: Variant[];
  links?: Link[];
  /** Files of the theme carry a hash in their names and may be kept for good. */
  immutable?: boolean;
  /** The page runs a script of the theme, which may ask this origin. */
  scripted?: boolean;
  /** Foreign content (images, action files) gets no rights on this origin. */
  foreign?: boolean;
}

/** One representation. Its body is made once and cached. */
export interface Variant {
  mediaType: string;
  /** The URL that always gives this representation, base path included. */
  location?: string;
  body(): string | Uint8Array | Promise<string>;
}

export interface Link {
  url: string;
  rel: string;
  type?: string;
}

/** An RFC 9457 problem without its `type` and `instance`, which depend on the catalog and the request. */
export interface Problem {
  /** A code that a program can branch on; the topic `errors.<code>` documents it. */
  code: ProblemCode;
  detail: string;
  /** Ids of topics that may have been meant. */
  suggestions?: string[];
  /** The representations that there are, for 406. */
  alternatives?: { media_type: string; url: string }[];
  /** The methods that there are, for 405. */
  allow?: string[];
}

/** Every error that the help server can raise. Its topic says its status and its title. */
export const PROBLEM_CODES = [
  'BAD_REQUEST',
  'NOT_FOUND',
  'HELP_TOPIC_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'INTERNAL_ERROR',
] as const satisfies ErrorName[];

export type ProblemCode = (typeof PROBLEM_CODES)[number];

export function problem(code: ProblemCode, detail: string, more: Partial<Problem> = {}): Outcome {
  return { kind: 'problem', problem: { code, detail, ...more } };
}
