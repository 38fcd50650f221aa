import { createHash } from 'node:crypto';
import { join, posix } from 'node:path';
import type { ActionFile, ExamplePlace } from '../topic/compiled.ts';
import type { FrontMatter, Stability } from '../topic/descriptor.ts';
import { type Diagnostic, diagnose, type Finding, isError, type Position, START } from '../topic/diagnostic.ts';
import { byCodeUnit, reservedSegment, segmentsOf } from '../topic/id.ts';
import { type SplitSource, splitFrontMatter } from './frontmatter.ts';
import { type CompiledMarkdown, compileMarkdown } from './markdown/markdown.ts';
import { validate } from './schema.ts';
import { readAttachment, readSource, type SourceFile } from './source.ts';

/** A raw file beside a topic is a schema, a script, an image; a larger one belongs on a download server. Bytes. */
export const ATTACHMENT_LIMIT_BYTES = 5 * 1024 * 1024;

export interface CompileOptions {
  /** Nothing is inferred: topic, title and stability must be declared. */
  strict: boolean;
  defaultStability: Stability;
  allowHtml: boolean;
}

/** One source file, compiled alone: nothing in here depends on any other file. Plain data. */
export interface CompiledTopic
  extends Omit<CompiledMarkdown, 'heading' | 'findings' | 'seeAlso' | 'blocks' | 'examplePlaces'> {
  /** JSON of its blocks, as a pack stores them: on the way there nobody takes them apart. */
  blocks: string;
  source: SourceFile;
  /** Dotted id; empty for the landing text. */
  id: string;
  title: string;
  stability: Stability;
  /** Whether the file itself declares them: an overlay replaces only what it declares. */
  declares: { title: boolean; stability: boolean };
  front: FrontMatter;
  body: string;
  actions: ActionFile[];
  /** Real paths of the files of its actions. */
  attachments: { action: string; path: string }[];
  /** Where front-matter values stand, by path such as `see_also.0`. */
  places: Record<string, Place>;
  /** Where each example stands. */
  examplePlaces: ExamplePlace[];
  /** SHA-256 of the source text, hex. */
  hash: string;
}

/** The file is said too: a topic with overlays has values from several. */
export interface Place extends Position {
  file: string;
}

export interface CompileResult {
  /** Absent when the file has an error. */
  topic?: CompiledTopic;
  diagnostics: Diagnostic[];
}

/** Compiles one source file: front matter, schema, Markdown. All problems of the file are reported together. */
export function compileTopic(source: SourceFile, options: CompileOptions): CompileResult {
  const text = readSource(source);
  if (typeof text !== 'string') return { diagnostics: [diagnose(source.file, text)] };
  const split = splitFrontMatter(text);
  const findings: Finding[] = [...split.findings, ...checkFrontMatter(split, source, options)];
  const front = (split.data ?? {}) as FrontMatter;
  // Broken front matter leaves no title to compare with, but the body can still tell what is wrong with it.
  const markdown = compileBody(split, source, options);
  findings.push(...markdown.findings, ...checkSeeAlso(markdown.seeAlso, front, split));
  const actions = findings.some((finding) => finding.code === 'invalid-value')
    ? []
    : readActions(front, source, split, findings);
  const diagnostics = findings.map((finding) => diagnose(source.file, finding));
  if (diagnostics.some(isError)) return { diagnostics };
  const { heading, findings: _, seeAlso: __, ...compiled } = markdown;
  const topic: CompiledTopic = {
    ...compiled,
    blocks: JSON.stringify(compiled.blocks),
    source,
    id: source.id,
    title: front.title ?? heading ?? (source.id === '' ? '' : source.id),
    stability: front.stability ?? options.defaultStability,
    declares: { title: front.title !== undefined || heading !== undefined, stability: front.stability !== undefined },
    front,
    body: bodyOf(split).text,
    actions,
    attachments: Object.entries(front.actions ?? {}).map(([action, { file }]) => ({
      action,
      path: join(source.realRoot, actionPath(source, file)),
    })),
    places: placesOf(front, split, source.file),
    examplePlaces: compiled.examplePlaces.map((place) => ({ ...place, file: source.file })),
    hash: createHash('sha256').update(text).digest('hex'),
  };
  return { topic, diagnostics };
}

/** The body without leading blank lines, otherwise verbatim, and how many lines were dropped. */
function bodyOf(split: SplitSource): { text: string; dropped: number } {
  const blank = /^(?:[ \t]*\r?\n)+/.exec(split.body)?.[0] ?? '';
  return { text: split.body.slice(blank.length), dropped: blank.split('\n').length - 1 };
}

function compileBody(split: SplitSource, source: SourceFile, options: CompileOptions): CompiledMarkdown {
  const { text, dropped } = bodyOf(split);
  const front = (split.data ?? {}) as FrontMatter;
  return compileMarkdown(text.replace(/\r\n?/g, '\n'), {
    id: source.id,
    title: typeof front.title === 'string' ? front.title : undefined,
    ownsSeeAlso: Array.isArray(front.see_also) && front.see_also.length > 0,
    allowHtml: options.allowHtml,
    firstLine: split.bodyLine + dropped,
  });
}

