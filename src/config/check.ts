import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { type SchemaProblem, validate } from '../compile/schema.ts';
import type { DocentConfig } from '../topic/descriptor.ts';
import { type Diagnostic, diagnose, type Position, START } from '../topic/diagnostic.ts';
import type { ConfigFile } from './config.ts';

/** What is wrong with a configuration, by the published schema. */
export function checkConfig(config: unknown): SchemaProblem[] {
  return validate('config', config);
}

/** Parses and validates a configuration file. `shown` is its path as printed in diagnostics. */
export function parseConfig(file: ConfigFile, shown = file.path): { config: DocentConfig; diagnostics: Diagnostic[] } {
  const text = file.text.replace(/^\uFEFF/, '');
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec(String(error));
    const offset = at === null ? text.length : Number(at[1]);
    const before = text.slice(0, offset).split('\n');
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
