import type { Durability } from '../config/config.ts';
import type { RedisServer } from '../idempotency/stores/redis.ts';
import { RedisLedger } from '../reference/ledgers/redis.ts';
import { CLIENT_OPTIONS, WatchedClient } from './redis-client.ts';
import { loadClient, type ReferenceStore } from './store.ts';

/** What a power loss or the end of the server loses, by how it writes to its disk. */
const LOSSES: Record<RedisServer['durability'], string | undefined> = {
  always: undefined,
  everysec: 'it writes to its disk once a second (appendfsync everysec), so a power loss may undo the last answers',
  no: 'it leaves the disk to the system (appendfsync no), so a power loss may undo the last answers',
  off: 'it keeps no append-only file (appendonly no), so its end may undo all answers since the last snapshot',
  unknown: 'it does not tell how it writes to its disk, so a power loss may undo the last answers',
};

/**
 * The reference API's data on a Redis or Valkey server.
 * @throws {CommandError} `environment`, when the package `redis` is not installed.
 */
export async function openRedis(
  { url, shown }: { url: string; shown: string },
  durability: Durability,
): Promise<ReferenceStore> {
  const { createClient } = await loadClient('redis', () => import('redis'));
  const client = new WatchedClient(() => createClient({ ...CLIENT_OPTIONS, url }));
  const ledger = new RedisLedger(client);
  const prepare = async () => {
    await client.connected();
    const loss = LOSSES[(await ledger.server()).durability];
    return loss === undefined || durability === 'relaxed'
      ? []
      : [`${loss}; set appendonly yes and appendfsync always, or accept it with --durability relaxed`];
  };
  return { open: () => ledger, server: { shown, prepare } };
}
