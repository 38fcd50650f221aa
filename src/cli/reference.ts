import { join, resolve } from 'node:path';
import type { Settings } from '../config/config.ts';
import { clientAddress } from '../http/client.ts';
import type { MountedApi } from '../http/mount.ts';
import type { Pack } from '../pack/read.ts';
import { createReferenceApi } from '../reference/api.ts';
import { SqliteLedger } from '../reference/ledgers/sqlite.ts';
import { type Arguments, type Io, optionText, usageError } from './command.ts';
import { docentVersion, stateFolder } from './settings.ts';

/** Where the API is mounted, below the base path, and what it has there. */
const API = '/api';
const OWN_PATHS = ['sandboxes', 'charges', 'idempotency-keys', 'openapi.json'];

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
 * @throws {CommandError} wrong usage, when help is served at the same paths.
 */
export function referenceApi(
  { base, siteUrl, helpPath }: Settings,
  file: string,
  pack: () => Pack,
  report: (error: unknown, request: Request) => void,
): MountedApi & { close(): Promise<void> } {
  if (`${API}/`.startsWith(`${helpPath}/`) || OWN_PATHS.some((path) => `${helpPath}/`.startsWith(`${API}/${path}/`)))
    throw usageError(
      `"api.helpPath" is ${helpPath}, where the reference API is`,
      'choose another path, such as /api/help, or turn "reference.enabled" off',
    );
  const prefix = `${base}${API}`;
  const pageUrl = (slug: string, request: Request) => {
    if (pack().resolve(slug) === undefined) return 'about:blank';
    return siteUrl === undefined ? new URL(`${base}/help/${slug}/`, request.url).href : `${siteUrl}/help/${slug}/`;
  };
  const api = createReferenceApi({
    open: () => new SqliteLedger(file),
    prefix,
    pageUrl,
    report,
    addressOf: clientAddress,
    version: docentVersion(),
  });
  return { prefix, except: `${base}${helpPath}`, answer: api.answer, close: api.close };
}
