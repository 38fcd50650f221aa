import type { CompiledTopic, Place } from '../compile/topic.ts';
import { type Diagnostic, diagnose, START } from '../topic/diagnostic.ts';
import { byCodeUnit, slugOf } from '../topic/id.ts';

/**
 * Brings the sources together by slug. Within one source two files for one slug clash, and the second is left out; a later
 * source overlays an earlier one: its body always counts, its title and stability where it declares them, and its `see_also`
 * is added unless it says `see_also_replace`.
 * @returns slug → topic; the landing text under the empty slug.
 */
export function mergeOverlays(sources: CompiledTopic[][], diagnostics: Diagnostic[]): Map<string, CompiledTopic> {
  const merged = new Map<string, CompiledTopic>();
  for (const source of sources) {
    const own = new Map<string, CompiledTopic>();
    for (const topic of source) {
      const slug = slugOf(topic.id);
      const before = own.get(slug);
      const below = merged.get(slug);
      const rival = before ?? (below !== undefined && below.id !== topic.id ? below : undefined);
      if (rival === undefined) own.set(slug, topic);
      else diagnostics.push(clash(topic, rival));
    }
    for (const [slug, topic] of own) {
      const below = merged.get(slug);
      merged.set(slug, below === undefined ? topic : overlay(below, topic));
    }
  }
  return merged;
}

function clash(topic: CompiledTopic, rival: CompiledTopic): Diagnostic {
  const url = topic.id === '' ? 'the landing text' : `/help/${slugOf(topic.id)}/`;
  const message = `${url} is already taken by ${rival.source.file}`;
  return diagnose(topic.source.file, {
    ...START,
    code: 'slug-clash',
    message,
    hint: 'rename or remove one of the two files',
  });
}

function overlay(below: CompiledTopic, above: CompiledTopic): CompiledTopic {
  const kept = above.front.see_also_replace ? [] : (below.front.see_also ?? []);
  const seeAlso = [...new Set([...kept, ...(above.front.see_also ?? [])])];
  const places = { ...below.places, ...above.places };
  for (const [index, id] of seeAlso.entries()) {
    const place = placeOfRelated(above, id) ?? placeOfRelated(below, id);
    if (place !== undefined) places[`see_also.${index}`] = place;
  }
  const actions = new Map([...below.actions, ...above.actions].map((action) => [action.name, action]));
  return {
    ...above,
    title: above.declares.title ? above.title : below.title,
    stability: above.declares.stability ? above.stability : below.stability,
    front: { ...below.front, ...above.front, see_also: seeAlso },
    attachments: [...below.attachments, ...above.attachments],
    actions: [...actions.values()].sort((a, b) => byCodeUnit(a.name, b.name)),
    places,
    hash: above.hash,
  };
}

function placeOfRelated({ front, places }: CompiledTopic, id: string): Place | undefined {
  return places[`see_also.${front.see_also?.indexOf(id)}`];
}
