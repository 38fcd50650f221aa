// A store whose server is away for a while: nothing is executed without a record, and everything goes on by itself when it is back.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Execution,
  execute,
  jsonReply,
  type RequestFacts,
  StoreError,
  type Work,
} from '../../src/idempotency/index.ts';
import type { Handle, Place, ProvedStore } from './stores.ts';

const LEASE_MS = 200;
/** Between attempts of a client. Milliseconds. */
const RETRY_MS = 20;
/** A server that is back after a crash, on a busy machine. Milliseconds. */
const RECOVERY_LIMIT_MS = 60_000;

const FACTS: RequestFacts = { fingerprint: 'f'.repeat(64), method: 'POST', path: '/charges' };

/** A process that stays, and asks the same store before, during and after an outage. */
class Asker {
  readonly executed: string[] = [];
  private readonly handle: Handle;

  constructor(handle: Handle) {
    this.handle = handle;
  }

  /** @param before what the work waits for, before its effect. */
  ask(key: string, before: () => Promise<void> = async () => undefined): Promise<Execution> {
    const { handle, executed } = this;
    const work = async ({ transaction }: Work<unknown>) => {
      executed.push(key);
      await before();
      return transaction((tx) => {
        const reply = jsonReply(201, { key });
        const written = handle.write(tx, key);
        return written instanceof Promise ? written.then(() => reply) : reply;
      });
    };
    return execute(handle.store, { principal: 'p', key }, FACTS, work, { leaseMs: LEASE_MS });
  }

  /** Asks until there is an answer, as a client does. */
  async answerTo(key: string): Promise<Execution & { kind: 'executed' | 'replayed' }> {
    for (const end = Date.now() + RECOVERY_LIMIT_MS; Date.now() < end; await sleep(RETRY_MS)) {
      const execution = await this.ask(key).catch((error: unknown) => {
        assert.ok(error instanceof StoreError, String(error));
      });
      if (execution?.kind === 'executed' || execution?.kind === 'replayed') return execution;
    }
    assert.fail(`there was no answer to ${key} in ${RECOVERY_LIMIT_MS} ms`);
  }
}

async function unavailable(execution: Promise<Execution>): Promise<void> {
  await assert.rejects(execution, (error) => error instanceof StoreError && error.problem === 'unavailable');
}

/** @throws {AssertionError} when something is executed without a record, or does not go on afterwards. */
export async function proveOutage(store: ProvedStore, requests: number): Promise<{ refused: number; outages: number }> {
  const place = await store.open({ harmed: true });
  const handle = await store.connect(place.address, Date.now);
  const outages = 2;
  try {
    const asker = new Asker(handle);
    for (let outage = 0; outage < outages; outage += 1) await goThrough(place, asker, `${outage}`, requests);
    const lines = await place.lines();
    assert.deepEqual(lines.toSorted(), [...new Set(lines)].sort(), 'an effect was executed twice');
    for (const key of lines) assert.equal((await handle.store.lookup({ principal: 'p', key }))?.state, 'completed');
    return { refused: outages * requests, outages };
  } finally {
    await handle.drop();
    await place.close();
  }
}

async function goThrough(place: Place, asker: Asker, name: string, requests: number): Promise<void> {
  const { server } = place;
  assert.ok(server, 'there is no server to be taken away');
  const before = await asker.answerTo(`${name} before`);
  let goOn = () => {};
  let isAtWork = () => {};
  const atWork = new Promise<void>((resolve) => (isAtWork = resolve));
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  const caught = asker.ask(`${name} caught`, () => {
    isAtWork();
    return gate;
  });
  await atWork;
  await server.kill();
  // What is at work cannot end, and what comes cannot begin.
  goOn();
  await unavailable(caught);
  const executed = asker.executed.length;
  const refused = Array.from({ length: requests }, (_, index) => asker.ask(`${name} refused ${index}`));
  await Promise.all([...refused, asker.ask(`${name} before`)].map(unavailable));
  assert.equal(asker.executed.length, executed, 'something was executed without a record');
  await server.restart();
  assert.deepEqual(await asker.answerTo(`${name} before`), { kind: 'replayed', reply: before.reply });
  await asker.answerTo(`${name} caught`);
  for (let index = 0; index < requests; index += 1)
    assert.equal((await asker.answerTo(`${name} refused ${index}`)).kind, 'executed');
  const lines = (await place.lines()).filter((line) => line.startsWith(`${name} `));
  assert.equal(lines.length, requests + 2);
}
