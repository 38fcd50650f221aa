import type { ExampleHeader, ExampleResponse } from '../topic/descriptor.ts';
import { ExactNumber, type Json, parseJson } from './json.ts';
import { matchText, onlyPlaceholder, type Scalar, type Values } from './template.ts';

/** A response as it came. */
export interface ActualResponse {
  status: number;
  /** The reason phrase, where there is one. */
  reason?: string;
  headers: ExampleHeader[];
  /** As text; bytes that are no UTF-8 are U+FFFD. */
  body: string;
  /** Present when the body is no UTF-8. */
  notUtf8?: true;
  /** From sending the request to the last byte of the answer. Milliseconds. */
  ms: number;
}

/** One thing that is not as promised. */
export interface Difference {
  /** `status`, `header NAME`, `body`, or `body` and the JSON Pointer of a value. */
  where: string;
  /** Absent where nothing is promised and something is there. */
  promised?: string;
  /** Absent where nothing is there. */
  actual?: string;
}

/** Deeper than any document that a person writes, and far from the end of the stack. Levels. */
const DEPTH_LIMIT = 500;

/** What of a value is told in a difference; the whole answer stands beside it. Characters. */
const SHOWN_LIMIT = 1000;

const ELLIPSIS = '...';

/**
 * Compares a response with what was promised. Names in the promise that have no value yet get one.
 * @returns every difference; none when the promise was kept.
 */
export function compareResponse(promised: ExampleResponse, actual: ActualResponse, values: Values): Difference[] {
  const differences: Difference[] = [];
  if (promised.status !== actual.status)
    differences.push({ where: 'status', promised: String(promised.status), actual: String(actual.status) });
  for (const name of new Set(promised.headers.map((header) => header.name.toLowerCase()))) {
    const [wanted = '', value] = [linesOf(promised.headers, name), linesOf(actual.headers, name)];
    if (value === undefined || !matchText(wanted, value, values))
      differences.push(difference(`header ${nameIn(promised.headers, name)}`, wanted, value));
  }
  if (promised.body !== undefined) differences.push(...compareBody(promised.body, actual, values));
  return differences;
}

/** The value of a header field, white space folded; several lines are one list (RFC 9110 section 5.3). */
function linesOf(headers: ExampleHeader[], name: string): string | undefined {
  const lines = headers.filter((header) => header.name.toLowerCase() === name);
  return lines.length === 0 ? undefined : lines.map(({ value }) => value.replace(/[ \t]+/g, ' ').trim()).join(', ');
}

function nameIn(headers: ExampleHeader[], name: string): string {
  return headers.find((header) => header.name.toLowerCase() === name)?.name ?? name;
}

function compareBody(promised: string, actual: ActualResponse, values: Values): Difference[] {
  if (actual.notUtf8) return [difference('body', promised, 'bytes that are not UTF-8 text')];
  const json = parseJson(promised);
  if (json === undefined) {
    const [wanted, text] = [plain(promised), plain(actual.body)];
    return matchText(wanted, text, values) ? [] : [difference('body', wanted, text)];
  }
  const body = parseJson(actual.body);
  if (body === undefined) return [difference('body', promised, actual.body === '' ? undefined : actual.body)];
  const differences: Difference[] = [];
  compareJson(json.value, body.value, values, '', differences);
  return differences;
}

function plain(text: string): string {
  return text.replace(/\r\n/g, '\n').trimEnd();
}

/** @param pointer RFC 6901; empty for the whole document. */
function compareJson(
  promised: Json,
  actual: Json,
  values: Values,
  pointer: string,
  differences: Difference[],
  depth = 0,
): void {
  const where = pointer === '' ? 'body' : `body ${pointer}`;
  if (depth > DEPTH_LIMIT) {
    differences.push({ where, promised: `at most ${DEPTH_LIMIT} levels, which is what is compared` });
  } else if (Array.isArray(promised) && Array.isArray(actual)) {
    compareArrays(promised, actual, values, pointer, differences, depth);
  } else if (isObject(promised) && isObject(actual)) {
    compareObjects(promised, actual, values, pointer, differences, depth);
  } else if (!isScalar(promised) || !isScalar(actual) || !matchScalar(promised, actual, values)) {
    differences.push(difference(where, show(promised), show(actual)));
  }
}

