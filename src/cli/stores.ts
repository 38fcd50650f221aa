import { join, resolve } from 'node:path';
import type { Durability, Settings } from '../config/config.ts';
import { readStore, type StoreLocation } from '../config/store.ts';
import { SqliteLedger } from '../reference/ledgers/sqlite.ts';
import { type Arguments, type Io, usageError } from './command.ts';
import { openPostgres } from './postgres-store.ts';
import { openRedis } from './redis-store.ts';
import { stateFolder } from './settings.ts';
import type { ReferenceStore } from './store.ts';

/** Name of the reference API's file in the data folder. */
const REFERENCE_FILE = 'reference.sqlite';

/**
 * Where the reference API keeps its data: `--store` or `--data`, else what the environment says, else the configuration, else the XDG
 * state folder.
 * @throws {CommandError} wrong usage, when both flags are given.
 */
export function storeLocation({ reference }: Settings, { flags }: Arguments, io: Io): StoreLocation {
  if (flags.store !== undefined && flags.data !== undefined)
    throw usageError('--store and --data both say where the data is', 'leave one of them out');
  if (typeof flags.data === 'string') return fileBelow(io, flags.data);
  const { DOCENT_REFERENCE_STORE: store, DOCENT_DATA: data } = io.env;
  if (flags.store === undefined && !store && data) return fileBelow(io, data);
  return reference.store === undefined ? fileBelow(io, stateFolder(io)) : locationOf(reference.store);
}

/** @throws {CommandError} wrong usage, for the text of a flag that nobody has checked yet. */
export function locationOf(store: string): StoreLocation {
  const location = readStore(store);
  if ('message' in location) throw usageError(`--store ${location.message}`, location.hint);
  return location;
}

function fileBelow(io: Io, folder: string): StoreLocation {
  return { kind: 'sqlite', path: join(resolve(io.cwd, folder), REFERENCE_FILE) };
}

/**
 * A store by its location. A file is opened when a request first needs it; a server is reached beside the requests.
 * @throws {CommandError} `environment`, when the client of its server is not installed.
 */
export async function referenceStore(location: StoreLocation, durability: Durability): Promise<ReferenceStore> {
  switch (location.kind) {
    case 'sqlite':
      return { open: () => new SqliteLedger(location.path, { durability }) };
    case 'redis':
      return openRedis(location, durability);
    case 'postgres':
      return openPostgres(location, durability);
  }
}
