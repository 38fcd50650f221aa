// Writes src/reference/errors.generated.ts from the topics in content/errors: an error that is not documented cannot be raised.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from '../src/build/build.ts';
import { settle } from '../src/config/config.ts';

const CONTENT = fileURLToPath(new URL('../content/', import.meta.url));
const TARGET = new URL('../src/reference/errors.generated.ts', import.meta.url);

const BANNER =
  '// Generated from content/errors/ by `npm run generate`; a test fails when the two differ. Do not edit.';

/** The generated module's text. */
export async function generateErrors() {
  const { catalog } = await build(settle({ strict: true }, CONTENT, [CONTENT]));
  if (catalog === undefined) throw new Error('content/ has errors: npm run build tells which');
  const entries = catalog.topics.flatMap(({ descriptor: { topic, title, error } }) => {
    if (error?.state !== 'active' || !topic.startsWith('errors.')) return [];
    const name = topic.slice('errors.'.length);
    const { status, status_by_dialect: statusByDialect, retryable, advice, codes } = error;
    return [[name, { title: meaning(title), status, statusByDialect, retryable, advice, codes }]];
  });
  const lines = entries.map(([name, facts]) => `  ${name}: ${JSON.stringify(facts)},`);
  return `${BANNER}\n/** Every error that this server raises, by the last segment of its topic's id. */\nexport const ERRORS = {\n${lines.join('\n')}\n} as const;\n`;
}

/** `NOT_FOUND — nothing is at that path` → `Nothing is at that path`. @param {string} title */
function meaning(title) {
  const text = title.split(' — ').slice(1).join(' — ') || title;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await generateErrors();
  const before = await readFile(TARGET, 'utf8').catch(() => '');
  if (text !== before) await writeFile(TARGET, text);
}
