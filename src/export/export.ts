import { setImmediate } from 'node:timers/promises';
import type { HelpSite } from '../render/documents.ts';
import { entries } from './entries.ts';
import { SiteFolder } from './folder.ts';

export interface ExportResult {
  /** How many files the site has. */
  files: number;
  /** Pairs of files whose names differ in case only: a file system that ignores it keeps one of the two. */
  alike: [string, string][];
}

/**
 * Writes a site as static files. Memory does not grow with the number of topics, but for their summaries and the documents that list
 * them all.
 * @param path absolute; absent, an empty folder, or a site of an earlier build, which it replaces.
 * @param signal ends the work between two files; the earlier site stays.
 * @throws {ExportError} when the site cannot be written or may not, and the reason of the signal; then the earlier site is still there, and
 * nothing of the new one.
 */
export async function exportSite(site: HelpSite, path: string, signal: AbortSignal): Promise<ExportResult> {
  const folder = new SiteFolder(path);
  const names = new Map<string, string>();
  const alike: [string, string][] = [];
  try {
    for (const { file, body } of entries(site)) {
      folder.write(file, await body());
      const other = names.get(file.toLowerCase());
      if (other !== undefined && other !== file) alike.push([other, file]);
      names.set(file.toLowerCase(), file);
      // Lets a signal come in, which rendering and writing alone would not.
      await setImmediate();
      signal.throwIfAborted();
    }
    return { files: folder.publish(), alike };
  } catch (error) {
    folder.discard();
    throw error;
  }
}
