// Plants one fault after the other into a copy of the sources, and runs the suites that have to find it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a suite that runs needs of the project. */
const COPIED = ['src', 'tests', 'scripts', 'schemas', 'package.json'];

/** A fault may make a test wait for ever. Far longer than any test of these suites takes. Milliseconds. */
const TEST_LIMIT_MS = 60_000;

/** Each runs a test process of its own; more would only make each other slow. */
const MAX_COPIES = 2;

export interface Verdict {
  mutant: Mutant;
  /** The name of the first test that failed; undefined when the fault has survived. */
  caughtBy?: string;
}

/** A copy of the project to plant faults into. */
class Copy {
  private readonly folder = mkdtempSync(join(tmpdir(), 'docent-mutants-'));

  constructor() {
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** @throws when the text is not there exactly once: the mutant has to be written anew. */
  async judge(mutant: Mutant): Promise<Verdict> {
    const path = join(this.folder, 'src', mutant.file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, planted(mutant, source));
    try {
      const failed = await this.firstFailure(mutant.suites, mutant.only);
      return failed === undefined ? { mutant } : { mutant, caughtBy: failed };
    } finally {
      writeFileSync(path, source);
    }
  }

  /** Runs test files one after the other. @returns the name of the first test that fails, if one does. */
  async firstFailure(suites: string[], only?: string): Promise<string | undefined> {
    const options = ['--test', '--test-reporter=tap', '--test-isolation=none', `--test-timeout=${TEST_LIMIT_MS}`];
    if (only !== undefined) options.push(`--test-name-pattern=${only}`);
    const env = { ...process.env };
    // Left behind by the test that runs this, it would make the runner believe that it is a test file.
    delete env.NODE_TEST_CONTEXT;
    const child = spawn(process.execPath, [...options, ...suites.map((suite) => join('tests', suite))], {
      cwd: this.folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    const failed = await firstFailureOf(child);
    if (failed !== undefined) child.kill();
    const [code] = await closed;
    return failed ?? (code === 0 ? undefined : `exit code ${code}`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function firstFailureOf(child: ChildProcess): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const failed = /^ *not ok \d+ - (.*)$/.exec(line)?.[1];
    if (failed !== undefined) return failed;
  }
  return undefined;
}

/**
 * The source with the fault in it.
 * @throws when the text to be replaced is not there exactly once, or what it becomes is no program: every suite would find that.
 */
export function planted({ name, file, find, replace }: Mutant, source: string): string {
  const pieces = source.split(find);
  if (pieces.length !== 2)
    throw new Error(`mutant "${name}": its text stands ${pieces.length - 1} times in src/${file}; write it anew`);
  const faulty = pieces.join(replace);
  try {
    stripTypeScriptTypes(faulty);
  } catch (error) {
    throw new Error(`mutant "${name}": it is no program: ${(error as Error).message}`);
  }
  return faulty;
}

/**
 * Runs the suites over the sources as they are, and then over each mutant.
 * @param told is called with each verdict as soon as it is there.
 * @throws when a suite fails without any fault, or a mutant cannot be planted.
 */
export async function judgeAll(mutants: readonly Mutant[], told: (verdict: Verdict) => void): Promise<Verdict[]> {
  const suites = new Set(mutants.map(({ suites, only }) => JSON.stringify([suites, only])));
  const copies = Array.from({ length: Math.min(MAX_COPIES, availableParallelism()) }, () => new Copy());
  try {
    for (const each of suites) {
      const [files, only] = JSON.parse(each) as [string[], string | null];
      const failed = await copies[0]?.firstFailure(files, only ?? undefined);
      if (failed !== undefined) throw new Error(`without any fault, a test fails: ${failed}`);
    }
    const waiting = [...mutants];
    const verdicts: Verdict[] = [];
    const work = async (copy: Copy) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const verdict = await copy.judge(mutant);
        told(verdict);
        verdicts.push(verdict);
      }
    };
    const ended = await Promise.allSettled(copies.map(work));
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
    return verdicts;
  } finally {
    for (const copy of copies) copy.remove();
  }
}
