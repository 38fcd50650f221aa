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

/** Every error that the help server can raise, with its status and title. */
export const PROBLEMS = {
  BAD_REQUEST: { status: 400, title: 'Bad request' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  HELP_TOPIC_NOT_FOUND: { status: 404, title: 'Help topic not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  NOT_ACCEPTABLE: { status: 406, title: 'Not acceptable' },
  INTERNAL_ERROR: { status: 500, title: 'Internal error' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export function problem(code: ProblemCode, detail: string, more: Partial<Problem> = {}): Outcome {
  return { kind: 'problem', problem: { code, detail, ...more } };
}
