import { checkDelay } from './bounds.ts';
import type { IdempotencyStore } from './store.ts';

/** Records deleted at once: some milliseconds of SQLite's time, for which a request may have to wait; `npm run bench -- keys` shows it. */
const PURGE_BATCH = 100;

/** Between two batches the store has time for requests; some four thousand records are deleted in a second. Milliseconds. */
const PURGE_PAUSE_MS = 10;

/** How often a server looks for what has expired: records are kept for a day, so that it need not be soon. Milliseconds. */
const PURGE_EVERY_MS = 60_000;

export interface PurgeOptions {
  /** The most that are deleted at once, 1 or more; {@link PURGE_BATCH} by default. */
  batch?: number;
  /** Between two batches, milliseconds; {@link PURGE_PAUSE_MS} by default. A server that takes more new keys than so are deleted waits less. */
  pauseMs?: number;
  /** Ends the purge after the batch that is under way. */
  signal?: AbortSignal;
}

/**
 * Deletes every record that has expired, in batches with pauses, so that requests hardly notice.
 * @returns how many were deleted.
 * @throws {StoreError} when the store cannot answer; what was deleted before stays deleted.
 * @throws {RangeError} for a batch of none, and for a pause that no timer can make.
 */
export async function purgeExpired(
  store: Pick<IdempotencyStore<never>, 'purge'>,
  { batch = PURGE_BATCH, pauseMs = PURGE_PAUSE_MS, signal }: PurgeOptions = {},
): Promise<number> {
  checkOptions(batch, pauseMs);
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
 * @throws {RangeError} as {@link purgeExpired}.
 */
export function keepPurged(
  store: Pick<IdempotencyStore<never>, 'purge'>,
  {
    everyMs = PURGE_EVERY_MS,
    batch = PURGE_BATCH,
    pauseMs = PURGE_PAUSE_MS,
  }: Omit<PurgeOptions, 'signal'> & { everyMs?: number } = {},
): () => Promise<void> {
  checkOptions(batch, pauseMs);
  checkDelay('everyMs', everyMs);
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const purge = () => {
    running = purgeExpired(store, { batch, pauseMs, signal: controller.signal })
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

function checkOptions(batch: number, pauseMs: number): void {
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new RangeError(`batch is ${batch}; it has to be a whole number, at least 1`);
  if (pauseMs !== 0) checkDelay('pauseMs', pauseMs);
}
