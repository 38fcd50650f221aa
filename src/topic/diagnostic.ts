import { byCodeUnit } from './id.ts';
import { visible } from './visible.ts';

/**
 * Every diagnostic that compiling topics or running their examples can give, by its stable code. An error in a file leaves it out (and
 * stops a strict build); a warning does not. The topic `topics.diagnostics` explains each.
 */
export const DIAGNOSTICS = {
  'not-found': 'error',
  'empty-source': 'error',
  'unreadable-file': 'error',
  'outside-source': 'error',
  'unusable-name': 'error',
  'empty-file': 'error',
  'not-text': 'error',
  'file-too-large': 'error',
  'markdown-too-deep': 'error',
  'compile-timeout': 'error',
  'front-matter-language': 'error',
  'front-matter-not-a-map': 'warning',
  'yaml-syntax': 'error',
  'yaml-aliases': 'error',
  'unknown-key': 'error',
  'invalid-value': 'error',
  'missing-key': 'error',
  'id-differs-from-path': 'error',
  'reserved-segment': 'error',
  'slug-clash': 'error',
  'alias-clash': 'error',
  'action-clash': 'error',
  'action-file': 'error',
  'missing-parent': 'warning',
  'unknown-see-also': 'warning',
  'unknown-replaced-by': 'warning',
  'see-also-differs': 'warning',
  'broken-link': 'warning',
  'broken-image': 'warning',
  'unsafe-link': 'warning',
  'example-invalid': 'warning',
  'example-without-response': 'warning',
  'example-without-request': 'warning',
  'example-untagged': 'warning',
  'example-broken': 'error',
  'example-failed': 'error',
  'error-without-example': 'error',
  'no-examples': 'error',
} as const satisfies Record<string, Severity>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;
export type Severity = 'error' | 'warning';

/** A place in a file. Lines and columns count from 1; a column counts UTF-16 code units. */
export interface Position {
  line: number;
  column: number;
}

/** A finding in a text whose file name is not known yet. */
export interface Finding extends Position {
  code: DiagnosticCode;
  message: string;
  /** What to do about it. */
  hint?: string;
}

/** What is wrong, where, and what to do. */
export interface Diagnostic extends Finding {
  severity: Severity;
  /** The path as the author would type it. */
  file: string;
}

/** The place that stands for a whole file. */
export const START: Position = { line: 1, column: 1 };

/** Gives a finding its file and its severity. */
export function diagnose(file: string, finding: Finding): Diagnostic {
  const { line, column, code, message, hint } = finding;
  return { file, line, column, severity: DIAGNOSTICS[code], code, message, ...(hint === undefined ? {} : { hint }) };
}

/** Order of a report: by file, then by place. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  return byCodeUnit(a.file, b.file) || a.line - b.line || a.column - b.column || byCodeUnit(a.code, b.code);
}

/** `file:line:column: severity code: message`, with the hint on a line of its own. */
export function formatDiagnostic(d: Diagnostic): string {
  const place = `${d.file}:${d.line}:${d.column}`;
  const hint = d.hint === undefined ? '' : `\n  hint: ${d.hint}`;
  return visible(`${place}: ${d.severity} ${d.code}: ${d.message}${hint}`);
}

export function isError(d: Diagnostic): boolean {
  return d.severity === 'error';
}

/** `1 topic`, `2 topics`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `2 errors, 1 warning`; empty when there is neither. */
export function countDiagnostics(diagnostics: Diagnostic[]): string {
  const errors = diagnostics.filter(isError).length;
  const warnings = diagnostics.length - errors;
  const parts: string[] = [];
  if (errors > 0) parts.push(plural(errors, 'error'));
  if (warnings > 0) parts.push(plural(warnings, 'warning'));
  return parts.join(', ');
}
