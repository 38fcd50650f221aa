import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../config/config.ts';
import { PACK_FORMAT, type Stamp } from '../pack/format.ts';
import { Pack } from '../pack/read.ts';

/** Where the pack of these settings lies below a cache folder: the name depends on sources, configuration and compiler. */
export function cachedPackPath(cacheFolder: string, settings: Settings, compilerVersion: string): string {
  const identity = { ...settings, content: settings.content.map(({ path }) => path), compilerVersion, PACK_FORMAT };
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 24);
  return join(cacheFolder, `${name}.pack`);
}

/**
 * Opens a cached pack if it still says what its sources say: one `stat` for each source file and folder.
 * @returns undefined when it is missing, stale, damaged or of another format: then it has to be built again.
 */
export function openFresh(path: string): Pack | undefined {
  let pack: Pack | undefined;
  try {
    pack = new Pack(path);
    if (pack.stamps().every(isCurrent)) return pack;
  } catch {
    // Whatever is wrong with it, building it again mends it.
  }
  pack?.close();
  return undefined;
}

function isCurrent({ path, size, mtimeMs }: Stamp): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.mtimeMs !== mtimeMs) return false;
  return stat.isDirectory() ? size === -1 : stat.size === size;
}
