import { existsSync, type FSWatcher, watch } from 'node:fs';
import type { SourceFolder } from '../compile/source.ts';
import { CommandError, Exit } from './command.ts';

/** An editor saves in several steps; one rebuild is enough for all of them. Milliseconds. */
const QUIET_MS = 80;

/** How often to look whether a folder that was removed is there again. Milliseconds. */
const RETURN_MS = 500;

/**
 * Calls back when something below the sources may have changed, never again before it is done. A source folder that is removed and made again, as by a change of
 * branch, is found again.
 */
export class SourceWatch {
  private readonly sources: SourceFolder[];
  private readonly changed: (signal: AbortSignal) => Promise<void>;
  private readonly say: (message: string) => void;
  private watchers: FSWatcher[] = [];
  private timer: NodeJS.Timeout | undefined;
  private gone = false;
  private readonly closing = new AbortController();
  /** A callback that is under way, and whether something has changed since it began. */
  private running = false;
  private again = false;

  /** @throws {CommandError} `environment`, when a folder may not be watched. */
  constructor(
    sources: SourceFolder[],
    changed: (signal: AbortSignal) => Promise<void>,
    say: (message: string) => void,
  ) {
    this.sources = sources;
    this.changed = changed;
    this.say = say;
    this.open();
  }

  /** Also ends a callback that is under way, by its signal. */
  close(): void {
    this.closing.abort();
    this.closeWatchers();
  }

  private closeWatchers(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers) watcher.close();
    this.watchers = [];
  }

  private open(): void {
    for (const { path, shown } of this.sources) {
      try {
        const watcher = watch(path, { recursive: true }, () => this.later(QUIET_MS));
        watcher.on('error', () => this.later(QUIET_MS));
        this.watchers.push(watcher);
      } catch (error) {
        this.closeWatchers();
        const { code } = error as NodeJS.ErrnoException;
        throw new CommandError(Exit.environment, `${shown} cannot be watched (${code})`, 'serve it without --watch');
      }
    }
  }

  private later(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), milliseconds);
    this.timer.unref();
  }

  private look(): void {
    const missing = this.sources.find(({ path }) => !existsSync(path));
    if (missing !== undefined) {
      if (!this.gone) this.say(`${missing.shown} is gone; the last good catalog stays until it is back`);
      this.gone = true;
      this.later(RETURN_MS);
      return;
    }
    if (this.gone) {
      this.gone = false;
      this.closeWatchers();
      this.open();
    }
    void this.call();
  }

  private async call(): Promise<void> {
    this.again = this.running;
    if (this.running) return;
    this.running = true;
    await this.changed(this.closing.signal);
    this.running = false;
    if (this.again && !this.closing.signal.aborted) this.later(0);
  }
}
