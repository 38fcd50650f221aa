// The way to a store for a process that needs one of them, and has no time to load the others.
import type { Handle, ProvedStore } from './stores.ts';

const MODULES: Record<string, () => Promise<ProvedStore>> = {
  memory: async () => (await import('./memory.ts')).memory,
  sqlite: async () => (await import('./sqlite.ts')).sqlite,
  postgres: async () => (await import('./postgres.ts')).postgres,
  redis: async () => (await import('./redis.ts')).redis,
};

/**
 * A handle on a place of a store.
 * @param name of the store.
 */
export async function connectTo(name: string, address: string, now?: () => number): Promise<Handle> {
  const store = await MODULES[name]?.();
  if (store === undefined) throw new Error(`there is no store ${name}`);
  return store.connect(address, now);
}
