import { resolve } from 'node:path';
import { nearest } from '../topic/nearest.ts';

/** What a store is written as, by kind. A URL of a scheme that only a fork's own tools know is handed on in the common spelling. */
const SCHEMES: Record<string, { kind: StoreLocation['kind']; as: string }> = {
  sqlite: { kind: 'sqlite', as: 'sqlite' },
  postgres: { kind: 'postgres', as: 'postgres' },
  postgresql: { kind: 'postgres', as: 'postgresql' },
  redis: { kind: 'redis', as: 'redis' },
  rediss: { kind: 'redis', as: 'rediss' },
  valkey: { kind: 'redis', as: 'redis' },
  valkeys: { kind: 'redis', as: 'rediss' },
};

const FORMS = 'sqlite:FILE, postgres://HOST/DATABASE or redis://HOST';

/** Where the reference API keeps its data. */
export type StoreLocation =
  | { kind: 'sqlite'; path: string }
  /** `shown` is the URL as a message may repeat it: without the password, and without parameters, which may hold one as well. */
  | { kind: 'postgres' | 'redis'; url: string; shown: string };

/** What is wrong with the text of a store, to be put after its name. No message repeats a URL: it may hold a password. */
export interface StoreFault {
  message: string;
  hint: string;
}

/** Reads `sqlite:FILE`, `postgres://…`, `redis://…` and their kin. A file's path is taken as it is. */
export function readStore(text: string): StoreLocation | StoreFault {
  const [, scheme = '', rest = ''] = /^([A-Za-z][\w+.-]*):(.*)$/s.exec(text) ?? [];
  if (scheme === '') return { message: 'does not begin with the kind of store', hint: `write ${FORMS}` };
  const known = Object.hasOwn(SCHEMES, scheme.toLowerCase()) ? SCHEMES[scheme.toLowerCase()] : undefined;
  if (known === undefined) {
    const near = nearest(scheme, Object.keys(SCHEMES));
    const hint = near === undefined ? `write ${FORMS}` : `did you mean ${near}:? (${FORMS})`;
    return { message: `begins with "${scheme}:", for which there is no store`, hint };
  }
  if (known.kind === 'sqlite') return readFile(rest);
  return readUrl(known.kind, `${known.as}:${rest}`);
}

function readFile(path: string): StoreLocation | StoreFault {
  const hint = 'write sqlite:FILE, such as sqlite:data/reference.sqlite or sqlite:/var/lib/docent/reference.sqlite';
  if (path === '') return { message: 'names no file', hint };
  if (/^\/\/[^/]/.test(path)) return { message: 'names a host, where SQLite has only files', hint };
  // SQLite's own word for a database that is gone with its connection: an answer that is promised has to outlive that.
  if (path === ':memory:') return { message: 'names no file that would outlive the process', hint };
  return { kind: 'sqlite', path };
}

function readUrl(kind: 'postgres' | 'redis', url: string): StoreLocation | StoreFault {
  const example = kind === 'postgres' ? 'postgres://user:password@host:5432/database' : 'redis://host:6379/0';
  // A PostgreSQL URL may have a user and no host, for a socket that a parameter names.
  const parsed = URL.parse(url) ?? (kind === 'postgres' ? URL.parse(url.replace('@/', '@localhost/')) : null);
  if (parsed === null || !/^\w+:\/\//.test(url)) {
    const hint = `write it like ${example}; in a password, # / ? @ : and % are written as %23 %2F %3F %40 %3A and %25`;
    return { message: `is no ${kind} URL`, hint };
  }
  if (kind === 'redis' && !/^\/?\d*$/.test(parsed.pathname))
    return { message: 'has no number for its database', hint: `write it like ${example}` };
  parsed.password = '';
  parsed.search = '';
  parsed.hash = '';
  return { kind, url, shown: parsed.href };
}

/** A store with the path of its file made absolute; everything else as it is. */
export function anchorStore(text: string, folder: string): string {
  const location = readStore(text);
  return 'kind' in location && location.kind === 'sqlite' ? `sqlite:${resolve(folder, location.path)}` : text;
}
