import type { Ledger } from './ledger.ts';

/** An open file, and how many requests use it. */
interface Shared {
  ledger: Ledger;
  users: number;
  retired: boolean;
}

/** The use of a file by one request, which has to end it. */
export interface Lease {
  ledger: Ledger;
  end(): void;
}

/**
 * The open file, shared by the requests that are under way. A file that has failed, or that is no longer the one at its path, is closed
 * when the last of them is done: as long as one connection is open, SQLite lets a process see the file as it was.
 */
export class Connection {
  private readonly open: () => Ledger;
  private current: Shared | undefined;

  /** @param open opens the store, or throws a {@link StoreError} when that is not possible now. */
  constructor(open: () => Ledger) {
    this.open = open;
  }

  /** @throws {StoreError} when the file cannot be opened now. */
  lease(): Lease {
    // Without this, what is written to a file that was moved away would be promised, and lost with the last connection.
    if (this.current?.ledger.isInPlace() === false) this.retire();
    this.current ??= { ledger: this.open(), users: 0, retired: false };
    const shared = this.current;
    shared.users += 1;
    const end = () => {
      shared.users -= 1;
      closeUnused(shared);
    };
    return { ledger: shared.ledger, end };
  }

  /** Has the next request open the file anew: it may have been unmounted, restored or repaired. */
  retire(): void {
    const shared = this.current;
    this.current = undefined;
    if (shared === undefined) return;
    shared.retired = true;
    closeUnused(shared);
  }
}

function closeUnused({ ledger, users, retired }: Shared): void {
  if (retired && users === 0) ledger.close();
}
