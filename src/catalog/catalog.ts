import { compileMarkdown } from '../compile/markdown/markdown.ts';
import type { CompiledTopic } from '../compile/topic.ts';
import type { Catalog, CatalogTopic, Landing } from '../topic/compiled.ts';
import { type ErrorFacts, inOrder, type TopicDescriptor } from '../topic/descriptor.ts';
import { type Diagnostic, type DiagnosticCode, diagnose, START } from '../topic/diagnostic.ts';
import { byCodeUnit, byTreeOrder, lastSegment, parentOf, segmentsOf, slugOf } from '../topic/id.ts';
import { nearest } from '../topic/nearest.ts';
import { LinkResolver } from './links.ts';
import { mergeOverlays } from './overlay.ts';

export interface CatalogResult {
  catalog: Catalog;
  diagnostics: Diagnostic[];
  /** Real paths of the files besides the topics' own that went into the catalog. */
  attachments: string[];
}

/**
 * Puts compiled files together. A file that clashes with another is left out and reported; nothing here stops the others.
 * @param sources the compiled files of each source, later sources overlaying earlier ones.
 */
export function buildCatalog(sources: CompiledTopic[][]): CatalogResult {
  const diagnostics: Diagnostic[] = [];
  const merged = mergeOverlays(sources, diagnostics);
  const landing = merged.get('');
  merged.delete('');
  const aliases = claimAliases(merged, diagnostics);
  dropClashingActions(merged, diagnostics);
  addMissingParents(merged, diagnostics);
  const compiled = inTreeOrder(merged);
  checkReferences(compiled, aliases, diagnostics);
  const resolver = new LinkResolver(compiled, aliases, diagnostics);
  const children = childrenOf(compiled);
  const topics = compiled.map((topic) => toCatalogTopic(topic, children.get(slugOf(topic.id)) ?? [], resolver));
  return {
    catalog: { topics, landing: landing && toLanding(landing, resolver), aliases, files: resolver.files },
    diagnostics,
    attachments: [...compiled.flatMap((topic) => topic.attachments.map(({ path }) => path)), ...resolver.attachments],
  };
}

function toCatalogTopic(topic: CompiledTopic, children: string[], resolver: LinkResolver): CatalogTopic {
  const { front } = topic;
  const descriptor: TopicDescriptor = {
    topic: topic.id,
    path: segmentsOf(topic.id),
    title: topic.title,
    synopsis: topic.synopsis,
    body: topic.body,
    sections: topic.sections,
    see_also: front.see_also ?? [],
    stability: topic.stability,
    actions: topic.actions.map((action) => action.name),
    ...(children.length > 0 ? { children } : {}),
    ...declared(front, [
      'exceptions',
      'aliases',
      'tags',
      'version_added',
      'version_deprecated',
      'replaced_by',
      'updated',
    ]),
    ...(topic.examples.length > 0 ? { examples: topic.examples } : {}),
    // An error that a topic documents is raised today unless the topic says otherwise; programs get that spelled out.
    ...(front.error === undefined ? {} : { error: withState(front.error) }),
  };
  const { html, blocks } = resolver.resolve(topic);
  const { tagline, outline, actions, examplePlaces, hash } = topic;
  const { error: errorPlace } = topic.places;
  return {
    descriptor: inOrder(descriptor),
    tagline,
    html,
    blocks,
    outline,
    actions,
    examplePlaces,
    ...(errorPlace === undefined ? {} : { errorPlace }),
    hash,
  };
}

/** Members in the order of the schema, as everywhere in a descriptor. */
function withState({ status, status_by_dialect, retryable, state = 'active', advice, codes }: ErrorFacts): ErrorFacts {
  return {
    status,
    ...(status_by_dialect === undefined ? {} : { status_by_dialect }),
    retryable,
    state,
    ...(advice === undefined ? {} : { advice }),
    ...(codes === undefined ? {} : { codes }),
  };
}

function declared(
  front: CompiledTopic['front'],
  names: (keyof CompiledTopic['front'] & keyof TopicDescriptor)[],
): Partial<TopicDescriptor> {
  return Object.fromEntries(names.filter((name) => front[name] !== undefined).map((name) => [name, front[name]]));
}

function toLanding(entry: CompiledTopic, resolver: LinkResolver): Landing {
  const { title, tagline, body, examples, examplePlaces } = entry;
  const run = examples.length > 0 ? { examples, examplePlaces } : {};
  const { html, blocks } = resolver.resolve(entry);
  return { title, tagline, body, html, blocks: JSON.parse(blocks), ...run };
}

/** Depth first, parents first, also where a child's id spells its parent in another case. */
function inTreeOrder(topics: Map<string, CompiledTopic>): CompiledTopic[] {
  const spell = (id: string): string => {
    const parent = parentOf(id);
    const own = lastSegment(topics.get(slugOf(id))?.id ?? id);
    return parent === undefined ? own : `${spell(parent)}.${own}`;
  };
  const keyed = [...topics.values()].map((topic) => ({ topic, key: spell(topic.id) }));
  return keyed.sort((a, b) => byTreeOrder(a.key, b.key)).map(({ topic }) => topic);
}

