// `npm run mutants`: every fault, and the first test that finds it; with arguments, only the faults whose names hold one of them.
import { MUTANTS } from './mutants.ts';
import { judgeAll } from './run.ts';

const wanted = process.argv.slice(2);
const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
if (mutants.length === 0) {
  console.error(`mutants: no name holds ${wanted.join(' or ')}`);
  process.exit(2);
}
const started = performance.now();
console.log('| mutant | found by |\n|---|---|');
const verdicts = await judgeAll(mutants, ({ mutant, caughtBy }) =>
  console.log(`| ${mutant.name} | ${caughtBy ?? '**nothing: it survives**'} |`),
);
const survivors = verdicts.filter(({ caughtBy }) => caughtBy === undefined);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(`\n${verdicts.length} planted, ${survivors.length} survived, ${seconds} s`);
if (survivors.length > 0) process.exitCode = 1;
