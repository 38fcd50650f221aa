// Other idempotency libraries from npm, installed when they are measured: they are no dependency of ours.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './tools.ts';

/** Exact, so that the figures say what they are of. */
const PACKAGES = {
  '@node-idempotency/core': '1.0.11',
  '@node-idempotency/storage-adapter-memory': '1.0.2',
  '@node-idempotency/storage-adapter-redis': '1.0.2',
  express: '5.3.0',
  'express-idempotency': '1.0.6',
  'express-idempotency-redis-adapter': '1.0.8',
};

/** Mode of `peer-server.ts` → its name, and what it does not do; found in its source. */
export const PEERS: Record<string, { title: string; lacks: string }> = {
  'node-idempotency': {
    title: '@node-idempotency/core 1.0.11',
    lacks: 'no lease, no transaction, no scope: a crash blocks the key for a day, callers share their keys',
  },
  'express-idempotency': {
    title: 'express-idempotency 1.0.6',
    lacks: 'looks first and writes later; no lease, no transaction, no scope; answers before it stores',
  },
};

/**
 * The folder with the packages, beside what npm keeps for this clone.
 * @throws {Error} when npm cannot install them, with what it said.
 */
export function installedPeers(): string {
  const folder = join(ROOT, 'node_modules/.cache/docent-bench-peers');
  const versions = JSON.stringify({ private: true, dependencies: PACKAGES });
  const done = join(folder, 'package-lock.json');
  if (existsSync(done)) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), versions);
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm cannot install the libraries to compare with:\n${stderr}`);
  return folder;
}
