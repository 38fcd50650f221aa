import { join, resolve } from 'node:path';
import type { Settings } from '../config/config.ts';
import type { MountedApi } from '../http/mount.ts';
import type { Pack } from '../pack/read.ts';
import { createReferenceApi } from '../reference/api.ts';
import { type Arguments, type Io, optionText } from './command.ts';
import { stateFolder } from './settings.ts';

/** Name of the reference API's file in the data folder. */
const REFERENCE_FILE = 'reference.sqlite';

/** Where the reference API keeps its data: `--data`, else the XDG state folder. */
export function referenceFile(args: Arguments, io: Io): string {
  const named = optionText(args, io, 'data');
  return join(named === undefined ? stateFolder(io) : resolve(io.cwd, named), REFERENCE_FILE);
}

/**
 * The reference API of a site.
 * @param file its SQLite file; nothing is opened before the first request.
 * @param pack the catalog in service, in which the pages of errors are looked up.
 */
export function referenceApi(
  { base, siteUrl, helpPath }: Settings,
  file: string,
  pack: () => Pack,
  report: (error: unknown, request: Request) => void,
): MountedApi & { close(): void } {
  const prefix = `${base}/api`;
  const pageUrl = (slug: string, request: Request) => {
    if (pack().resolve(slug) === undefined) return 'about:blank';
    return siteUrl === undefined ? new URL(`${base}/help/${slug}/`, request.url).href : `${siteUrl}/help/${slug}/`;
  };
  const api = createReferenceApi({ path: file, prefix, pageUrl, report });
  return { prefix, except: `${base}${helpPath}`, answer: api.answer, close: api.close };
}
