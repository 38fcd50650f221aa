import type { ExampleHeader, ExampleRequest, ExampleResponse } from '../../topic/descriptor.ts';
import { builtIn, TEXT_LIMIT, templateParts } from '../../topic/placeholder.ts';

/** What is wrong with a message, and where: lines and columns of its text, from 0. */
export interface MessageProblem {
  line: number;
  column: number;
  message: string;
  hint: string;
}

/** What an `http` fence says. `kind` is known as far as the first line tells it, whatever else is wrong. */
export type HttpMessage = { problems: MessageProblem[] } & (
  | { kind: 'request'; request: ExampleRequest }
  | { kind: 'response'; response: ExampleResponse }
  | { kind: 'unknown' }
);

/** RFC 9110 section 5.6.2; a method in lower case is mostly the first word of prose. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Z-]+) (\S+)(?: (\S.*))?$/;
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d)(?: .*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/;
const PRINTABLE = /^[\t\x20-\x7e]*$/;

/** No fetch sends these: they ask for a tunnel, or for an echo of the sender's secrets. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** Header fields that belong to a connection: whoever sends the message fills them in. */
const CONNECTION_HEADERS = new Set(
  'connection content-length expect host keep-alive te trailer transfer-encoding upgrade'.split(' '),
);

/** Whether a text begins as an HTTP/1 message does, beyond doubt: `GET /path HTTP/1.1` or `HTTP/1.1 404`. */
export function looksLikeMessage(text: string): boolean {
  const line = firstLine(text);
  return /^[A-Z]+ \/\S* HTTP\/1\.\d$/.test(line) || /^HTTP\/1\.\d \d{3}( |$)/.test(line);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trimEnd() ?? '';
}

/**
 * Reads an HTTP message as an author writes it: a request line or status line, header lines, a blank line, the body.
 * @param text with LF line breaks, without a final one.
 */
export function parseMessage(text: string): HttpMessage {
  const problems: MessageProblem[] = [];
  const line = firstLine(text);
  if (line.startsWith('HTTP/')) {
    const { headers, body, bodyLine } = parseRest(text, problems);
    const status = STATUS_LINE.exec(line)?.[1];
    if (status === undefined)
      problems.unshift(problem(0, 0, 'this is no status line', 'write it like: HTTP/1.1 404 Not Found'));
    if (body !== undefined) checkPromisedJson(headers, body, bodyLine, problems);
    return { kind: 'response', response: { status: Number(status ?? 0), headers, ...withBody(body) }, problems };
  }
  const request = REQUEST_LINE.exec(line);
  if (request === null) {
    const hint = 'begin with a line like GET /path or HTTP/1.1 404 Not Found, or tag the fence text';
    return { kind: 'unknown', problems: [problem(0, 0, 'this is neither a request nor a response', hint)] };
  }
  const [, method = '', target = '', version] = request;
  checkRequestLine(method, target, version, problems);
  const { headers, body, bodyLine } = parseRest(text, problems);
  checkRequestHeaders(text, problems);
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
    const message = `a ${method} request has no body`;
    problems.push(problem(bodyLine, 0, message, 'leave the body out, or use another method'));
  }
  return { kind: 'request', request: { method, target, headers, ...withBody(body) }, problems };
}

function problem(line: number, column: number, message: string, hint: string): MessageProblem {
  return { line, column, message, hint };
}

function withBody(body: string | undefined): { body?: string } {
  return body === undefined ? {} : { body };
}

interface Rest {
  headers: ExampleHeader[];
  /** Absent when nothing follows the blank line. */
  body: string | undefined;
  /** The line of the text on which the body begins. */
  bodyLine: number;
}

