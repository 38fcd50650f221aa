// A process of its own that uses a store: `node claimer.ts FILE race COUNT` or `node claimer.ts FILE claim`.
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { claimed, FACTS, LEASE, RETAIN, replyOf } from './bench.ts';
import { openFile, writeLine } from './sqlite-support.ts';

const [path = '', task, count = '1'] = process.argv.slice(2);
const db = openFile(path);
const store = new SqliteStore(db);

if (task === 'claim') {
  await claimed(store);
  console.log('claimed');
  // The process that started this one kills it while it is at work.
  setInterval(() => {}, 1000);
} else {
  for (let index = 0; index < Number(count); index += 1) {
    const outcome = await store.claim({ principal: 'race', key: `k${index}` }, FACTS, 10 * 60 * LEASE);
    if (outcome.kind !== 'claimed') continue;
    const effect = () => {
      writeLine(db, `${index} ${process.pid}`);
      return replyOf(`reply ${index}`);
    };
    await store.commit(outcome.claim, effect, RETAIN);
  }
  db.close();
}
