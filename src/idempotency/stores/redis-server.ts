import { StoreError } from '../store.ts';
import type { RedisConnection } from './redis-client.ts';

/** What a Redis or Valkey server is like, as far as records depend on it. */
export interface RedisServer {
  version: string;
  /**
   * `appendfsync`, when there is an appended file: with `always` an answer that was given survives a power loss. `off` without one, and
   * `unknown` where the server does not tell.
   */
  durability: 'always' | 'everysec' | 'no' | 'off' | 'unknown';
  /** `maxmemory-policy`: only with `noeviction` nothing is dropped when memory is full. */
  eviction: string;
}

/**
 * Asks a server what it is like. One that tells nothing (some providers forbid the question) is taken.
 * @throws {StoreError} when records cannot be entrusted to it, or it does not answer.
 */
export async function serverOf(connection: RedisConnection, acceptEviction: boolean): Promise<RedisServer> {
  const info = String((await connection.ask('INFO')) ?? '');
  const told = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const eviction = told('maxmemory_policy') ?? 'unknown';
  if (told('cluster_enabled') === '1')
    throw new StoreError('unavailable', 'Redis Cluster is not supported: use a server of its own', undefined);
  // Without a limit nothing is dropped.
  const dropsKeys = told('maxmemory') !== '0' && eviction !== 'noeviction' && eviction !== 'unknown';
  if (dropsKeys && !acceptEviction) {
    const message = `Redis drops keys when its memory is full (maxmemory-policy ${eviction}), and a retry would then be executed again: set noeviction, or accept it (acceptEviction)`;
    throw new StoreError('unavailable', message, undefined);
  }
  const durability = told('aof_enabled') === '0' ? 'off' : await appendFsync(connection);
  return { version: told('redis_version') ?? 'unknown', durability, eviction };
}

async function appendFsync(connection: RedisConnection): Promise<RedisServer['durability']> {
  const setting = JSON.stringify(await connection.ask('CONFIG', 'GET', 'appendfsync'));
  const [, value = 'unknown'] = /"(always|everysec|no)"/.exec(setting ?? '') ?? [];
  return value as RedisServer['durability'];
}
