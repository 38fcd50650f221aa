import hljs from 'highlight.js/lib/core';
import http from 'highlight.js/lib/languages/http';
import json from 'highlight.js/lib/languages/json';
import type { ActualResponse } from '../example/compare.ts';
import { ExactNumber, parseJson } from '../example/json.ts';
import type { ExampleHeader, ExampleResponse } from '../topic/descriptor.ts';

hljs.registerLanguage('http', http);
hljs.registerLanguage('json', json);

/** Above this, neither colours nor indentation are worth the time in which a page does not react. Characters. */
const BEAUTY_LIMIT = 50_000;

/** A response as a page shows it. */
export interface ShownResponse {
  /** Status line, the headers that were promised, body: as HTML, coloured as the compiler colours a promise. */
  html: string;
  /** Headers of which nothing was promised, in lines. */
  others: string[];
}

/** @param promised its headers come in its order and spelling. */
export function showResponse(actual: ActualResponse, promised: ExampleResponse | undefined): ShownResponse {
  const names = [...new Set(promised?.headers.map(({ name }) => name.toLowerCase()))];
  const isPromised = ({ name }: ExampleHeader) => names.includes(name.toLowerCase());
  const rank = ({ name }: ExampleHeader) => names.indexOf(name.toLowerCase());
  const line = ({ name, value }: ExampleHeader) => `${spelling(name, promised?.headers ?? [])}: ${value}`;
  const known = actual.headers.filter(isPromised).sort((a, b) => rank(a) - rank(b));
  const others = actual.headers.filter((header) => !isPromised(header));
  return { html: coloured(textOf(actual, known.map(line))), others: others.map(line) };
}

/** In the notation of HTTP/1.1, as the promise is written, whatever the server speaks. */
function textOf({ status, reason = '', body, notUtf8 }: ActualResponse, headers: string[]): string {
  const head = [`HTTP/1.1 ${status} ${reason}`.trimEnd(), ...headers].join('\n');
  const content = notUtf8 ? '(bytes that are not UTF-8 text)' : indented(body);
  return content === '' ? head : `${head}\n\n${content}`;
}

function coloured(text: string): string {
  if (text.length > BEAUTY_LIMIT) return escapeText(text);
  return hljs.highlight(text, { language: 'http', ignoreIllegals: true }).value;
}

/** The browser tells names in lower case. */
function spelling(name: string, promised: ExampleHeader[]): string {
  const known = promised.find((header) => header.name.toLowerCase() === name.toLowerCase());
  return known?.name ?? name.replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase());
}

/** JSON on several lines; a number keeps all its digits. */
function indented(body: string): string {
  const parsed = body.length > BEAUTY_LIMIT ? undefined : parseJson(body);
  return parsed === undefined ? body : JSON.stringify(parsed.value, withDigits, 2);
}

/** An engine that tells how a number was written can write it in that way again; TypeScript does not know of it yet. */
function withDigits(_: string, value: unknown): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON(source: string): unknown };
  return value instanceof ExactNumber ? rawJSON(value.source) : value;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
