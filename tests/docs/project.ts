// A project of a reader: a folder with the programs of a topic, and the packages that they import.
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../cli/support.ts';
import { type Files, temporaryFolder, writeFiles } from '../support.ts';

/**
 * A folder with these files, in which the packages of this project are installed, and `docent` itself, from its sources. (That the package
 * as it is published has them, too, is shown by `tests/package.test.ts`.)
 */
export function projectWith(files: Files): string {
  const folder = writeFiles(temporaryFolder(), { 'package.json': '{"type": "module", "private": true}', ...files });
  const packages = join(ROOT, 'node_modules');
  const scoped = (name: string) => readdirSync(join(packages, name)).map((part) => `${name}/${part}`);
  for (const name of readdirSync(packages).flatMap((name) => (name.startsWith('@') ? scoped(name) : name))) {
    if (name.startsWith('.')) continue;
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(packages, name), link);
  }
  installDocent(join(folder, 'node_modules', 'docent'));
  return folder;
}

/** Node strips types from the sources, because by their real path they are in no `node_modules`. */
function installDocent(folder: string): void {
  const { name, version, type, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const sources = Object.entries<string>(exports).flatMap(([path, target]) => {
    const source = target.replace(/^\.\/dist\/(.*)\.js$/, './src/$1.ts');
    return source === target ? [] : [[path, source]];
  });
  writeFiles(folder, {
    'package.json': JSON.stringify({ name, version, type, exports: Object.fromEntries(sources) }),
  });
  symlinkSync(join(ROOT, 'src'), join(folder, 'src'));
}
