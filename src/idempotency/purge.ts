import type { IdempotencyStore } from './store.ts';

/** Records deleted at once: some milliseconds of SQLite's time, for which a request may have to wait; `npm run bench -- keys` shows it. */
const PURGE_BATCH = 100;

/** Between two batches the store has time for requests; some four thousand records are deleted in a second. Milliseconds. */
const PURGE_PAUSE_MS = 10;

/** How often a server looks for what has expired: records are kept for a day, so that it need not be soon. Milliseconds. */
const PURGE_EVERY_MS = 60_000;

export interface PurgeOptions {
  /** The most that are deleted at once; {@link PURGE_BATCH} by default. */
  batch?: number;
  /** Between two batches, milliseconds; {@link PURGE_PAUSE_MS} by default. */
  pauseMs?: number;
  /** Ends the purge after the batch that is under way. */
  signal?: AbortSignal;
}

/**
 * Deletes every record that has expired, in batches with pauses, so that requests hardly notice.
 * @returns how many were deleted.
 * @throws {StoreError} when the store cannot answer; what was deleted before stays deleted.
 */
export async function purgeExpired(
  store: Pick<IdempotencyStore<never>, 'purge'>,
  { batch = PURGE_BATCH, pauseMs = PURGE_PAUSE_MS, signal }: PurgeOptions = {},
): Promise<number> {
  let deleted = 0;
  while (!signal?.aborted) {
    const count = await store.purge(Number.MAX_SAFE_INTEGER, batch);
    deleted += count;
    if (count < batch) break;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return deleted;
}

/**
 * Purges now and again for as long as a server runs. A store that cannot answer is asked again the next time.
 * @param everyMs from the end of one purge to the next; {@link PURGE_EVERY_MS} by default.
 * @returns a function that ends it, and resolves when the batch that is under way is done.
 */
export function keepPurged(
  store: Pick<IdempotencyStore<never>, 'purge'>,
  { everyMs = PURGE_EVERY_MS, ...options }: Omit<PurgeOptions, 'signal'> & { everyMs?: number } = {},
): () => Promise<void> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const purge = () => {
    running = purgeExpired(store, { ...options, signal: controller.signal })
      .catch(() => undefined)
      .then(() => {
        if (!controller.signal.aborted) wait();
      });
  };
  const wait = () => {
    timer = setTimeout(purge, everyMs);
    // A server that has nothing else to do may end. Only Node's timers keep a process.
    if (typeof timer === 'object') timer.unref?.();
  };
  wait();
  return async () => {
    controller.abort();
    clearTimeout(timer);
    await running;
  };
}
