import canonicalize from 'canonicalize';
import { type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';

/** A request nests two or three levels; a recursive reader's stack ends at some thousands. */
export const NESTING_LIMIT = 32;

const OPEN_BRACE = '{'.charCodeAt(0);
const OPEN_BRACKET = '['.charCodeAt(0);

/** A JSON text, read so that no two texts with different meanings are taken for the same. */
export type JsonOutcome =
  /** `canonical` is the RFC 8785 form: equal for two texts exactly when they denote the same value. */
  | { kind: 'json'; value: unknown; canonical: string }
  /** `detail` is a sentence with line and column. */
  | { kind: 'invalid'; detail: string }
  /** A parser keeps one of the two members, and nobody says which (RFC 8259 section 4). `member` is its path, dotted. */
  | { kind: 'duplicate-member'; member: string }
  /** As a double the number would be another one (RFC 8785 section 3.2.2.3). `number` is its spelling. */
  | { kind: 'inexact-number'; member: string; number: string };

export const NOT_UTF_8 = 'The body is not UTF-8.';

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Refusal extends Error {
  readonly outcome: JsonOutcome;

  constructor(outcome: JsonOutcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** Reads UTF-8 bytes as JSON (RFC 8259), strictly. Never throws. */
export function readJson(bytes: Uint8Array): JsonOutcome {
  const text = decodeJson(bytes);
  return text === undefined ? { kind: 'invalid', detail: NOT_UTF_8 } : readJsonText(text);
}

/** @returns undefined for bytes that are not UTF-8. */
export function decodeJson(bytes: Uint8Array): string | undefined {
  try {
    return UTF_8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** As {@link readJson}. */
export function readJsonText(text: string): JsonOutcome {
  try {
    let value = parsedAsWritten(text);
    // RFC 8785 writes as `JSON.stringify` does, with the members in order (section 3.2).
    if (value !== undefined && isSorted(value)) return { kind: 'json', value, canonical: text };
    if (value === undefined) {
      inspect(text);
      value = JSON.parse(text);
    }
    return { kind: 'json', value, canonical: canonicalize(value) as string };
  } catch (error) {
    if (error instanceof Refusal) return error.outcome;
    if (error instanceof SyntaxError) return { kind: 'invalid', detail: `The body is no JSON: ${error.message}.` };
    throw error;
  }
}

/**
 * The value of a text that is written as `JSON.stringify` writes it, which is how most clients do: so no member is there twice, and every
 * number keeps its spelling. That is found out several times faster than by looking at each token.
 * @returns undefined for any other text, right or wrong.
 */
function parsedAsWritten(text: string): unknown {
  let opened = 0;
  for (let index = 0; index < text.length && opened <= NESTING_LIMIT; index++) {
    const code = text.charCodeAt(index);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) opened += 1;
  }
  // Half of a surrogate pair can be here only as an escape, which stays as it is.
  if (opened > NESTING_LIMIT || text.includes('\\ud')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the members of every object are in the order of their UTF-16 code units (RFC 8785 section 3.2.3), which is that of `<`. */
function isSorted(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  let last: string | undefined;
  for (const [name, member] of Object.entries(value)) {
    if ((last !== undefined && name < last) || !isSorted(member)) return false;
    last = name;
  }
  return true;
}

/** @throws {Refusal} at the first thing that is wrong. */
function inspect(text: string): void {
  const members: Set<string>[] = [];
  let depth = 0;
  const refuse = (what: string, line: number, column: number): never => {
    const detail = `The body is no JSON: ${what} at line ${line + 1}, column ${column + 1}.`;
    throw new Refusal({ kind: 'invalid', detail });
  };
  const enter = (line: number, column: number) => {
    depth += 1;
    if (depth > NESTING_LIMIT) refuse(`nested deeper than ${NESTING_LIMIT} levels`, line, column);
  };
  visit(
    text,
    {
      onObjectBegin: (_offset, _length, line, column) => {
        enter(line, column);
        members.push(new Set());
      },
      onObjectEnd: () => {
        depth -= 1;
        members.pop();
      },
      onArrayBegin: (_offset, _length, line, column) => enter(line, column),
      onArrayEnd: () => {
        depth -= 1;
      },
      onObjectProperty: (name, _offset, _length, line, column, path) => {
        if (!name.isWellFormed()) refuse('half of a surrogate pair in a name', line, column);
        const seen = members.at(-1) as Set<string>;
        if (seen.has(name)) throw new Refusal({ kind: 'duplicate-member', member: [...path(), name].join('.') });
        seen.add(name);
      },
      onLiteralValue: (value, offset, length, line, column, path) => {
        if (typeof value === 'string' && !value.isWellFormed()) refuse('half of a surrogate pair', line, column);
        if (typeof value !== 'number') return;
        const number = text.slice(offset, offset + length);
        if (!isExact(number)) throw new Refusal({ kind: 'inexact-number', member: path().join('.'), number });
      },
      onError: (code, _offset, _length, line, column) => refuse(wordsFor(code), line, column),
    },
    { disallowComments: true },
  );
}

/** `CloseBraceExpected` → `close brace expected`. */
function wordsFor(code: ParseErrorCode): string {
  return printParseErrorCode(code)
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
}

/** Whether a number keeps its decimal value when it becomes a double and is written again. */
function isExact(spelling: string): boolean {
  const number = Number(spelling);
  return Number.isFinite(number) && decimal(spelling) === decimal(String(number));
}

/** One spelling for each decimal value without its sign, which no number loses: digits without zeros at either end, exponent. */
function decimal(spelling: string): string {
  const [, whole, fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(
    spelling,
  ) as RegExpExecArray as unknown as [string, string, string?, string?];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = withoutFinalZeros(digits);
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${significant}e${power}`;
}

/** By hand: the expression `/0+$/` looks from each of a long row of zeros to its end, which takes seconds. */
function withoutFinalZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}
