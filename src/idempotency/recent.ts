/** How many keys are remembered, and as many of those before them; some 100 bytes each. A retry comes within seconds, or is rare. */
const GENERATION = 10_000;

/**
 * Keys that a process has met of late: a request with one of them is most likely a retry. A guess, on which nothing depends but the order in
 * which the store is asked; so the principal is left out.
 */
export class RecentKeys {
  private young = new Set<string>();
  private old = new Set<string>();

  add(key: string): void {
    if (this.young.size === GENERATION) {
      this.old = this.young;
      this.young = new Set();
    }
    this.young.add(key);
  }

  has(key: string): boolean {
    return this.young.has(key) || this.old.has(key);
  }
}

const byStore = new WeakMap<object, RecentKeys>();

/** Those of a store. */
export function recentKeysOf(store: object): RecentKeys {
  let keys = byStore.get(store);
  if (keys === undefined) {
    keys = new RecentKeys();
    byStore.set(store, keys);
  }
  return keys;
}
