import { availableParallelism } from 'node:os';
import type { SourceFile } from '../compile/source.ts';
import { type CompileOptions, type CompileResult, compileTopic } from '../compile/topic.ts';
import { diagnose, START } from '../topic/diagnostic.ts';
import { compileInThreads } from './threads.ts';

/**
 * From here on every file goes to a thread. Each thread loads the compiler and runs it slowly until V8 has optimized it, which takes it a
 * second. Two threads were level with one at this much: 1,100 topics in 2.7 s. Bytes of Markdown.
 */
const THREADS_FROM_BYTES = 4 * 1024 * 1024;

/**
 * A larger file always goes to a thread, because a thread can be stopped: a Markdown parser's time grows with the square or the cube of
 * the length of hostile text. This much takes it a few seconds at worst, ten times as much takes hours. Most topics are smaller. Bytes.
 */
const ALONE_UP_TO_BYTES = 20 * 1024;

/** What one file may take. The longest that people write take a tenth of a second, and a machine may be busy. Milliseconds. */
const COMPILE_LIMIT_MS = 10_000;

/** How files are compiled. None of it changes what comes out, as long as no file takes too long. */
export interface CompileLimits {
  /** Threads, at least 1, that compile every file. By default as many as it pays to start. */
  threads?: number;
  /** What one file may take in a thread. Milliseconds. */
  limitMs?: number;
  /** What one thread may keep in memory. MiB; by default as much as Node allows a program. */
  memoryMiB?: number;
  /** Ends the threads; what was compiled is lost. */
  signal?: AbortSignal | undefined;
}

/**
 * Compiles files, each alone. One that takes too long is left out and reported.
 * @returns the results in the order of the files.
 * @throws {Error} when compiling a file fails in a way that nobody foresaw, memory included; the message names the file. The reason of
 * the signal when that ends it.
 */
export async function compileFiles(
  files: SourceFile[],
  { strict, defaultStability, allowHtml }: CompileOptions,
  { threads, limitMs = COMPILE_LIMIT_MS, memoryMiB, signal }: CompileLimits = {},
): Promise<CompileResult[]> {
  // Settings hold more than this, and all of it would go to every thread.
  const options = { strict, defaultStability, allowHtml };
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const least = threads === undefined && bytes < THREADS_FROM_BYTES ? ALONE_UP_TO_BYTES : -1;
  const isShared = ({ size }: SourceFile) => size > least;
  const failed = new AbortController();
  const shared = compileInThreads(files.filter(isShared), options, {
    count: threads ?? availableParallelism(),
    limitMs,
    memoryMiB,
    signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]),
  });
  let own: (CompileResult | undefined)[];
  try {
    // While the threads are at work.
    own = files.map((file) => (isShared(file) ? undefined : compileHere(file, options)));
  } catch (error) {
    failed.abort(error);
    await shared;
    throw error;
  }
  const results = (await shared).values();
  return files.map((file, index) => own[index] ?? results.next().value ?? tooSlow(file, limitMs));
}

/** The same in this thread, so that no file is stopped, however long it takes. */
export function compileFilesSync(files: SourceFile[], options: CompileOptions): CompileResult[] {
  return files.map((file) => compileHere(file, options));
}

function compileHere(file: SourceFile, options: CompileOptions): CompileResult {
  try {
    return compileTopic(file, options);
  } catch (error) {
    throw new Error(`compiling ${file.file} failed: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function tooSlow({ file }: SourceFile, limitMs: number): CompileResult {
  const message = `compiling it takes longer than ${limitMs / 1000} s, so it was stopped`;
  const hint = 'look for a very long run of the same characters, or split the file';
  return { diagnostics: [diagnose(file, { ...START, code: 'compile-timeout', message, hint })] };
}
