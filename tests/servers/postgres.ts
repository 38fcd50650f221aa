// Real PostgreSQL servers for the tests of a file; all of them end with it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after } from 'node:test';
import { Client } from 'pg';
import type { Server } from '../../scripts/lib/daemon.mjs';
import { findPostgres, startPostgresServer } from '../../scripts/lib/postgres.mjs';

export type { Server } from '../../scripts/lib/daemon.mjs';

type Ending = () => Promise<unknown>;
const endings: Ending[] = [];
after(async () => {
  // Databases before the servers that they are on.
  for (const end of endings.reverse()) await end();
});

let shared: Promise<string> | undefined;

export interface PostgresOptions {
  /** What is committed survives a power loss; by default it survives only the end of the server, which is quicker. */
  durable?: boolean;
  /** Of postgresql.conf. */
  settings?: Record<string, string>;
}

/** A server of its own, which a test may kill, restart and stop; its URL names a database that is empty. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Server> {
  const programs = await findPostgres();
  assert.ok(programs, 'there is no PostgreSQL; `npm test` sets it up, or says how');
  const server = await startPostgresServer(programs, options);
  endings.push(() => server.stop());
  return server;
}

/**
 * The URL of an empty database of its own, on the server that `DOCENT_TEST_POSTGRES_URL` names or, without it, on one that all tests
 * of the file share.
 */
export async function postgresDatabase(): Promise<string> {
  shared ??= sharedServer();
  const url = new URL(await shared);
  const name = `docent_${randomUUID().replaceAll('-', '')}`;
  await query(url.href, `CREATE DATABASE ${name}`);
  endings.push(() => query(`${url.href}`, `DROP DATABASE ${name} WITH (FORCE)`));
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

async function sharedServer(): Promise<string> {
  return process.env.DOCENT_TEST_POSTGRES_URL ?? (await startPostgres()).url;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
