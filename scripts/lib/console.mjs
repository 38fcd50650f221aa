// What the set-up scripts say, and how they end: one line per step on stderr, never a stack trace for a foreseen failure.

/** Exit codes are Docent's own: 1 a check failed, 2 wrong usage, 3 the environment lacks something. */
export const EXIT = { failed: 1, usage: 2, environment: 3 };

const OLDEST_NODE = 20;

/** A failure whose message is all the reader needs: what is wrong and what to do. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = EXIT.environment) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`docent: ${text}\n`);
}

/** The major version in a spelling such as `v26.10.0` or `26.10.0`; 0 where there is none. @param {string} version */
export function majorOf(version) {
  return Number(/^v?(\d+)\./.exec(version.trim())?.[1] ?? 0);
}

/** @param {string} [version] */
export function requireOldestNode(version = process.versions.node) {
  if (majorOf(version) >= OLDEST_NODE) return;
  throw new SetupError(
    `Node ${version} is too old to set Docent up. Install Node ${OLDEST_NODE} or newer and try again.`,
  );
}

/**
 * Runs a script's main function; a SetupError becomes its message and exit code.
 * @param {() => Promise<unknown>} main a number it answers is the exit code
 */
export async function runMain(main) {
  try {
    requireOldestNode();
    const code = await main();
    process.exitCode = typeof code === 'number' ? code : 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = error.exitCode;
  }
}
