import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are not there. Folder by folder: where a file system refuses new entries with ENOENT, as
 * /proc does, Node's recursive form never returns.
 * @param mode permissions of what is made; the process's default when absent.
 * @throws {NodeJS.ErrnoException} when it cannot be made.
 */
export function makeFolder(path: string, mode?: number): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have been faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
