// Topics by the thousand, made of Docent's own: as long, as varied and as much linked as what people write.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A word that may be put in the place of another: long enough to be no part of the grammar. */
const WORD = /(?<=[ (])[a-z]{5,}(?=[ ,.;)])/g;

/** How many words of a hundred are replaced. Enough that no two paragraphs are alike, few enough that lines keep their length. */
const REPLACED_PERCENT = 20;

/** Members of JSON whose text is for people; any other may be what an example is checked by. */
const PROSE_MEMBER = /^\s*"(title|detail|description|message)":/;

/**
 * Writes topics into a folder: the content again and again, each time below another parent, so that ids differ and links still lead
 * somewhere, with other words. The same arguments give the same files.
 * @param content folder of Markdown topics.
 * @param target folder that does not exist yet, or is empty.
 * @param count topics to write; at least as many as the content has.
 */
export function writeCorpus(content: string, target: string, count: number): void {
  const files = readdirSync(content, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((path) => ({ path, text: readFileSync(join(content, path), 'utf8') }));
  const vocabulary = [...new Set(files.flatMap(({ text }) => text.match(WORD) ?? []))].sort();
  const random = generator(1);
  for (let written = 0; written < count; written++) {
    const { path, text } = files[written % files.length] as (typeof files)[number];
    const part = `part-${Math.floor(written / files.length)}`;
    const file = join(target, part, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, vary(moveBelow(part, text), vocabulary, random));
  }
}

/** Parents first, so that a last part that is cut short lacks no parent. */
function rank(path: string): number {
  return path === 'index.md' ? 0 : path.split('/').length;
}

/** Every id in a topic, as an id below a parent. */
function moveBelow(parent: string, text: string): string {
  const [, head = '', body = text] = /^(---\n[\s\S]*?\n---\n)([\s\S]*)$/.exec(text) ?? [];
  const list = (ids: string) => ids.replace(/[\w.-]+/g, (id) => `${parent}.${id}`);
  const front = head
    .replace(/^(topic|replaced_by): (.*)$/gm, (_, key, id) => `${key}: ${parent}.${id}`)
    .replace(/^(see_also|aliases): \[(.*)\]$/gm, (_, key, ids) => `${key}: [${list(ids)}]`);
  // The last one: an example in a fence may have such a section too.
  const end = Math.max(body.lastIndexOf('\n## SEE ALSO\n'), 0) || body.length;
  const moved = body
    .slice(0, end)
    .replace(/^# ([\w.-]+)$/m, (_, id) => `# ${parent}.${id}`)
    .replace(/^(?=[\w.-]+ — )/m, `${parent}.`)
    .replaceAll('](/help/', `](/help/${parent}/`);
  return `${front}${moved}${body.slice(end).replace(/^- ([\w.-]+)$/gm, (_, id) => `- ${parent}.${id}`)}`;
}

function vary(text: string, vocabulary: string[], random: () => number): string {
  const pick = (word: string) =>
    random() * 100 < REPLACED_PERCENT ? (vocabulary[Math.floor(random() * vocabulary.length)] ?? word) : word;
  let fence: string | undefined;
  let isHead = false;
  const lines = text.split('\n').map((line, index) => {
    if (line === '---') isHead = index === 0;
    const mark = /^\s*```(.*)$/.exec(line)?.[1];
    if (mark !== undefined) fence = fence === undefined ? mark : undefined;
    const isProse = fence === undefined ? !/^(#|\s*```)/.test(line) : !/^http/.test(fence) || PROSE_MEMBER.test(line);
    // A link's address and what stands in backticks mean something.
    return isHead || !isProse
      ? line
      : line.replace(/(`[^`]*`|\]\([^)]*\))|[^`\]]+/g, (part, kept) => (kept ? part : part.replace(WORD, pick)));
  });
  return lines.join('\n');
}

/** Mulberry32: a small generator of numbers in [0, 1), the same ones for a seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
