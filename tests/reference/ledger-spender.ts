// A process of its own that spends of a quota: `node ledger-spender.ts MODULE PLACE BUCKET COUNT`. Prints what was spent after each time.
import { StoreError } from '../../src/idempotency/index.ts';
import type { Spending } from '../../src/reference/ledger.ts';
import type { LedgerModule } from './ledger-bench.ts';

const [module = '', place = '', bucket = '', count = '0'] = process.argv.slice(2);
const { openLedger }: LedgerModule = await import(module);
const ledger = await openLedger(place, {});
const spent: number[] = [];
for (let index = 0; index < Number(count); index += 1) spent.push((await spend()).spent);
await ledger.close();
console.log(JSON.stringify(spent));

/** On a busy machine a store may be locked for too long; then nothing was done. */
async function spend(): Promise<Spending> {
  for (;;) {
    try {
      return await ledger.spend(bucket, 1, 600_000);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
}
