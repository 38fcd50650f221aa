// Runs those steps of the build whose inputs have changed since they last succeeded.
import { say } from './console.mjs';
import { dropStamp, hashOf, isStamped, writeStamp } from './inputs.mjs';
import { withLock } from './lock.mjs';
import { lockFileOf } from './packages.mjs';
import { STEPS } from './steps.mjs';

/** Raised when a step comes to mean something else with the same inputs. */
const FORMAT = '1';

/**
 * Brings dist/ up to date.
 * @param {string} root
 * @param {string} node
 */
export async function ensureBuild(root, node) {
  if (pendingSteps(root).length === 0) return;
  await withLock(lockFileOf(root), async () => {
    for (const { step, key, stamp } of pendingSteps(root)) {
      say(`${step.what} …`);
      dropStamp(root, stamp);
      writeStamp(root, stamp, key, await step.run(root, node));
    }
  });
}

/** @param {string} root */
function pendingSteps(root) {
  return STEPS.map((step) => ({
    step,
    // Taken before the step runs: what changes meanwhile is built the next time.
    key: hashOf(root, step.inputs, step.without, FORMAT),
    stamp: `dist/.stamp-${step.name}.json`,
  })).filter(({ key, stamp }) => !isStamped(root, stamp, key));
}
