/** Extends a lease again and again, for as long as the work takes. */
export class Heart {
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly controller = new AbortController();
  private readonly renew: () => Promise<'renewed' | 'lease-lost'>;
  private readonly lost: () => Error;
  private beat: Promise<void> | undefined;
  private stopped = false;

  /** @param lost the reason that {@link signal} gives when the lease is lost. */
  constructor(renew: () => Promise<'renewed' | 'lease-lost'>, everyMs: number, lost: () => Error) {
    this.renew = renew;
    this.lost = lost;
    this.timer = setInterval(() => {
      // A store that takes longer than that to answer is not asked twice at a time.
      this.beat ??= this.beatOnce();
    }, everyMs);
  }

  /** Aborted when somebody else has the lease. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** @returns once no renewal is under way: a late one would extend what has been given up. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.beat;
  }

  private async beatOnce(): Promise<void> {
    try {
      // Of a claim that has been completed meanwhile the store says the same, and it is no loss.
      if ((await this.renew()) === 'lease-lost' && !this.stopped) this.controller.abort(this.lost());
    } catch {
      // A store that cannot answer now may at the next beat; the commit checks the token in any case.
    } finally {
      this.beat = undefined;
    }
  }
}
