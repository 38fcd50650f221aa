import matter from 'gray-matter';
import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import { type Finding, type Position, START } from '../topic/diagnostic.ts';

/** Twenty repetitions of one anchor are more than any front matter needs; an alias bomb needs thousands. */
const ALIAS_LIMIT = 20;

/** The longest front matter that is read; reading it takes time with the square of its length. Characters. */
const FRONT_MATTER_LIMIT = 64 * 1024;

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
  if (fences.end > FRONT_MATTER_LIMIT) {
    const message = `the front matter has ${fences.end} characters; at most ${FRONT_MATTER_LIMIT} are read`;
    return allBody(text, [{ ...START, code: 'file-too-large', message, hint: 'move what is text below it' }]);
  }
  const findings: Finding[] = [];
  const lines = new LineCounter();
  let document: Document.Parsed | undefined;
  const parse = (yaml: string): object => {
    // Of a final CRLF gray-matter takes only the LF with the fence.
    document = parseDocument(yaml.replace(/\r$/, ''), {
      schema: 'failsafe',
      resolveKnownTags: false,
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
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
  // Not `^` and `$` of a multi-line expression: those also stop at U+2028, which ends no line of a file.
  const closing = /(?<=\n)---[ \t]*(\r?\n|$)/g;
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
  findings.push(...yamlFindings(document.errors, lines));
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

/** One finding for each place; what follows in the same place only follows from it. */
function yamlFindings(errors: YAMLError[], lines: LineCounter): Finding[] {
  const places = new Set<number>();
  return errors
    .filter(({ pos }) => !places.has(pos[0]) && places.add(pos[0]))
    .map((error) => ({ ...place(lines, error.pos[0]), code: 'yaml-syntax', ...yamlWording(error) }));
}

function yamlWording({ code, message }: YAMLError): { message: string; hint: string } {
  if (code === 'DUPLICATE_KEY') return { message: message.replace(/\.$/, ''), hint: 'keep one of them' };
  if (code === 'MULTIPLE_DOCS')
    return { message: 'front matter is one YAML document, and here begins another', hint: 'remove the line before' };
  // The parser recurses with the nesting, and reports its own stack overflow as an error of the text.
  if (message.includes('call stack'))
    return { message: 'the YAML is nested too deeply', hint: 'no key of front matter needs more than three levels' };
  const hint = 'put a value that holds ": ", " #" or begins with a special character in quotes';
  return { message: message.replace(/\.$/, ''), hint };
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
