// Some of the faults once more, to be found by the proofs alone: so the proofs prove something.
import type { Mutant } from './mutants.ts';
import { STORE_MUTANTS } from './stores.ts';

const PROOFS: Record<string, string> = {
  'memory: a token is no condition for anything': 'sequences',
  'memory: whoever takes over begins at the beginning': 'sequences',
  'memory: who asks while an effect is executed is told that the lease is lost': 'concurrency',
  'memory: principal and key run together': 'callers',
  'SQLite: the retention counts from the claim': 'sequences',
  'SQLite: looks first, and takes whatever is there then': 'concurrency',
  'SQLite: the effect is executed before the fence is checked': 'callers',
  'SQLite: the points of a claim that was taken over are lost': 'crash',
};

export const PROOF_MUTANTS: Mutant[] = Object.entries(PROOFS).map(([name, proof]) => {
  const mutant = STORE_MUTANTS.find((mutant) => mutant.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant "${name}"`);
  const store = name.startsWith('memory') ? 'memory' : 'sqlite';
  return { ...mutant, name: `${name} (${proof})`, suites: [`proof/${proof}.test.ts`], only: `: ${store}$` };
});
