import { findNodeAtLocation, type ParseError, parseTree } from 'jsonc-parser';
import { type SchemaProblem, validate } from '../compile/schema.ts';
import type { DocentConfig } from '../topic/descriptor.ts';
import { type Diagnostic, diagnose, type Position } from '../topic/diagnostic.ts';
import type { ConfigFile } from './config.ts';
import { readStore } from './store.ts';

/** Paths of the server itself, below which nothing else can be mounted. */
const TAKEN = /^\/(help|errors|schemas|_astro)(\/|$)/;

/** What is wrong with a configuration, by the published schema and beyond: a pattern can tell neither a URL nor a path that is taken. */
export function checkConfig(config: unknown): SchemaProblem[] {
  const problems = validate('config', config);
  if (problems.length > 0) return problems;
  const { site, api, reference } = config as DocentConfig;
  const wrong = (path: [string, string], message: string, hint: string): SchemaProblem => {
    return { code: 'invalid-value', path, what: 'value', message, hint };
  };
  if (site?.url !== undefined && !isSiteUrl(site.url)) {
    const message = `"site.url" is "${site.url}", which is no address of a site`;
    problems.push(wrong(['site', 'url'], message, 'write it as https://docs.example.com/base'));
  }
  if (api?.helpPath !== undefined && TAKEN.test(api.helpPath)) {
    const message = `"api.helpPath" is "${api.helpPath}", which the server uses itself`;
    problems.push(wrong(['api', 'helpPath'], message, 'write it like /api/help'));
  }
  if (reference?.store !== undefined) {
    const store = readStore(reference.store);
    if ('message' in store)
      problems.push(wrong(['reference', 'store'], `"reference.store" ${store.message}`, store.hint));
  }
  return problems;
}

function isSiteUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.search === '' && parsed.hash === '';
}

/** Parses and validates a configuration file. `shown` is its path as printed in diagnostics. */
export function parseConfig(file: ConfigFile, shown = file.path): { config: DocentConfig; diagnostics: Diagnostic[] } {
  const { text } = file;
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true });
  if (tree === undefined || errors.length > 0) {
    const position = positionAt(text, errors[0]?.offset ?? 0);
    const hint = 'it must be one JSON object; see the topic "config"';
    const finding = { ...position, code: 'invalid-value' as const, message: 'this is not valid JSON', hint };
    return { config: {}, diagnostics: [diagnose(shown, finding)] };
  }
  const config = JSON.parse(text) as DocentConfig;
  const diagnostics = checkConfig(config).map(({ path, what, ...problem }) => {
    // The validator names an entry of a list by its number as text.
    const node = findNodeAtLocation(
      tree,
      path.map((key) => (/^\d+$/.test(String(key)) ? Number(key) : key)),
    );
    // A member's parent is the pair of its key and its value.
    const place = what === 'key' ? (node?.parent?.children?.[0] ?? node) : node;
    return diagnose(shown, { ...positionAt(text, place?.offset ?? 0), ...problem });
  });
  return { config, diagnostics };
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) as string).length + 1 };
}