/** Header lines up to a blank one, then the body. */
function parseRest(text: string, problems: MessageProblem[]): Rest {
  const lines = text.split('\n');
  const blank = lines.findIndex((line) => line.trim() === '');
  const headEnd = blank < 0 ? lines.length : blank;
  const headers: ExampleHeader[] = [];
  for (let index = 1; index < headEnd; index++) {
    const line = lines[index] as string;
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      const hint = 'write Name: value, and put a blank line between the headers and the body';
      problems.push(problem(index, 0, 'this is no header line', hint));
    } else if (!PRINTABLE.test(value)) {
      problems.push(problem(index, name.length + 1, `the value of ${name} is not ASCII`, 'encode what is not ASCII'));
    } else {
      // Blanks are all that can be trimmed here. An expression would look from each of a long row of them to its end.
      headers.push({ name, value: value.trim() });
    }
  }
  const body = lines.slice(headEnd + 1).join('\n');
  checkPlaceholders(lines, problems);
  return { headers, body: body === '' ? undefined : body, bodyLine: headEnd + 1 };
}

function checkRequestLine(
  method: string,
  target: string,
  version: string | undefined,
  problems: MessageProblem[],
): void {
  if (REFUSED_METHODS.has(method))
    problems.push(problem(0, 0, `${method} is never sent`, 'use another method, or tag the fence text'));
  const column = method.length + 1;
  if (!target.startsWith('/') || target.startsWith('//')) {
    const hint = 'write only the path, such as /api/charges; who runs the example says which server is meant';
    problems.push(problem(0, column, `"${target}" is no path of the server`, hint));
  } else if (target.includes('#')) {
    problems.push(problem(0, column, 'a fragment is never sent', 'leave out what begins with #'));
  } else if (templateParts(target).some((part) => 'text' in part && /[{}]/.test(part.text))) {
    // OpenAPI's spelling of a parameter, or a placeholder with spaces in it, which ends the target.
    const message = `"${target}" has a brace that belongs to no placeholder`;
    problems.push(problem(0, column, message, 'write {{name}}, without spaces; percent-encode a brace that is meant'));
    return;
  } else if (!/^[!-~]+$/.test(target) || /["<>\\^`]/.test(target)) {
    problems.push(problem(0, column, `"${target}" has a character that no URL has`, 'percent-encode it'));
  }
  if (version !== undefined && version !== 'HTTP/1.1') {
    const hint = 'end the line with HTTP/1.1, or with the path';
    problems.push(problem(0, column + target.length + 1, `"${version}" is not understood here`, hint));
  }
}

function checkRequestHeaders(text: string, problems: MessageProblem[]): void {
  for (const [index, line] of text.split('\n').entries()) {
    if (index === 0) continue;
    if (line.trim() === '') return;
    const name = HEADER_LINE.exec(line)?.[1];
    if (name === undefined || !CONNECTION_HEADERS.has(name.toLowerCase())) continue;
    problems.push(problem(index, 0, `${name} does not belong into an example`, 'leave it out: the sender fills it in'));
  }
}

/** A misspelled `{{$…}}` would be sent as it stands. */
function checkPlaceholders(lines: string[], problems: MessageProblem[]): void {
  for (const [index, line] of lines.entries()) {
    let column = 0;
    for (const part of templateParts(line)) {
      if ('name' in part && part.name.startsWith('$') && builtIn(part.name) === undefined) {
        const hint = `there are {{$token}}, {{$uuid}}, {{$uuid.name}}, {{$now}} and {{$text.N}} with N from 1 to ${TEXT_LIMIT}`;
        problems.push(problem(index, column, `{{${part.name}}} is no placeholder`, hint));
      }
      column += 'name' in part ? part.name.length + '{{}}'.length : part.text.length;
    }
  }
}

/**
 * A promise that says it is JSON is compared as JSON, so it has to be JSON itself. One that says nothing and begins with a brace was
 * meant as JSON too; as a text it would be compared to the letter.
 */
function checkPromisedJson(headers: ExampleHeader[], body: string, line: number, problems: MessageProblem[]): void {
  const type = headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value;
  const isMeant = type === undefined ? /^\s*\{(?!\{)/.test(body) : /^[^;]*[/+]json\s*(;|$)/i.test(type);
  if (!isMeant) return;
  try {
    JSON.parse(body);
  } catch (error) {
    const message = `the promised body is not JSON (${(error as Error).message.split('\n', 1)[0]})`;
    const otherwise = type === undefined ? '; or promise its Content-Type, if it is another format' : '';
    const hint = `write placeholders in quotes, "{{name}}", and "...": "..." where members are left out${otherwise}`;
    problems.push(problem(line, 0, message, hint));
  }
}
