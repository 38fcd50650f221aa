import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
let distance: ((a: string, b: string) => number) | undefined;

/**
 * The candidate most like `word`, for "did you mean": case is ignored, and at most a third of the word may differ.
 * @returns undefined when nothing is close.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // Only who made a mistake waits for the library.
  distance ??= require('fastest-levenshtein').distance as (a: string, b: string) => number;
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.ceil(word.length / 3) + 1;
  for (const candidate of candidates) {
    // A difference in length alone is a lower bound, and cheaper than the matrix.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const d = distance(lower, candidate.toLowerCase());
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}
