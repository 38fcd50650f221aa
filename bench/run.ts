// Measures Docent against something that everybody has: ratios travel from one machine to another, times do not.
import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { inFolder, type Row, table, versionOf } from './lib/tools.ts';

/** Part → module; each exports `run(folder, only)`, where `only` is what follows a slash: `idempotency/sqlite`. A part that is not there yet is passed over. */
const PARTS: Record<string, string> = {
  help: './help.ts',
  http: './http.ts',
  render: './render.ts',
  compile: './compile.ts',
  idempotency: './idempotency.ts',
  keys: './keys.ts',
};

const wanted = new Map(
  process.argv.slice(2).map((word): [name: string, only: string | undefined] => {
    const [name = '', only] = word.split('/');
    return [name, only];
  }),
);
const unknown = [...wanted.keys()].find((name) => !Object.hasOwn(PARTS, name));
if (unknown !== undefined) {
  console.error(`bench: there is no part "${unknown}"; parts: ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}

console.log(machine());
for (const [name, path] of Object.entries(PARTS)) {
  if (wanted.size > 0 && !wanted.has(name)) continue;
  const file = new URL(path, import.meta.url);
  if (!existsSync(file)) continue;
  const part: { run(folder: string, only: string | undefined): Promise<Row[]> } = await import(file.href);
  const started = performance.now();
  const rows = await inFolder((folder) => part.run(folder, wanted.get(name)));
  console.log(`\n## ${name} (${((performance.now() - started) / 1000).toFixed(0)} s)\n\n${table(rows)}`);
}

function machine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const tools = ['wrk', 'hyperfine', 'hugo'].map((tool) => `${tool} ${versionOf(tool) ?? 'is not installed'}`);
  return [
    `${processors[0]?.model ?? 'unknown processor'}, ${processors.length} cores, ${memory}, ${process.platform}`,
    `node ${process.version}, ${tools.join(', ')}`,
  ].join('\n');
}
