import type { Pack, TopicRow } from '../pack/read.ts';
import type { TopicDescriptor } from '../topic/descriptor.ts';
import { wordsOf } from '../topic/id.ts';
import { commandFor, mustHave, relatedTopics, type TopicRenderer } from './context.ts';
import { Layout, PLAIN, type TerminalStyle } from './terminal.ts';
import { RETRYABLE, STATE } from './words.ts';

/** `text/plain`: 80 columns, no escape sequences. */
export const textRenderer: TopicRenderer = {
  mediaType: 'text/plain',
  render: (pack, slug) => topicText(pack, slug, PLAIN),
};

/** A topic as a terminal page in the manner of `man`. Reads no Markdown: the pack holds it parsed. */
export function topicText(pack: Pack, slug: string, style: TerminalStyle): string {
  const { descriptor, blocks } = mustHave(pack.topic(slug), slug);
  const layout = new Layout(style);
  layout.header(descriptor.topic, `${pack.product.name} help`, pack.product.version ?? '');
  layout.title(descriptor.title);
  for (const fact of facts(descriptor)) layout.note(fact);
  layout.blocks(blocks);
  const children = pack.children(slug);
  if (children.length > 0) {
    layout.heading('SUBTOPICS');
    layout.definitions(children.map((row) => [wordsOf(row.topic), row.tagline]));
  }
  if (descriptor.actions.length > 0) {
    layout.heading('ACTIONS');
    const described = new Map(pack.actions(slug).map((action) => [action.name, action.description]));
    layout.definitions(
      descriptor.actions.map((name) => [`${commandFor(pack, descriptor.topic)} ${name}`, described.get(name) ?? '']),
    );
  }
  if (descriptor.see_also.length > 0) {
    layout.heading('SEE ALSO');
    layout.definitions(
      relatedTopics(pack, descriptor.see_also).map(({ id, row }) => [wordsOf(row?.topic ?? id), row?.tagline ?? '']),
    );
  }
  return layout.text();
}

/** What `help` without a topic shows: the landing text's first words and the top-level topics. */
export function overviewText(pack: Pack, style: TerminalStyle): string {
  const layout = new Layout(style);
  const { name, version, command } = pack.product;
  const landing = pack.landing();
  layout.header(name, 'help', version ?? '');
  const opening = landing?.blocks.find((block) => block.type === 'paragraph');
  if (opening !== undefined) layout.blocks([opening], 0);
  layout.heading('TOPICS');
  layout.definitions(pack.children(undefined).map((row: TopicRow) => [wordsOf(row.topic), row.tagline]));
  layout.heading('USAGE');
  layout.blocks([
    {
      type: 'paragraph',
      spans: [{ type: 'code', text: `${command} <topic>` }, ' shows one of them; a subtopic follows after a space.'],
    },
  ]);
  return layout.text();
}

function facts({ error, stability, version_added, version_deprecated, replaced_by }: TopicDescriptor): string[] {
  const lines: string[] = [];
  if (error !== undefined) {
    const { state = 'active', status, retryable } = error;
    const note = state === 'active' ? '' : ` · ${state}: ${STATE[state].meaning}`;
    lines.push(`HTTP ${status} · ${RETRYABLE[retryable].phrase}${note}`);
  }
  const life = [
    ...(stability === 'stable' ? [] : [stability]),
    ...(version_added === undefined ? [] : [`since ${version_added}`]),
    ...(version_deprecated === undefined ? [] : [`deprecated since ${version_deprecated}`]),
    ...(replaced_by === undefined ? [] : [`replaced by ${replaced_by}`]),
  ];
  if (life.length > 0) lines.push(life.join(' · '));
  return lines;
}
