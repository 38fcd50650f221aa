// Stores that several servers share, each on a real server of its own that a test may kill and restart.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startPostgres } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import { temporaryFolder, writeFiles } from './support.ts';

/** A store that can be away for a while. */
export interface SharedStore {
  /** As `--store` takes it. */
  store: string;
  /** Makes it unable to answer. */
  takeAway(): Promise<void>;
  giveBack(): Promise<void>;
}

export const STORES: [name: string, start: () => Promise<SharedStore>][] = [
  ['SQLite', startFile],
  ['PostgreSQL', async () => onServer(await startPostgres({ durable: true }))],
  ['Redis', async () => onServer(await startRedis({ settings: { appendonly: 'yes', appendfsync: 'always' } }))],
];

async function startFile(): Promise<SharedStore> {
  const path = join(temporaryFolder(), 'shared.sqlite');
  let stranger: DatabaseSync | undefined;
  return {
    store: `sqlite:${path}`,
    takeAway: async () => {
      stranger = new DatabaseSync(path, { timeout: 10_000 });
      // Others can still read.
      stranger.exec('BEGIN IMMEDIATE');
    },
    giveBack: async () => {
      stranger?.exec('ROLLBACK');
      stranger?.close();
    },
  };
}

function onServer(server: { url: string; kill(): Promise<void>; restart(): Promise<void> }): SharedStore {
  return { store: server.url, takeAway: () => server.kill(), giveBack: () => server.restart() };
}

/** A project with one topic, whose configuration says nothing of the reference API. */
export function project(): string {
  return writeFiles(temporaryFolder(), { 'docent.config.json': '{"content": ["topics"]}', 'topics/a.md': '# A\n' });
}
