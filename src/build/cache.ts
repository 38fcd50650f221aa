import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../config/config.ts';
import { PACK_FORMAT, type Stamp } from '../pack/format.ts';
import { Pack } from '../pack/read.ts';

/** The size of a stamp that is no file: its path is the settings that the pack was built with. */
const SETTINGS_SIZE = -2;

/** Where the pack of these settings lies below a cache folder: the name depends on sources, configuration and compiler. */
export function cachedPackPath(cacheFolder: string, settings: Settings, compilerVersion: string): string {
  const identity = JSON.stringify([settingsStamp(settings).path, compilerVersion, PACK_FORMAT]);
  return join(cacheFolder, `${fnv1a(identity)}.pack`);
}

/** What a cached pack was built with. Two settings may share a name, by chance or on purpose, but not this. */
export function settingsStamp({ reference: _, ...settings }: Settings): Stamp {
  // The reference API changes no topic; and its store may be a URL with a password, which a pack is no place for.
  const path = JSON.stringify({ ...settings, content: settings.content.map((source) => source.path) });
  return { path, size: SETTINGS_SIZE, mtimeMs: 0 };
}

/**
 * Opens a cached pack if it was built with these settings and still says what its sources say: one `stat` for each source file and folder.
 * @returns undefined when it is missing, stale, damaged or of another format: then it has to be built again.
 */
export function openFresh(path: string, settings: Settings): Pack | undefined {
  let pack: Pack | undefined;
  try {
    pack = new Pack(path);
    const stamps = pack.stamps();
    const own = settingsStamp(settings).path;
    const isOwn = stamps.some((stamp) => stamp.size === SETTINGS_SIZE && stamp.path === own);
    if (isOwn && stamps.every((stamp) => stamp.size === SETTINGS_SIZE || isCurrent(stamp))) return pack;
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

/**
 * FNV-1a, 64 bits, hex: http://www.isthe.com/chongo/tech/comp/fnv/. A cryptographic hash would be no gain for a name whose pack is checked,
 * and loading Node's takes a reader of help a quarter of the time there is.
 */
function fnv1a(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}
