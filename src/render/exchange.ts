import { applyEdits, format } from 'jsonc-parser';
import type { ActualResponse, Difference } from '../example/compare.ts';
import type { Outcome } from '../example/run.ts';
import type { SentRequest } from '../example/send.ts';
import type { ExampleHeader, ExampleRequest, ExampleResponse } from '../topic/descriptor.ts';
import type { Attribute } from './pieces.ts';
import { Layout, type TerminalStyle } from './terminal.ts';

/** A body is shown as far as a person reads it; `--json` has all of it. Characters and lines. */
const BODY_CHARACTERS = 4000;
const BODY_LINES = 60;

/** A value is told apart from another one by less than this. Characters. */
const VALUE_CHARACTERS = 300;

/** More differences than a person reads; `--json` has all of them. */
const SHOWN_DIFFERENCES = 20;

const INDENT = 4;

/** Header fields that say nothing about the answer: they are about the connection, or about what a browser may do. */
const BESIDE_THE_POINT =
  /^(access-control-.*|connection|content-length|content-security-policy|date|keep-alive|transfer-encoding|x-content-type-options)$/i;

/** The mark and the word say it without colour. */
const VERDICTS: Record<Outcome['kind'], { mark: string; color: Attribute }> = {
  kept: { mark: '✓', color: 'green' },
  broken: { mark: '✗', color: 'red' },
  failed: { mark: '!', color: 'red' },
  skipped: { mark: '–', color: 'yellow' },
};

/** One example as a terminal shows it: what was sent, what was promised, what came, and whether they agree. */
export function outcomeText(outcome: Outcome, style: TerminalStyle): string {
  const layout = new Layout(style);
  const { example, kind } = outcome;
  const { mark, color } = VERDICTS[kind];
  const { method, target } = example.request;
  const what = ` ${example.id}  ${method} ${cut(target, VALUE_CHARACTERS)}`;
  layout.line([
    [`${mark} ${kind}`, 'bold', color],
    [what, 'bold'],
  ]);
  layout.gap();
  if (kind === 'skipped') {
    layout.line([[`not sent: ${outcome.reason}`]], INDENT);
    layout.gap();
    layout.verbatim(requestText(example.request), INDENT);
    return layout.text();
  }
  const { sent } = outcome;
  layout.verbatim(requestText(sent === undefined ? example.request : { ...sent, target: targetOf(sent) }), INDENT);
  if (example.response !== undefined) {
    layout.line([['promised', 'dim']], INDENT);
    layout.verbatim(promiseText(example.response), INDENT + 2);
  }
  if (kind === 'failed') {
    layout.line([[outcome.message, 'red']], INDENT);
    return layout.text();
  }
  layout.line([[`answered in ${outcome.actual.ms} ms`, 'dim']], INDENT);
  layout.verbatim(responseText(outcome.actual, example.response), INDENT + 2);
  if (kind === 'broken') showDifferences(layout, outcome.differences);
  return layout.text();
}

function showDifferences(layout: Layout, differences: Difference[]): void {
  for (const { where, promised, actual } of differences.slice(0, SHOWN_DIFFERENCES)) {
    layout.line([[where, 'bold', 'red']], INDENT);
    layout.verbatim(
      [
        `promised  ${promised === undefined ? 'nothing' : cut(promised, VALUE_CHARACTERS)}`,
        `answered  ${actual === undefined ? 'nothing' : cut(actual, VALUE_CHARACTERS)}`,
      ].join('\n'),
      INDENT + 2,
    );
  }
  const more = differences.length - SHOWN_DIFFERENCES;
  if (more > 0) layout.line([[`… and ${more} more`, 'red']], INDENT);
}

function requestText({ method, target, headers, body }: ExampleRequest): string {
  return message(`${method} ${cut(target, VALUE_CHARACTERS)} HTTP/1.1`, headers, body);
}

/** As it was sent: the topic's own target stands in the line above. */
function targetOf({ url }: SentRequest): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function promiseText({ status, headers, body }: ExampleResponse): string {
  return message(`HTTP/1.1 ${status}`, headers, body);
}

function responseText({ status, reason, headers, body }: ActualResponse, promised?: ExampleResponse): string {
  const wanted = new Set(promised?.headers.map(({ name }) => name.toLowerCase()));
  const told = headers.filter(({ name }) => wanted.has(name.toLowerCase()) || !BESIDE_THE_POINT.test(name));
  const text = body === '' ? undefined : pretty(body);
  return message(`HTTP/1.1 ${status}${reason === undefined ? '' : ` ${reason}`}`, told, text);
}

function message(firstLine: string, headers: ExampleHeader[], body: string | undefined): string {
  const head = [firstLine, ...headers.map(({ name, value }) => `${name}: ${cut(value, VALUE_CHARACTERS)}`)];
  return [...head, ...(body === undefined ? [] : ['', cutBody(body)])].join('\n');
}

/** JSON on one line is for machines. Only white space changes: a number keeps its digits. */
function pretty(body: string): string {
  if (!/^\s*[[{]/.test(body) || body.trimEnd().includes('\n') || body.length > BODY_CHARACTERS) return body;
  return applyEdits(body, format(body, undefined, { tabSize: 2, insertSpaces: true, eol: '\n' }));
}

function cutBody(body: string): string {
  const text = body.replace(/\r?\n$/, '');
  const lines = text.slice(0, BODY_CHARACTERS).split('\n').slice(0, BODY_LINES);
  const shown = lines.join('\n');
  return shown.length === text.length ? text : `${shown}\n… ${text.length - shown.length} more characters`;
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
