import type { Ledger } from './ledger.ts';

/** An open store, and how many requests use it. */
interface Shared {
  ledger: Ledger;
  users: number;
  retired: boolean;
  closing: boolean;
  closed: PromiseWithResolvers<void>;
}

/** The use of a store by one request, which has to end it. */
export interface Lease {
  ledger: Ledger;
  /** The store could not answer: whatever does not find back to its data by itself is opened anew for the next request. */
  failed(): void;
  end(): void;
}

/**
 * The open store, shared by the requests that are under way. A file that has failed, or that is no longer the one at its path, is closed
 * when the last of them is done: as long as one connection is open, SQLite lets a process see the file as it was.
 */
export class Connection {
  private readonly open: () => Ledger;
  private current: Shared | undefined;
  /** Everything that is not closed yet, the current one included. */
  private readonly opened = new Set<Shared>();

  /** @param open opens the store, or throws a {@link StoreError} when that is not possible now. */
  constructor(open: () => Ledger) {
    this.open = open;
  }

  /** @throws {StoreError} when the store cannot be opened now. */
  lease(): Lease {
    // Without this, what is written to a file that was moved away would be promised, and lost with the last connection.
    if (this.current?.ledger.isInPlace() === false) this.retire(this.current);
    this.current ??= this.share(this.open());
    const shared = this.current;
    shared.users += 1;
    return {
      ledger: shared.ledger,
      failed: () => {
        if (!shared.ledger.reconnects) this.retire(shared);
      },
      end: () => {
        shared.users -= 1;
        this.closeUnused(shared);
      },
    };
  }

  /** Closes the store as soon as no request uses it any more. */
  async close(): Promise<void> {
    if (this.current !== undefined) this.retire(this.current);
    await Promise.all([...this.opened].map(({ closed }) => closed.promise));
  }

  private share(ledger: Ledger): Shared {
    const shared = { ledger, users: 0, retired: false, closing: false, closed: Promise.withResolvers<void>() };
    this.opened.add(shared);
    return shared;
  }

  /** Has the next request open the store anew: its file may have been unmounted, restored or repaired. */
  private retire(shared: Shared): void {
    if (this.current === shared) this.current = undefined;
    shared.retired = true;
    this.closeUnused(shared);
  }

  private async closeUnused(shared: Shared): Promise<void> {
    if (!shared.retired || shared.users > 0 || shared.closing) return;
    shared.closing = true;
    try {
      await shared.ledger.close();
    } catch {
      // What cannot be closed in order is gone all the same.
    }
    this.opened.delete(shared);
    shared.closed.resolve();
  }
}
