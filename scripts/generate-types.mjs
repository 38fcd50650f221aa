// Writes src/topic/schema.generated.ts from schemas/*.schema.json: the schemas are the one definition of every public shape.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compile } from 'json-schema-to-typescript';

const SCHEMAS = new URL('../schemas/', import.meta.url);
const TARGET = new URL('../src/topic/schema.generated.ts', import.meta.url);
const ROOTS = ['frontmatter', 'descriptor', 'manifest', 'payload', 'versions', 'errors', 'config'];

/** The generated module's text. A root that refers to every schema makes shared definitions come out once. */
export async function generateTypes() {
  const root = {
    title: 'PublicShapes',
    type: 'object',
    additionalProperties: false,
    required: ROOTS,
    properties: Object.fromEntries(ROOTS.map((name) => [name, { $ref: `${name}.schema.json` }])),
  };
  return compile(/** @type {import("json-schema-to-typescript").JSONSchema} */ (root), 'PublicShapes', {
    cwd: fileURLToPath(SCHEMAS),
    bannerComment: '// Generated from schemas/ by `npm run generate`; a test fails when the two differ. Do not edit.',
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 120 },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await generateTypes();
  const before = await readFile(TARGET, 'utf8').catch(() => '');
  if (text !== before) await writeFile(TARGET, text);
}
