import matter from 'gray-matter';
import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import { type Finding, type Position, START } from '../topic/diagnostic.ts';

/** Twenty repetitions of one anchor are more than any front matter needs; an alias bomb needs thousands. */
const ALIAS_LIMIT = 20;

/** A file's head and body, apart. */
export interface SplitSource {
  /** The YAML mapping, every scalar still the text that the author wrote; undefined when the file has no front matter. */
  data: Record<string, unknown> | undefined;
  /** Everything after the front matter, verbatim. */
  body: string;
  /** The line of the file on which `body` begins. */
  bodyLine: number;
  findings: Finding[];
  /** Where a value stands, by its path of keys; the nearest ancestor that exists otherwise. */
  locate(path: (string | number)[], what?: 'key' | 'value'): Position;
}

/**
 * Splits front matter from the body. It is front matter only when the first line is exactly `---` (and perhaps a language) and a
 * later line is exactly `---`; otherwise all is body. Dates, numbers and `no` stay text: the schema says what a value is.
 */
export function splitFrontMatter(text: string): SplitSource {
  const fences = findFences(text);
  if (fences === undefined) return allBody(text, []);
  if (!/^(ya?ml)?$/i.test(fences.language)) {
    const message = `front matter in "${fences.language}" is not read`;
    return allBody(text, [
      { ...START, code: 'front-matter-language', message, hint: 'write it in YAML, after a plain ---' },
    ]);
  }
  const findings: Finding[] = [];
  const lines = new LineCounter();
  let document: Document.Parsed | undefined;
  const parse = (yaml: string): object => {
    // Of a final CRLF gray-matter takes only the LF with the fence.
    document = parseDocument(yaml.replace(/\r$/, ''), {
      schema: 'failsafe',
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
    });
    return toObject(document, lines, findings);
  };
  // Options are always passed: without them gray-matter shares a mutable cache between calls.
  const file = matter(fences.padded, {
    language: 'yaml',
    delimiters: fences.delimiters,
    engines: { ...REFUSED, yaml: parse },
  });
  const body = text.slice(fences.end);
  if (findings.length === 0 && document !== undefined && document.contents !== null && !isMap(document.contents)) {
    // A file may open with a thematic break: then what stands between two breaks is prose, and must not be lost.
    const message = 'what stands between the first two --- lines is no mapping, so it is taken as text';
    return allBody(text, [
      { ...START, code: 'front-matter-not-a-map', message, hint: 'write "key: value" lines, or *** for a rule' },
    ]);
  }
  return {
    data: findings.length > 0 ? {} : (file.data as Record<string, unknown>),
    body,
    bodyLine: fences.endLine,
    findings,
    locate: (path, what = 'value') => locate(document, lines, path, what),
  };
}

/** gray-matter's own engines for these evaluate code or place no errors; the check above means that they are never asked. */
const refuse = () => {
  throw new Error('only YAML is read');
};
const REFUSED = { javascript: refuse, json: refuse };

interface Fences {
  /** Offset and line at which the body begins. */
  end: number;
  endLine: number;
  /** What follows the opening fence; empty for plain YAML. */
  language: string;
  delimiters: [string, string];
  /** The text, ending in a line break after the closing fence even where the file ends with it. */
  padded: string;
}

function findFences(text: string): Fences | undefined {
  const first = /^---[ \t]*([A-Za-z][A-Za-z0-9_-]*)?[ \t]*\r?\n/.exec(text);
  if (first === null) return undefined;
  const closing = /^---[ \t]*(\r?\n|$)/gm;
  closing.lastIndex = first[0].length;
  const close = closing.exec(text);
  if (close === null) return undefined;
  const end = close.index + close[0].length;
  const endLine = text.slice(0, end).split('\n').length;
  // The line break belongs to the delimiter, else gray-matter would close at a line that only begins with it.
  const eol = close[1] === '' ? '\n' : (close[1] as string);
  const fence = close[0].slice(0, close[0].length - (close[1] as string).length);
  const language = first[1] ?? '';
  return {
    end,
    endLine,
    language,
    delimiters: ['---', `${fence}${eol}`],
    padded: close[1] === '' ? `${text}${eol}` : text,
  };
}

function toObject(document: Document.Parsed, lines: LineCounter, findings: Finding[]): object {
  for (const error of document.errors) findings.push(yamlFinding(error, lines));
  if (document.errors.length > 0 || !isMap(document.contents)) return {};
  try {
    return document.toJS({ maxAliasCount: ALIAS_LIMIT }) as object;
  } catch (error) {
    const alias = String(error).includes('Excessive alias count');
    const message = alias ? 'too many YAML aliases' : `the YAML cannot be read: ${(error as Error).message}`;
    const hint = alias ? 'write the values out' : 'see https://yaml.org/spec/1.2.2/';
    findings.push({ line: 2, column: 1, code: alias ? 'yaml-aliases' : 'yaml-syntax', message, hint });
    return {};
  }
}

function yamlFinding(error: YAMLError, lines: LineCounter): Finding {
  const hint =
    error.code === 'DUPLICATE_KEY'
      ? 'keep one of them'
      : 'put a value that holds ": ", " #" or begins with a special character in quotes';
  return { ...place(lines, error.pos[0]), code: 'yaml-syntax', message: error.message.replace(/\.$/, ''), hint };
}

/** gray-matter hands over the YAML from the end of the opening line on, so its lines count like the file's. */
function place(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function locate(
  document: Document.Parsed | undefined,
  lines: LineCounter,
  path: (string | number)[],
  what: 'key' | 'value',
): Position {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document?.contents : document?.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(last))
      : undefined;
    const node = (what === 'key' ? pair?.key : undefined) ?? document?.getIn(path.slice(0, length), true) ?? pair?.key;
    const range = (node as Node | undefined)?.range;
    if (range) return place(lines, range[0]);
  }
  return START;
}

function allBody(text: string, findings: Finding[]): SplitSource {
  return { data: undefined, body: text, bodyLine: 1, findings, locate: () => START };
}
