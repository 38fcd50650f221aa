// What the tests of the compile side share: real files in real folders, and diagnostics as a person reads them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type BuildResult, buildSync } from '../src/build/build.ts';
import { listSource } from '../src/compile/source.ts';
import { type CompiledTopic, type CompileOptions, type CompileResult, compileTopic } from '../src/compile/topic.ts';
import { type Settings, settle } from '../src/config/config.ts';
import type { Block } from '../src/topic/block.ts';
import type { Catalog, CatalogTopic } from '../src/topic/compiled.ts';
import type { DocentConfig } from '../src/topic/descriptor.ts';
import { type Diagnostic, formatDiagnostic } from '../src/topic/diagnostic.ts';

export type Files = Record<string, string | Uint8Array>;

/** How diagnostics print the path of a source that a test made. */
export const SHOWN = 'docs';

const scratch = mkdtempSync(join(tmpdir(), 'docent-compile-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A folder of its own, removed when the test file ends. */
export function temporaryFolder(): string {
  return mkdtempSync(join(scratch, 'case-'));
}

/** Writes files by path; answers the folder. */
export function writeFiles(folder: string, files: Files): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** A temporary folder with these files. */
export function folderWith(files: Files): string {
  return writeFiles(temporaryFolder(), files);
}

/** A committed folder below `tests/fixtures/`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}/`, import.meta.url));
}

/** Diagnostics as they are printed. */
export function printed(diagnostics: Diagnostic[]): string[] {
  return diagnostics.map(formatDiagnostic);
}

/** The codes of diagnostics, in order. */
export function codes(diagnostics: Diagnostic[]): string[] {
  return diagnostics.map(({ code }) => code);
}

const LENIENT: CompileOptions = { strict: false, defaultStability: 'evolving', allowHtml: false };

/** Compiles one text, written to a file of this path in a folder of its own. */
export function compileFile(
  text: string | Uint8Array,
  path = 'topic.md',
  options: Partial<CompileOptions> = {},
): CompileResult {
  const { files, diagnostics } = listSource({ path: folderWith({ [path]: text }), shown: SHOWN });
  const [file] = files;
  return file === undefined ? { diagnostics } : compileTopic(file, { ...LENIENT, ...options });
}

/** The same for a text without errors. */
export function compiled(text: string, path?: string, options?: Partial<CompileOptions>): CompiledTopic {
  const { topic, diagnostics } = compileFile(text, path, options);
  if (topic === undefined) throw new Error(`it did not compile:\n${printed(diagnostics).join('\n')}`);
  return topic;
}

/** Settings for folders, as the command line makes them; diagnostics print them as `docs`, `docs2`, … */
export function settingsFor(folders: string[], config: DocentConfig = {}): Settings {
  const settings = settle(config, folders[0] ?? '', folders);
  const content = folders.map((path, index) => ({ path, shown: index === 0 ? SHOWN : `${SHOWN}${index + 1}` }));
  return { ...settings, content };
}

/** Builds sources, later ones overlaying earlier ones. */
export function buildFiles(sources: Files | Files[], config: DocentConfig = {}): BuildResult {
  return buildSync(settingsFor([sources].flat().map(folderWith), config));
}

/** A catalog that must exist, whatever was reported about it. */
export function catalogOf({ catalog, diagnostics }: BuildResult): Catalog {
  if (catalog === undefined) throw new Error(`nothing was built:\n${printed(diagnostics).join('\n')}`);
  return catalog;
}

/** A topic of a build, by id. */
export function topicOf(result: BuildResult, id: string): CatalogTopic {
  const topic = catalogOf(result).topics.find(({ descriptor }) => descriptor.topic === id);
  if (topic === undefined) throw new Error(`there is no topic ${id}:\n${printed(result.diagnostics).join('\n')}`);
  return topic;
}

/** What a terminal shows of a compiled topic. */
export function blocksOf(topic: { blocks: string }): Block[] {
  return JSON.parse(topic.blocks);
}

/** The ids of a build, in order. */
export function idsOf(result: BuildResult): string[] {
  return catalogOf(result).topics.map(({ descriptor }) => descriptor.topic);
}
