import { existsSync, readFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import type { SourceFolder } from '../compile/source.ts';
import { DEFAULT_STABILITY, type DocentConfig, type Product, type Stability } from '../topic/descriptor.ts';
import { anchorStore } from './store.ts';

const CONFIG_NAME = 'docent.config.json';

const DEFAULT_HELP_PATH = '/api/help';
const DEFAULT_COMMAND = 'docent help';

/** Folder names that say what is inside rather than whose it is. */
const GENERIC_FOLDERS = new Set([
  'content',
  'contents',
  'doc',
  'docs',
  'documentation',
  'help',
  'topics',
  'src',
  'node_modules',
]);

/** What a commit of the reference API survives: a power loss as well, or only the end of the process. */
export type Durability = 'full' | 'relaxed';

/** How the reference API is served, if it is. */
export interface ReferenceSettings {
  /** Whether it is served beside the help. */
  enabled: boolean;
  /** As {@link readStore} reads it, a file's path absolute; absent where nobody has named one. */
  store?: string;
  durability: Durability;
  /** Addresses and subnets of proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: string[];
  /** Quotas that differ from the usual ones; 0 for none. */
  limits: { requestsPerMinute?: number; sandboxesPerHour?: number };
}

/** Everything that decides what a build gives, and the reference API beside it, with all defaults filled in. */
export interface Settings {
  product: Product;
  /** Sources in order, paths absolute. */
  content: SourceFolder[];
  /** Public address without a trailing slash. */
  siteUrl?: string;
  siteTitle: string;
  /** Prefix of every URL, from the path of `siteUrl`; empty at the root. */
  base: string;
  strict: boolean;
  defaultStability: Stability;
  allowHtml: boolean;
  helpPath: string;
  reference: ReferenceSettings;
}

/** A configuration file without its byte order mark, read but not checked: checking loads a validator, which a reader of help does not wait for. */
export interface ConfigFile {
  path: string;
  text: string;
}

/**
 * The nearest `docent.config.json` in `start` or above it. The search ends at a `node_modules` folder: what lies in there
 * is somebody else's, and not configured by the project around it.
 */
export function findConfig(start: string): ConfigFile | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const path = join(folder, CONFIG_NAME);
    if (existsSync(path)) return read(path);
    if (basename(folder) === 'node_modules' || dirname(folder) === folder) return undefined;
  }
}

/** @returns undefined when the file cannot be read. */
export function readConfig(path: string): ConfigFile | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

function read(path: string): ConfigFile {
  return { path, text: readFileSync(path, 'utf8').replace(/^\uFEFF/, '') };
}

/** Which environment variable stands for which member of the configuration. */
const ENVIRONMENT: Record<string, [path: string, kind: 'text' | 'flag' | 'list' | 'words']> = {
  DOCENT_PRODUCT_NAME: ['product.name', 'text'],
  DOCENT_PRODUCT_COMMAND: ['product.command', 'text'],
  DOCENT_PRODUCT_VERSION: ['product.version', 'text'],
  DOCENT_PRODUCT_RELEASE_URL: ['product.releaseUrl', 'text'],
  DOCENT_CONTENT: ['content', 'list'],
  DOCENT_SITE_URL: ['site.url', 'text'],
  DOCENT_SITE_TITLE: ['site.title', 'text'],
  DOCENT_STRICT: ['strict', 'flag'],
  DOCENT_DEFAULT_STABILITY: ['defaultStability', 'text'],
  DOCENT_ALLOW_HTML: ['allowHtml', 'flag'],
  DOCENT_API_HELP_PATH: ['api.helpPath', 'text'],
  DOCENT_REFERENCE_ENABLED: ['reference.enabled', 'flag'],
  DOCENT_REFERENCE_STORE: ['reference.store', 'text'],
  DOCENT_REFERENCE_DURABILITY: ['reference.durability', 'text'],
  DOCENT_REFERENCE_TRUSTED_PROXIES: ['reference.trustedProxies', 'words'],
};