function checkFrontMatter(split: SplitSource, source: SourceFile, options: CompileOptions): Finding[] {
  if (split.findings.length > 0) return [];
  const data = split.data ?? {};
  const problems = validate('frontmatter', data);
  const findings: Finding[] = problems.map(({ path, what, ...problem }) => ({
    ...split.locate(path, what),
    ...problem,
  }));
  const { topic } = data as FrontMatter;
  if (topic !== undefined && topic !== source.id && !problems.some(({ path }) => path[0] === 'topic')) {
    const expected = source.id === '' ? 'no topic (the landing text)' : `"${source.id}"`;
    const hint =
      source.id === ''
        ? 'remove the key'
        : `write "topic: ${source.id}", or move the file to ${topic.replaceAll('.', '/')}.md`;
    findings.push({
      ...split.locate(['topic']),
      code: 'id-differs-from-path',
      message: `"topic" is "${topic}", but the file's path makes it ${expected}`,
      hint,
    });
  }
  findings.push(...reservedAliases(data as FrontMatter, split));
  if (!options.strict || source.id === '') return findings;
  for (const key of ['topic', 'title', 'stability']) {
    if (key in data) continue;
    findings.push({
      ...START,
      code: 'missing-key',
      message: `"${key}" is missing, and a strict build infers nothing`,
      hint: `add "${key}:" to the front matter`,
    });
  }
  return findings;
}

/** Under a reserved name an alias would never be reached. */
function reservedAliases({ aliases }: FrontMatter, split: SplitSource): Finding[] {
  if (!Array.isArray(aliases)) return [];
  return aliases.flatMap((alias, index): Finding[] => {
    const reserved = typeof alias === 'string' ? reservedSegment(segmentsOf(alias)) : undefined;
    if (reserved === undefined) return [];
    const message = `"${reserved}" in the alias "${alias}" is reserved in URLs`;
    return [{ ...split.locate(['aliases', index]), code: 'reserved-segment', message, hint: 'choose another alias' }];
  });
}

/** Front matter decides what is related; a section that says something else is a slip of the author's. */
function checkSeeAlso(listed: string[] | undefined, front: FrontMatter, split: SplitSource): Finding[] {
  const declared = Array.isArray(front.see_also) ? front.see_also : [];
  // Anything but text in there has been reported.
  if (!declared.every((id) => typeof id === 'string')) return [];
  if (listed === undefined || declared.length === 0) return [];
  const missing = listed.filter((id) => !declared.includes(id));
  const extra = declared.filter((id) => !listed.includes(id));
  if (missing.length + extra.length === 0) return [];
  const parts = [
    ...(missing.length > 0 ? [`only the section has ${missing.join(', ')}`] : []),
    ...(extra.length > 0 ? [`only "see_also" has ${extra.join(', ')}`] : []),
  ];
  const message = `the SEE ALSO section and "see_also" differ: ${parts.join('; ')}`;
  return [
    {
      ...split.locate(['see_also'], 'key'),
      code: 'see-also-differs',
      message,
      hint: 'front matter counts; make the section say the same, or drop it',
    },
  ];
}

/** The path of an action's file below the source folder. */
function actionPath(source: SourceFile, file: string): string {
  return posix.normalize(posix.join(posix.dirname(source.path), file));
}

function readActions(front: FrontMatter, source: SourceFile, split: SplitSource, findings: Finding[]): ActionFile[] {
  const actions: ActionFile[] = [];
  for (const [name, action] of Object.entries(front.actions ?? {})) {
    if (typeof action?.file !== 'string') continue;
    const path = actionPath(source, action.file);
    const bytes = readAttachment(source, path, ATTACHMENT_LIMIT_BYTES);
    if (typeof bytes === 'string') {
      const reasons = {
        missing: `there is no file ${path} in the source`,
        outside: `${action.file} leads out of the source folder`,
        'too-large': `${path} is larger than ${ATTACHMENT_LIMIT_BYTES} bytes`,
      };
      findings.push({
        ...split.locate(['actions', name, 'file']),
        code: 'action-file',
        message: reasons[bytes],
        hint: 'the path is relative to this topic',
      });
      continue;
    }
    actions.push({ name, mediaType: action.media_type, description: action.description ?? '', bytes });
  }
  return actions.sort((a, b) => byCodeUnit(a.name, b.name));
}

/** Cross checks come later, when the YAML is gone; they need the places of the values that name other topics. */
function placesOf(front: FrontMatter, split: SplitSource, file: string): Record<string, Place> {
  const places: Record<string, Place> = {};
  const note = (...path: (string | number)[]) => {
    places[path.join('.')] = { ...split.locate(path), file };
  };
  for (const index of (front.see_also ?? []).keys()) note('see_also', index);
  for (const index of (front.aliases ?? []).keys()) note('aliases', index);
  for (const name of Object.keys(front.actions ?? {}))
    places[`actions.${name}`] = { ...split.locate(['actions', name], 'key'), file };
  if (front.replaced_by !== undefined) note('replaced_by');
  if (front.error !== undefined) places.error = { ...split.locate(['error'], 'key'), file };
  return places;
}
