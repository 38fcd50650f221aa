// A second reporter beside the readable one: the run's totals as data, so that a skipped test cannot pass for a run one.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** @typedef {{tests: number, passed: number, failed: number, cancelled: number, skipped: number, todo: number}} Counts */
/** @typedef {{totals?: Counts, notRun?: string, why?: string, empty?: string}} Line */

/**
 * The reporter: one JSON line per test that did not run, per file without a test, and for the totals.
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} source
 */
export default async function* reportVerdict(source) {
  for await (const event of source) {
    const line = lineFor(event);
    if (line) yield `${JSON.stringify(line)}\n`;
  }
}

/** @param {any} event @returns {Line | undefined} */
function lineFor({ type, data }) {
  // Each file reports its own summary too; the one without a file is the run's.
  if (type === 'test:summary' && data.file === undefined) return { totals: data.counts };
  if (type !== 'test:pass' && type !== 'test:fail') return undefined;
  const why = ['skip', 'todo'].find((mark) => data[mark] !== undefined && data[mark] !== false);
  if (why) return { notRun: `${data.name} (${data.file ?? 'unknown file'}:${data.line ?? 0})`, why };
  // A file in which no test is defined is reported as one test named like itself.
  const isFile = data.nesting === 0 && data.file !== undefined && resolve(data.name) === data.file;
  return isFile && type === 'test:pass' ? { empty: data.name } : undefined;
}

/**
 * What is wrong with a run beyond failed tests; empty if nothing is.
 * @param {string} file
 * @param {{byName?: boolean}} [options] byName: tests were chosen by name, so a file may well have none of them
 * @returns {string[]}
 */
export function complaintsAbout(file, { byName = false } = {}) {
  const lines = readLines(file);
  const totals = lines.find((line) => line.totals)?.totals;
  if (!totals) return ['the test runner ended without its totals, so nothing is known to have passed.'];
  const complaints = lines.flatMap((line) => {
    if (line.notRun) return [`not run (${line.why}): ${line.notRun}`];
    return line.empty && !byName ? [`no test in ${line.empty}`] : [];
  });
  for (const kind of /** @type {const} */ (['skipped', 'todo', 'cancelled'])) {
    if (totals[kind] > 0)
      complaints.push(`${totals[kind]} ${kind}: every test must run to its end. Make it pass or remove it.`);
  }
  if (totals.passed + totals.failed === 0)
    complaints.push('no test was run at all. Name files that exist, such as tests/compile.');
  return complaints;
}

/** @param {string} file @returns {Line[]} */
function readLines(file) {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}
