import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { type SchemaProblem, validate } from '../compile/schema.ts';
import type { DocentConfig } from '../topic/descriptor.ts';
import { type Diagnostic, diagnose, type Position, START } from '../topic/diagnostic.ts';
import type { ConfigFile } from './config.ts';

/** Paths of the server itself, below which nothing else can be mounted. */
const TAKEN = /^\/(help|schemas|_astro)(\/|$)/;

/** What is wrong with a configuration, by the published schema and beyond: a pattern can tell neither a URL nor a path that is taken. */
export function checkConfig(config: unknown): SchemaProblem[] {
  const problems = validate('config', config);
  if (problems.length > 0) return problems;
  const { site, api } = config as DocentConfig;
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
  return problems;
}

function isSiteUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.search === '' && parsed.hash === '';
}

/** Parses and validates a configuration file. `shown` is its path as printed in diagnostics. */
export function parseConfig(file: ConfigFile, shown = file.path): { config: DocentConfig; diagnostics: Diagnostic[] } {
  const text = file.text.replace(/^\uFEFF/, '');
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    const before = text.slice(0, errorOffset(text)).split('\n');
    const position = { line: before.length, column: (before.at(-1) as string).length + 1 };
    const hint = 'it must be one JSON object; see the topic "config"';
    return {
      config: {},
      diagnostics: [diagnose(shown, { ...position, code: 'invalid-value', message: 'this is not valid JSON', hint })],
    };
  }
  const locate = locator(text);
  const diagnostics = checkConfig(config).map(({ path, what, ...problem }) =>
    diagnose(shown, { ...locate(path, what), ...problem }),
  );
  return { config: config as DocentConfig, diagnostics };
}

/** Where a text stops being JSON. V8 says so, except for an unexpected token: that is found by cutting the text shorter. */
function errorOffset(text: string): number {
  const message = jsonError(text);
  const at = /^(?!Unexpected token ).* position (\d+)/.exec(message);
  if (at !== null) return Number(at[1]);
  let unfinished = message.startsWith('Unexpected token ') ? 0 : text.length;
  for (let wrong = text.length; wrong - unfinished > 1; ) {
    const middle = Math.floor((unfinished + wrong) / 2);
    if (jsonError(text.slice(0, middle)).startsWith('Unexpected token ')) wrong = middle;
    else unfinished = middle;
  }
  return unfinished;
}

function jsonError(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return (error as SyntaxError).message;
  }
}

/** JSON is YAML, whose parser knows where everything stands. */
function locator(text: string): (path: (string | number)[], what: 'key' | 'value') => Position {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  return (path, what) => {
    const parent = document.getIn(path.slice(0, -1), true) ?? document.contents;
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === path.at(-1))
      : undefined;
    const node =
      (what === 'key' ? pair?.key : undefined) ??
      (path.length === 0 ? undefined : document.getIn(path, true)) ??
      document.contents;
    const range = (node as { range?: [number, number, number] } | null | undefined)?.range;
    if (!range) return START;
    const { line, col } = lines.linePos(range[0]);
    return { line, column: col };
  };
}