/** By slug: a folder may be spelled `CLI` where its parent's file is `cli.md`. */
function childrenOf(topics: CompiledTopic[]): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const { id } of topics) {
    const parent = parentOf(id);
    if (parent === undefined) continue;
    const list = children.get(slugOf(parent));
    if (list === undefined) children.set(slugOf(parent), [id]);
    else list.push(id);
  }
  for (const list of children.values()) list.sort((a, b) => byCodeUnit(lastSegment(a), lastSegment(b)));
  return children;
}

/** Every slug that will be a topic's: those of the files, and of the parents that they imply. */
function slugsOfTree(topics: Map<string, CompiledTopic>): Set<string> {
  const slugs = new Set(topics.keys());
  for (const { id } of topics.values())
    for (let parent = parentOf(id); parent !== undefined; parent = parentOf(parent)) slugs.add(slugOf(parent));
  return slugs;
}

/** Two topics never share a spelling: a file whose alias is taken is left out. */
function claimAliases(topics: Map<string, CompiledTopic>, diagnostics: Diagnostic[]): Map<string, string> {
  const aliases = new Map<string, string>();
  const names = slugsOfTree(topics);
  for (const [slug, topic] of topics) {
    const own = topic.front.aliases ?? [];
    const taken = own.findIndex((alias) => names.has(slugOf(alias)) || aliases.has(slugOf(alias)));
    if (taken < 0) {
      for (const alias of own) aliases.set(slugOf(alias), slug);
      continue;
    }
    const alias = own[taken] as string;
    const owner = topics.get(slugOf(alias)) ?? topics.get(aliases.get(slugOf(alias)) as string);
    const message = `alias "${alias}" is already the name of ${owner?.id ?? 'another topic'}`;
    report(diagnostics, topic, `aliases.${taken}`, 'alias-clash', message, 'choose another alias or drop it');
    topics.delete(slug);
  }
  return aliases;
}

/** `/help/x/y` cannot be both an action of x and the topic x.y. */
function dropClashingActions(topics: Map<string, CompiledTopic>, diagnostics: Diagnostic[]): void {
  const names = slugsOfTree(topics);
  for (const [slug, topic] of topics) {
    const clash = topic.actions.find(({ name }) => names.has(`${slug}/${name.toLowerCase()}`));
    if (clash === undefined) continue;
    const message = `action "${clash.name}" has the name of the topic ${topic.id}.${clash.name}`;
    report(diagnostics, topic, `actions.${clash.name}`, 'action-clash', message, 'rename the action');
    topics.delete(slug);
  }
}

function addMissingParents(topics: Map<string, CompiledTopic>, diagnostics: Diagnostic[]): void {
  for (const topic of [...topics.values()]) {
    for (let id = parentOf(topic.id); id !== undefined && !topics.has(slugOf(id)); id = parentOf(id)) {
      const path = `${id.replaceAll('.', '/')}.md`;
      report(diagnostics, topic, '', 'missing-parent', `its parent topic "${id}" has no file`, `write ${path}`);
      topics.set(slugOf(id), standIn(id, topic));
    }
  }
}

const EMPTY = { title: undefined, ownsSeeAlso: false, allowHtml: false, firstLine: 1 };

/** A parent that nobody wrote still has a page that lists its children. */
function standIn(id: string, child: CompiledTopic): CompiledTopic {
  const { heading: _, findings: __, seeAlso: ___, ...nothing } = compileMarkdown('', { ...EMPTY, id });
  const { source, stability } = child;
  return {
    ...nothing,
    blocks: '[]',
    actions: [],
    attachments: [],
    places: {},
    examplePlaces: [],
    source,
    id,
    title: lastSegment(id),
    stability,
    declares: { title: false, stability: false },
    front: {},
    body: '',
    hash: '',
  };
}

function checkReferences(topics: CompiledTopic[], aliases: Map<string, string>, diagnostics: Diagnostic[]): void {
  const ids = topics.map((topic) => topic.id);
  const slugs = new Set(ids.map(slugOf));
  const check = (topic: CompiledTopic, id: string, place: string, code: DiagnosticCode) => {
    if (slugs.has(slugOf(id)) || aliases.has(slugOf(id))) return;
    const near = nearest(id, ids);
    const hint = near === undefined ? 'it is printed without a link' : `did you mean "${near}"?`;
    report(diagnostics, topic, place, code, `there is no topic "${id}"`, hint);
  };
  for (const topic of topics) {
    for (const [index, id] of (topic.front.see_also ?? []).entries())
      check(topic, id, `see_also.${index}`, 'unknown-see-also');
    if (topic.front.replaced_by !== undefined)
      check(topic, topic.front.replaced_by, 'replaced_by', 'unknown-replaced-by');
  }
}

function report(
  diagnostics: Diagnostic[],
  topic: CompiledTopic,
  place: string,
  code: DiagnosticCode,
  message: string,
  hint: string,
): void {
  const { file, ...position } = topic.places[place] ?? { ...START, file: topic.source.file };
  diagnostics.push(diagnose(file, { ...position, code, message, hint }));
}
