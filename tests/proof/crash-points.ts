// Where a server may die, and the steps that it counts on its way there.
import type { IdempotencyStore } from '../../src/idempotency/index.ts';

const VERBS = ['claim', 'renew', 'commit', 'commitUnclaimed', 'checkpoint', 'release', 'purge'] as const;
/** Those with an effect. */
const EFFECTIVE = ['commit', 'commitUnclaimed', 'checkpoint'] as const;

/** Every step of the protocol, and the moments between them. */
export const POINTS: readonly string[] = [
  ...VERBS.flatMap((verb) => [`before ${verb}`, `after ${verb}`]),
  ...EFFECTIVE.flatMap((verb) => [`before the effect of ${verb}`, `after the effect of ${verb}`]),
  'before the call',
  'after the call',
  'at work',
  'before the answer',
  'after the answer',
];

/** Dies, as with kill -9, the moment that it passes a point for the n-th time. */
export class Steps {
  private readonly point: string | undefined;
  private left: number;

  constructor(point: string | undefined, times: number) {
    this.point = point;
    this.left = times;
  }

  pass(point: string): void {
    if (!POINTS.includes(point)) throw new RangeError(`there is no point "${point}"`);
    if (point !== this.point) return;
    this.left -= 1;
    if (this.left === 0) process.kill(process.pid, 'SIGKILL');
  }
}

/** The store, with steps around each verb and in each effect. */
export function stepped(store: IdempotencyStore<unknown>, steps: Steps): IdempotencyStore<unknown> {
  const { commitUnclaimed } = store;
  if (commitUnclaimed === undefined) throw new Error('the store has no commitUnclaimed');
  const around = async <T>(verb: (typeof VERBS)[number], act: () => Promise<T>): Promise<T> => {
    steps.pass(`before ${verb}`);
    const outcome = await act();
    steps.pass(`after ${verb}`);
    return outcome;
  };
  const within = <T>(verb: (typeof EFFECTIVE)[number], effect: (transaction: unknown) => T | Promise<T>) => {
    return (transaction: unknown): T | Promise<T> => {
      steps.pass(`before the effect of ${verb}`);
      const finish = (result: T) => {
        steps.pass(`after the effect of ${verb}`);
        return result;
      };
      const result = effect(transaction);
      return result instanceof Promise ? result.then(finish) : finish(result);
    };
  };
  return {
    claim: (id, request, leaseMs) => around('claim', () => store.claim(id, request, leaseMs)),
    renew: (claim, leaseMs) => around('renew', () => store.renew(claim, leaseMs)),
    commit: (claim, effect, retainMs) =>
      around('commit', () => store.commit(claim, within('commit', effect), retainMs)),
    commitUnclaimed: (id, request, effect, retainMs) =>
      around('commitUnclaimed', () =>
        commitUnclaimed.call(store, id, request, within('commitUnclaimed', effect), retainMs),
      ),
    checkpoint: (claim, phase, effect, leaseMs) =>
      around('checkpoint', () => store.checkpoint(claim, phase, within('checkpoint', effect), leaseMs)),
    release: (claim) => around('release', () => store.release(claim)),
    lookup: (id) => store.lookup(id),
    purge: (beforeMs, limit) => around('purge', () => store.purge(beforeMs, limit)),
  };
}
