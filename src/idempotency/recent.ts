/**
 * How many keys are remembered, at most; some 100 bytes each. A retry comes within seconds, or is rare. A power of two, because a key's place
 * is cut out of its hash.
 */
const PLACES = 2 ** 14;

/**
 * Keys that a process has met of late: a request with one of them is most likely a retry. A guess, on which nothing depends but the order in
 * which the store is asked; so the principal is left out, and a key that comes to the place of another takes it.
 */
export class RecentKeys {
  private readonly keys = new Array<string>(PLACES).fill('');

  add(key: string): void {
    this.keys[placeOf(key)] = key;
  }

  has(key: string): boolean {
    return this.keys[placeOf(key)] === key;
  }
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), folded, over the end of a key: that differs, where keys are counted. */
function placeOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = Math.max(0, key.length - HASHED); index < key.length; index++)
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 16)) & (PLACES - 1);
}

/** Characters; as many as a UUID has behind its first two parts. */
const HASHED = 24;

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
