// The reference API as a process of its own: `node server.ts OPTIONS`, as JSON. Prints its URL.
import { setTimeout } from 'node:timers';
import { listen } from '../../src/http/listen.ts';
import { createReferenceApi } from '../../src/reference/api.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import type { Limits } from '../../src/reference/quota.ts';

export interface ServerOptions {
  /** The file. */
  path: string;
  leaseMs?: number;
  limits?: Limits;
  /** Whom to run as, when the one who runs the tests may write everywhere. */
  user?: number;
}

if (process.argv[2] !== undefined) {
  const { path, leaseMs, limits = {}, user }: ServerOptions = JSON.parse(process.argv[2]);
  if (user !== undefined) {
    process.setgroups?.([]);
    process.setgid?.(user);
    process.setuid?.(user);
  }
  const api = createReferenceApi({
    open: () => new SqliteLedger(path),
    prefix: '/api',
    pageUrl: (slug) => `https://docs.example/help/${slug}/`,
    report: () => undefined,
    limits,
    ...(leaseMs === undefined ? {} : { execute: { leaseMs } }),
  });
  const { url } = await listen(api.answer, '127.0.0.1', 0);
  console.log(url);
  // Whatever becomes of the tests, this process does not outlive them for long.
  setTimeout(() => process.exit(1), 120_000).unref();
}
