// Faults that an implementation of idempotency keys may have: each is planted into a copy of the library, and a suite has to find it.
import { CORE_MUTANTS } from './core.ts';
import { PROOF_MUTANTS } from './proofs.ts';
import { SERVER_MUTANTS } from './servers.ts';
import { STORE_MUTANTS } from './stores.ts';

/** A planted fault: a text that stands exactly once in a file of `src/`, and what stands there instead. */
export interface Mutant {
  /** What is wrong with it. */
  name: string;
  /** Below `src/`. */
  file: string;
  find: string;
  replace: string;
  /** The test files that have to find it, below `tests/`. */
  suites: string[];
  /** Of their tests, only those whose name matches this. */
  only?: string;
}

export const MUTANTS: readonly Mutant[] = [...STORE_MUTANTS, ...SERVER_MUTANTS, ...CORE_MUTANTS, ...PROOF_MUTANTS];
