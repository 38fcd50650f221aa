// What a build step depends on, as one hash; and the stamp that says with which hash it last succeeded.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Every file under a folder, or the file itself, as sorted paths relative to the root; none where nothing is there. @param {string} root @param {string} path @returns {string[]} */
export function filesUnder(root, path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [path];
  const names = readdirSync(join(root, path)).filter((name) => !isScratch(name));
  return names.sort().flatMap((name) => filesUnder(root, `${path}/${name}`));
}

/** Editors leave these beside the file being edited; they must not cause a build. @param {string} name */
function isScratch(name) {
  return name.startsWith('.') || name.endsWith('~');
}

/**
 * Contents, not times: a checkout that touches every file builds nothing anew.
 * @param {string} root
 * @param {string[]} paths
 * @param {string[]} [without] folders or files left out
 * @param {string} [salt]
 */
export function hashOf(root, paths, without = [], salt = '') {
  const hash = createHash('sha256').update(salt);
  const isLeftOut = (/** @type {string} */ file) =>
    without.some((path) => file === path || file.startsWith(`${path}/`));
  for (const file of paths.flatMap((path) => filesUnder(root, path))) {
    if (isLeftOut(file)) continue;
    const content = readFileSync(join(root, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * Whether the step last succeeded with this hash and everything it made is still there.
 * @param {string} root
 * @param {string} stampFile
 * @param {string} key
 */
export function isStamped(root, stampFile, key) {
  try {
    const stamp = JSON.parse(readFileSync(join(root, stampFile), 'utf8'));
    return stamp.key === key && stamp.outputs.every((/** @type {string} */ file) => existsSync(join(root, file)));
  } catch {
    return false;
  }
}

/**
 * @param {string} root
 * @param {string} stampFile
 * @param {string} key
 * @param {string[]} outputs
 */
export function writeStamp(root, stampFile, key, outputs) {
  const file = join(root, stampFile);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ key, outputs })}\n`);
  renameSync(`${file}.new`, file);
}

/** @param {string} root @param {string} stampFile */
export function dropStamp(root, stampFile) {
  rmSync(join(root, stampFile), { force: true });
}