function compareArrays(
  promised: Json[],
  actual: Json[],
  values: Values,
  pointer: string,
  differences: Difference[],
  depth: number,
): void {
  const open = promised.at(-1) === ELLIPSIS;
  const wanted = open ? promised.slice(0, -1) : promised;
  for (const [index, value] of wanted.entries()) {
    const place = `${pointer}/${index}`;
    if (index >= actual.length) differences.push(difference(`body ${place}`, show(value), undefined));
    else compareJson(value, actual[index] as Json, values, place, differences, depth + 1);
  }
  if (!open && actual.length > wanted.length) {
    const more = actual.slice(wanted.length);
    differences.push(difference(`body ${pointer}/${wanted.length}`, undefined, more.map(show).join(', ')));
  }
}

function compareObjects(
  promised: Members,
  actual: Members,
  values: Values,
  pointer: string,
  differences: Difference[],
  depth: number,
): void {
  const open = Object.hasOwn(promised, ELLIPSIS) && promised[ELLIPSIS] === ELLIPSIS;
  for (const [name, value] of Object.entries(promised)) {
    if (open && name === ELLIPSIS) continue;
    const place = `${pointer}/${escapePointer(name)}`;
    if (!Object.hasOwn(actual, name)) differences.push(difference(`body ${place}`, show(value), undefined));
    else compareJson(value, actual[name] as Json, values, place, differences, depth + 1);
  }
  if (open) return;
  for (const [name, value] of Object.entries(actual)) {
    if (!Object.hasOwn(promised, name))
      differences.push(difference(`body ${pointer}/${escapePointer(name)}`, undefined, show(value)));
  }
}

/** A string that is one placeholder stands for any scalar; one with text around it for a string. */
function matchScalar(promised: Scalar, actual: Scalar, values: Values): boolean {
  if (promised instanceof ExactNumber && actual instanceof ExactNumber) return promised.normal === actual.normal;
  if (typeof promised !== 'string') return promised === actual;
  const name = onlyPlaceholder(promised);
  if (name === undefined) return typeof actual === 'string' && matchText(promised, actual, values);
  const value = values.get(name);
  if (value === undefined && !name.startsWith('$')) values.bind(name, actual);
  return value === undefined ? !name.startsWith('$') : sameValue(value, actual);
}

/** A number may have been seen first in a header or a URL, as text. */
function sameValue(known: Scalar, actual: Scalar): boolean {
  if (known instanceof ExactNumber && actual instanceof ExactNumber) return known.normal === actual.normal;
  return known === actual || (typeof known === 'string' && typeof actual === 'number' && known === String(actual));
}

type Members = { [name: string]: Json };

function isObject(value: Json): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

function isScalar(value: Json): value is Scalar {
  return !Array.isArray(value) && !isObject(value);
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function difference(where: string, promised: string | undefined, actual: string | undefined): Difference {
  return {
    where,
    ...(promised === undefined ? {} : { promised: shorten(promised) }),
    ...(actual === undefined ? {} : { actual: shorten(actual) }),
  };
}

function shorten(text: string): string {
  return text.length > SHOWN_LIMIT ? `${text.slice(0, SHOWN_LIMIT - 1)}…` : text;
}

function show(value: Json): string {
  if (value instanceof ExactNumber) return value.source;
  try {
    return JSON.stringify(value, (_, inner) => (inner instanceof ExactNumber ? inner.source : inner));
  } catch {
    return 'a value that is nested very deeply';
  }
}
