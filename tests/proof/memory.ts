// A store in memory as a proved store: its handles are all of one process.
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import type { ProvedStore } from './stores.ts';

/** The memory of this process: all handles on a place share its store, and the clock of the one that came first. */
const memories = new Map<string, { lines: string[]; store?: MemoryStore }>();

export const memory: ProvedStore = {
  name: 'memory',
  transactional: false,
  durable: false,
  showsUnfinished: true,
  pace: { stepMs: 1, keyMs: 4, sequences: 300 },
  open: () => {
    const address = `memory ${memories.size}`;
    const place: { lines: string[]; store?: MemoryStore } = { lines: [] };
    memories.set(address, place);
    return {
      address,
      empty: () => {
        delete place.store;
        place.lines.length = 0;
      },
      lines: () => place.lines,
      close: () => void memories.delete(address),
    };
  },
  connect: (address, now) => {
    const place = memories.get(address);
    if (place === undefined) throw new Error(`${address} is none of this process`);
    return {
      get store() {
        place.store ??= new MemoryStore(now === undefined ? {} : { now });
        return place.store;
      },
      write: async (_, line) => {
        // Others have time to come between, as where writing is a message to a server.
        await turn();
        place.lines.push(line);
      },
      drop: () => undefined,
    };
  },
};
