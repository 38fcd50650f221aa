import { Worker } from 'node:worker_threads';
import type { SourceFile } from '../compile/source.ts';
import type { CompileOptions, CompileResult } from '../compile/topic.ts';

/** The script of a thread; this module runs from source or, bundled, beside it. */
const SCRIPT = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** Files that lie ready for a thread, so that it never waits for this one. */
const AHEAD = 8;

/** How often a thread's progress is looked at while a file takes its time. Looks per time limit: the limit is kept to a quarter. */
const LOOKS = 4;

/** What a thread answers: that it is there, and then each file in turn. */
export type ThreadMessage = { ready: true } | { result: CompileResult } | { failure: string };

interface ThreadSettings {
  /** At most so many threads. */
  count: number;
  limitMs: number;
  memoryMiB: number | undefined;
  signal: AbortSignal | undefined;
}

/**
 * Compiles files in threads that are started for it and end with it.
 * @returns a result for each file; undefined for one that took longer than its limit.
 * @throws {Error} when compiling a file ends its thread; the message names the file.
 */
export async function compileInThreads(
  files: SourceFile[],
  options: CompileOptions,
  settings: ThreadSettings,
): Promise<(CompileResult | undefined)[]> {
  const results: (CompileResult | undefined)[] = new Array(files.length);
  const queue = files.entries();
  const count = Math.min(settings.count, files.length);
  const lanes = Array.from({ length: count }, () => new Lane(queue, options, settings, results));
  const aborted = Promise.withResolvers<never>();
  const { signal } = settings;
  const abort = () => aborted.reject(signal?.reason);
  signal?.addEventListener('abort', abort);
  try {
    signal?.throwIfAborted();
    await Promise.race([aborted.promise, Promise.all(lanes.map((lane) => lane.run()))]);
  } finally {
    signal?.removeEventListener('abort', abort);
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  return results;
}

type Entry = [index: number, file: SourceFile];

/** One thread after another, each with the files that it has got; a thread that is stopped leaves the others to the next. */
class Lane {
  private readonly queue: Iterator<Entry>;
  private readonly options: CompileOptions;
  private readonly settings: ThreadSettings;
  private readonly results: (CompileResult | undefined)[];
  /** Files whose results are awaited, in the order in which the thread takes them. */
  private sent: Entry[] = [];
  private worker: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looks = 0;

  constructor(
    queue: Iterator<Entry>,
    options: CompileOptions,
    settings: ThreadSettings,
    results: (CompileResult | undefined)[],
  ) {
    this.queue = queue;
    this.options = options;
    this.settings = settings;
    this.results = results;
  }

  /** Fulfilled when no file is left. */
  run(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.start(resolve, reject);
    return promise;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private start(resolve: () => void, reject: (error: Error) => void): void {
    this.fill();
    if (this.sent.length === 0) {
      resolve();
      return;
    }
    const { memoryMiB, limitMs } = this.settings;
    const worker = new Worker(SCRIPT, {
      workerData: this.options,
      resourceLimits: memoryMiB === undefined ? {} : { maxOldGenerationSizeMb: memoryMiB },
    });
    this.worker = worker;
    const fail = (reason: string) => reject(new Error(`compiling ${this.sent[0]?.[1].file} failed: ${reason}`));
    worker.on('message', (message: ThreadMessage) => {
      // A thread that is being stopped may have spoken before.
      if (this.worker !== worker) return;
      if ('failure' in message) {
        fail(message.failure);
        return;
      }
      if ('ready' in message) {
        this.timer = setInterval(() => this.look(resolve, reject), limitMs / LOOKS);
        return;
      }
      this.take(message.result);
      for (const [, file] of this.fill()) worker.postMessage(file);
      if (this.sent.length === 0) resolve();
    });
    worker.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => {
      if (this.worker === worker) fail(`its thread ended with code ${code}`);
    });
    for (const [, file] of this.sent) worker.postMessage(file);
  }

  private take(result: CompileResult): void {
    this.looks = 0;
    const [index] = this.sent.shift() as Entry;
    this.results[index] = result;
  }

  /** @returns what has to be sent besides. */
  private fill(): Entry[] {
    const more: Entry[] = [];
    while (this.sent.length + more.length < AHEAD) {
      const next = this.queue.next();
      if (next.done === true) break;
      more.push(next.value);
    }
    this.sent.push(...more);
    return more;
  }

  /** Stops the thread when its file has taken too long. Looks are counted, not time: if the whole process was paused, that is one. */
  private look(resolve: () => void, reject: (error: Error) => void): void {
    if (++this.looks <= LOOKS) return;
    this.looks = 0;
    this.sent.shift();
    void this.close();
    this.start(resolve, reject);
  }
}
