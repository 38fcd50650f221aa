// Database servers of the benchmark's own: what it measures must not depend on how somebody else's are set.
import { Client } from 'pg';
import type { Server } from '../../scripts/lib/daemon.mjs';
import { findPostgres, startPostgresServer } from '../../scripts/lib/postgres.mjs';
import { findRedis, startRedisServer } from '../../scripts/lib/redis.mjs';
import type { Durability } from './effects.ts';

/** By store: what starts a server; undefined where its programs are not installed. */
export const SERVERS: Record<string, (durability: Durability) => Promise<Server | undefined>> = {
  postgres: async (durability) => {
    const programs = await findPostgres();
    const settings = { synchronous_commit: durability === 'full' ? 'on' : 'off' };
    return programs && startPostgresServer(programs, { durable: true, settings });
  },
  redis: async (durability) => {
    const program = await findRedis();
    const appendfsync = durability === 'full' ? 'always' : 'everysec';
    // A rewrite of the file would meet the one or the other.
    const settings = { appendonly: 'yes', appendfsync, 'auto-aof-rewrite-percentage': '0' };
    return program === undefined ? undefined : startRedisServer(program, { settings });
  },
};

/** Makes an empty database on a PostgreSQL server. @returns its URL. */
export async function newDatabase(url: string, name: string): Promise<string> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}
