// Opens ledgers on Redis for the contract of ledgers.
import { createClient } from 'redis';
import type { LedgerOptions } from '../../src/reference/ledger.ts';
import { RedisLedger } from '../../src/reference/ledgers/redis.ts';

/** @param place URL of the server, and the prefix of all keys after a `#`. */
export async function openLedger(place: string, options: LedgerOptions): Promise<RedisLedger> {
  const [url = '', prefix = ''] = place.split('#');
  const client = createClient({ url, disableOfflineQueue: true });
  client.on('error', () => undefined);
  await client.connect();
  return new RedisLedger(client, { prefix, ...options });
}

/**
 * Names and values of all keys of a place, each key on a line; but not the quotas, which Redis forgets by its own clock, and no test moves
 * that.
 */
export async function dumpKeys(place: string): Promise<string> {
  const [url = '', prefix = ''] = place.split('#');
  const client = await createClient({ url }).connect();
  try {
    const lines: string[] = [];
    for await (const names of client.scanIterator({ MATCH: `${prefix}*` })) {
      for (const name of names) {
        if (name.startsWith(`${prefix}quota:`)) continue;
        // DUMP may compress what it serializes.
        const read =
          { string: 'GET', hash: 'HGETALL', list: 'LRANGE', zset: 'ZRANGE' }[await client.type(name)] ?? 'GET';
        const all = read.endsWith('RANGE') ? ['0', '-1'] : [];
        lines.push(JSON.stringify([name, await client.sendCommand([read, name, ...all])]));
      }
    }
    return lines.join('\n');
  } finally {
    client.destroy();
  }
}
