// One set-up at a time per clone: two that install or build at once would tread on each other's files.
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError, say } from './console.mjs';

const POLL_MS = 100;
/** Short waits are not worth a line. */
const QUIET_MS = 1000;
/** Longer than any set-up takes: guards against a dead owner whose process id was given to someone else. */
const OLDEST_LOCK_MS = 30 * 60_000;

/**
 * Runs the work while holding the lock file; waits for whoever holds it.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  const start = Date.now();
  let isAnnounced = false;
  while (!tryLock(file)) {
    if (dropIfAbandoned(file)) continue;
    if (!isAnnounced && Date.now() - start > QUIET_MS) {
      say(`waiting for another set-up of this folder to finish (its lock is ${file}) …`);
      isAnnounced = true;
    }
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Links a finished file into place, so that a lock is never seen without its owner in it. @param {string} file */
function tryLock(file) {
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, String(process.pid));
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new SetupError(`cannot write ${file} (${codeOf(error)}). Make the project's folder writable and try again.`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @param {string} file */
function dropIfAbandoned(file) {
  const owner = ownerOf(file);
  if (owner === undefined) return true;
  if (owner.alive && owner.ageMs < OLDEST_LOCK_MS) return false;
  const aside = `${file}.${process.pid}.old`;
  try {
    renameSync(file, aside);
    // Somebody else was quicker and this is already their lock: give it back.
    if (readFileSync(aside, 'utf8') !== owner.text) linkSync(aside, file);
  } catch {
    // Gone or replaced meanwhile; the next round of the loop sees how things are.
  } finally {
    rmSync(aside, { force: true });
  }
  return true;
}

/** @param {string} file */
function ownerOf(file) {
  try {
    const text = readFileSync(file, 'utf8');
    return { text, alive: isAlive(Number(text)), ageMs: Date.now() - statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
