import type { Settings } from '../config/config.ts';
import { clientAddress, proxyList } from '../http/client.ts';
import type { MountedApi } from '../http/mount.ts';
import type { Observer } from '../idempotency/index.ts';
import type { Pack } from '../pack/read.ts';
import { createReferenceApi } from '../reference/api.ts';
import { usageError } from './command.ts';
import { docentVersion } from './settings.ts';
import type { ReferenceStore } from './store.ts';

/** Where the API is mounted, below the base path, and what it has there. */
const API = '/api';
const OWN_PATHS = ['sandboxes', 'charges', 'idempotency-keys', 'openapi.json'];

/** What the reference API stands on. */
export interface ReferenceParts {
  store: ReferenceStore;
  /** Is told of every decision about a request with an idempotency key. */
  observe?: Observer | undefined;
}

/**
 * The reference API of a site.
 * @param pack the catalog in service, in which the pages of errors are looked up.
 * @throws {CommandError} wrong usage, when help is served at the same paths.
 */
export function referenceApi(
  { base, siteUrl, helpPath, reference: { trustedProxies, limits } }: Settings,
  { store, observe }: ReferenceParts,
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
  const proxies = proxiesOf(trustedProxies);
  const api = createReferenceApi({
    open: () => store.open(),
    prefix,
    pageUrl,
    report,
    addressOf: (request) => clientAddress(request, proxies),
    limits,
    version: docentVersion(),
    execute: observe === undefined ? {} : { observe },
  });
  return { prefix, except: `${base}${helpPath}`, answer: api.answer, close: api.close };
}

/** @throws {CommandError} wrong usage, for what is no address. */
function proxiesOf(texts: string[]): ReturnType<typeof proxyList> {
  try {
    return proxyList(texts);
  } catch (error) {
    const { message } = error as Error;
    const hint = 'write an address or a subnet, such as 10.0.0.0/8 or fd00::/8';
    throw usageError(`"reference.trustedProxies" has "${message}", which is neither an address nor a subnet`, hint);
  }
}
