import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';

/** Which modules of `src/` a module may import, beside itself: the table of the architecture, row by row. */
export const LAYERS: Record<string, { layer: number; mayImport?: string[] }> = {
  topic: { layer: 0 },
  idempotency: { layer: 0 },
  compile: { layer: 1 },
  config: { layer: 2 },
  catalog: { layer: 2 },
  pack: { layer: 2, mayImport: ['topic'] },
  example: { layer: 2, mayImport: ['topic'] },
  build: { layer: 3 },
  render: { layer: 3 },
  reference: { layer: 3 },
  http: { layer: 4 },
  export: { layer: 4 },
  cli: { layer: 5 },
  theme: { layer: 5 },
};

/** The Astro folders are one module: routes, layouts and components of the theme. */
const THEME = new Set(['pages', 'layouts', 'components', 'styles', 'theme', 'middleware.ts', 'env.d.ts']);

/** Packages with exactly one door. */
export const DOORS: Record<string, RegExp> = {
  'gray-matter': /^compile\/frontmatter\.ts$/,
  marked: /^compile\/markdown\/[a-z]+\.ts$/,
  ajv: /^compile\/schema\.ts$/,
  'ajv-formats': /^compile\/schema\.ts$/,
};

export interface SourceText {
  /** Path below `src/`. */
  path: string;
  text: string;
}

export function readSources(root: URL): SourceText[] {
  const folder = new URL('src/', root).pathname;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(ts|mjs|astro)$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
}

/** Every rule that a file breaks, in words. */
export function violations({ path, text }: SourceText): string[] {
  const own = moduleOf(path);
  const layer = LAYERS[own]?.layer;
  if (layer === undefined) return [`${path}: "${own}" is in no layer`];
  const found: string[] = [];
  for (const specifier of importsOf(path, text)) {
    if (specifier.startsWith('.')) {
      const target = moduleOf(posix.normalize(posix.join(posix.dirname(path), specifier)));
      if (target !== own && !mayImport(own, target)) found.push(`${path}: ${own} must not import ${target}`);
    } else {
      found.push(...packageViolations(path, layer, specifier));
    }
  }
  if (layer < 5 && /\bprocess\s*\.\s*env\b|import\.meta\.env/.test(text))
    found.push(`${path}: reads the environment below layer 5`);
  return found;
}

/** Every module that is loaded with these, by path below `src/`, and what each imports from Node. */
export function nodeImportsBehind(sources: SourceText[], entries: string[]): string[] {
  const texts = new Map(sources.map(({ path, text }) => [path, text]));
  const seen = new Set(entries);
  const found: string[] = [];
  for (const path of seen) {
    for (const specifier of importsOf(path, texts.get(path) ?? '')) {
      if (specifier.startsWith('node:')) found.push(`${path}: ${specifier}`);
      if (specifier.startsWith('.')) seen.add(posix.normalize(posix.join(posix.dirname(path), specifier)));
    }
  }
  return found;
}

function mayImport(own: string, target: string): boolean {
  const rule = LAYERS[own];
  const to = LAYERS[target];
  if (rule === undefined || to === undefined) return false;
  return rule.mayImport === undefined ? to.layer < rule.layer : rule.mayImport.includes(target);
}

function packageViolations(path: string, layer: number, specifier: string): string[] {
  if (layer < 5 && /^astro(:|\/|$)/.test(specifier)) return [`${path}: imports ${specifier} below layer 5`];
  const name = specifier.startsWith('@')
    ? specifier.split('/').slice(0, 2).join('/')
    : (specifier.split('/')[0] as string);
  if (!specifier.startsWith('node:') && builtinModules.includes(name)) return [`${path}: write node:${name}`];
  const door = DOORS[name];
  return door === undefined || door.test(path) ? [] : [`${path}: only ${door.source} may import ${name}`];
}

function moduleOf(path: string): string {
  const first = path.split('/')[0] as string;
  return THEME.has(first) ? 'theme' : first;
}

/** The specifiers of all imports and re-exports, types and literal dynamic imports included. */
function importsOf(path: string, text: string): string[] {
  const code = path.endsWith('.astro') ? (/^---\n([\s\S]*?)\n---/.exec(text)?.[1] ?? '') : text;
  const { module, errors } = parseSync(path.replace(/\.astro$/, '.ts'), code, { sourceType: 'module' });
  // A component's code may return at top level, which is no module.
  if (errors.length > 0 && !path.endsWith('.astro')) throw new Error(`${path}: ${errors[0]?.message}`);
  return [
    ...module.staticImports.map((entry) => entry.moduleRequest.value),
    ...module.staticExports.flatMap((entry) =>
      entry.entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap(
      ({ moduleRequest: { start, end } }) => /^(['"])(.*)\1$/.exec(code.slice(start, end))?.[2] ?? [],
    ),
  ];
}
