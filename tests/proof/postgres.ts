// PostgreSQL as a proved store: a server for the calm proofs, and one to be harmed by those that harm.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Server } from '../../scripts/lib/daemon.mjs';
import { findPostgres, startPostgresServer } from '../../scripts/lib/postgres.mjs';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import type { Handle, Place, ProvedStore } from './stores.ts';

/** Of one handle: requests of one process that wait for each other are a case of their own. */
const CONNECTIONS = 4;

/** How long nobody can read or write the records. Milliseconds. */
const HALT_MS = 200;

async function newServer(): Promise<Server> {
  const programs = await findPostgres();
  assert.ok(programs, 'there is no PostgreSQL; `npm test` sets it up, or says how');
  return startPostgresServer(programs);
}

let calm: Promise<string> | undefined;

/** The server that nobody harms; it ends with this process. */
function calmUrl(): Promise<string> {
  const given = process.env.DOCENT_TEST_POSTGRES_URL;
  calm ??= given === undefined ? newServer().then(({ url }) => url) : Promise.resolve(given);
  return calm;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  // Whoever asks is told.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function newPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS });
  // Whoever uses it is told.
  pool.on('error', () => undefined);
  return pool;
}

async function open({ harmed = false } = {}): Promise<Place> {
  const server = harmed ? await newServer() : undefined;
  const url = server?.url ?? (await calmUrl());
  const name = `docent_proof_${randomUUID().replaceAll('-', '')}`;
  await query(url, `CREATE DATABASE ${name}`);
  const address = Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const pool = newPool(address);
  await new PostgresStore<pg.PoolClient>(pool).setUp();
  await pool.query('CREATE TABLE line (number serial, text text)');
  return {
    address,
    empty: async () => {
      await pool.query('DELETE FROM line; DELETE FROM idempotency_record');
    },
    lines: async () => (await pool.query('SELECT text FROM line ORDER BY number')).rows.map(({ text }) => text),
    close: async () => {
      await pool.end();
      if (server === undefined) await query(url, `DROP DATABASE ${name} WITH (FORCE)`);
      else await server.stop();
    },
    ...(server === undefined ? {} : { server, faults: faultsOf(server, address) }),
  };
}

function faultsOf(server: Server, address: string): Record<string, () => Promise<void>> {
  return {
    'server killed and restarted': async () => {
      await server.kill();
      await server.restart();
    },
    'server restarted': () => server.restart(),
    'connections cut': () =>
      query(
        server.url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
      ),
    'table locked': async () => {
      await query(address, `BEGIN; LOCK TABLE idempotency_record; SELECT pg_sleep(${HALT_MS / 1000}); COMMIT`);
      await sleep(HALT_MS);
    },
  };
}

function connect(address: string, now?: () => number): Handle {
  const pool = newPool(address);
  return {
    store: new PostgresStore<pg.PoolClient>(pool, now === undefined ? {} : { now }),
    write: async (client, line) => {
      await (client as pg.PoolClient).query('INSERT INTO line (text) VALUES ($1)', [line]);
    },
    drop: async () => {
      await pool.end();
    },
  };
}

export const postgres: ProvedStore = {
  name: 'postgres',
  transactional: true,
  drawsEarly: true,
  durable: true,
  hasServer: true,
  pace: { stepMs: 20, keyMs: 150, sequences: 60 },
  open,
  connect,
};