/** The configuration that the environment asks for, in the shape of the file. An empty variable counts as unset. */
export function configFromEnvironment(environment: Record<string, string | undefined>): DocentConfig {
  const config: Record<string, unknown> = {};
  for (const [name, [path, kind]] of Object.entries(ENVIRONMENT)) {
    const text = environment[name];
    if (text === undefined || text === '') continue;
    const value = settingOf(text, kind);
    const [first, second] = path.split('.') as [string, string?];
    if (second === undefined) config[first] = value;
    else config[first] = { ...(config[first] as object | undefined), [second]: value };
  }
  return config as DocentConfig;
}

function settingOf(text: string, kind: 'text' | 'flag' | 'list' | 'words'): unknown {
  if (kind === 'list') return text.split(delimiter);
  // An IPv6 address is full of what separates folders.
  if (kind === 'words') return text.split(/[\s,]+/).filter(Boolean);
  return kind === 'flag' && /^(1|true|0|false)$/.test(text) ? /^(1|true)$/.test(text) : text;
}

/** A configuration in which the file of a store is found from everywhere: it is relative to where the configuration comes from. */
export function anchored(config: DocentConfig, folder: string): DocentConfig {
  const store = config.reference?.store;
  return store === undefined
    ? config
    : { ...config, reference: { ...config.reference, store: anchorStore(store, folder) } };
}

/** Later configurations win, member by member. */
export function mergeConfigs(...configs: DocentConfig[]): DocentConfig {
  const merged: DocentConfig = {};
  for (const config of configs) {
    const { product, site, api, reference, ...rest } = config;
    Object.assign(merged, rest);
    if (product) merged.product = { ...merged.product, ...product };
    if (site) merged.site = { ...merged.site, ...site };
    if (api) merged.api = { ...merged.api, ...api };
    if (reference) merged.reference = { ...merged.reference, ...reference };
  }
  return merged;
}

/**
 * Fills in every default.
 * @param configFolder what the `content` of the configuration is relative to.
 * @param sources absolute paths named on the command line; they replace the configured ones.
 * @param show a path as a person would type it.
 */
export function settle(
  config: DocentConfig,
  configFolder: string,
  sources: string[],
  show = (path: string) => path,
): Settings {
  const paths = sources.length > 0 ? sources : (config.content ?? []).map((path) => resolve(configFolder, path));
  const content = paths.map((path) => ({ path, shown: show(path) }));
  const name = config.product?.name ?? nameFromFolder(paths[0] ?? configFolder);
  const { version, releaseUrl } = config.product ?? {};
  const product: Product = { name, command: config.product?.command ?? DEFAULT_COMMAND };
  if (version !== undefined) product.version = version;
  if (releaseUrl !== undefined) product.releaseUrl = releaseUrl.replaceAll('{version}', () => version ?? '');
  const siteUrl = config.site?.url === undefined ? undefined : new URL(config.site.url).href.replace(/\/+$/, '');
  return {
    product,
    content,
    ...(siteUrl === undefined ? {} : { siteUrl }),
    siteTitle: config.site?.title ?? name,
    base: siteUrl === undefined ? '' : new URL(siteUrl).pathname.replace(/\/+$/, ''),
    strict: config.strict ?? false,
    defaultStability: config.defaultStability ?? DEFAULT_STABILITY,
    allowHtml: config.allowHtml ?? false,
    helpPath: config.api?.helpPath ?? DEFAULT_HELP_PATH,
    reference: referenceOf(config),
  };
}

/** Who names a store for the reference API wants the API. */
function referenceOf({ reference = {} }: DocentConfig): ReferenceSettings {
  const { store, enabled = store !== undefined, durability = 'full', trustedProxies = [], limits = {} } = reference;
  return { enabled, ...(store === undefined ? {} : { store }), durability, trustedProxies, limits };
}

/** `…/acme/docs` is about acme. */
function nameFromFolder(path: string): string {
  const absolute = resolve(path);
  const name = basename(absolute);
  const owner = basename(dirname(absolute));
  return (GENERIC_FOLDERS.has(name.toLowerCase()) && owner !== '' ? owner : name) || 'Help';
}
