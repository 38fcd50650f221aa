// One handler, with idempotency or without: `idempotency-server.ts STORE MODE DURABILITY PLACE`. Prints its address. GET /purge begins to
// purge; the next one ends it, and tells what it has come to.
import { listen } from '../../src/http/listen.ts';
import { idempotent, jsonReply, purgeExpired } from '../../src/idempotency/index.ts';
import { type Charge, chargeOf, type Durability, openEffects } from './effects.ts';

const [store, mode, durability, place] = process.argv.slice(2) as [string, string, Durability, string];
const effects = await openEffects(store, place, durability);

const HANDLERS: Record<string, (request: Request) => Promise<Response>> = {
  /** Nothing is written. */
  idle: async (request) => answer(chargeOf(await request.json())),
  without: async (request) => {
    const charge = chargeOf(await request.json());
    await effects.insertAlone(charge);
    return answer(charge);
  },
  /** Commits are shared among requests, as those of the idempotency store are. */
  together: async (request) => {
    const charge = chargeOf(await request.json());
    await effects.insertTogether?.(charge);
    return answer(charge);
  },
  /** Without a claim before the effect, because the handler changes nothing until then. */
  with: idempotently({ optimistic: true }),
  claimed: idempotently({}),
};

function idempotently(options: { optimistic?: boolean }) {
  return idempotent(
    async (request, { transaction }) => {
      const charge = chargeOf(await request.json());
      const reply = jsonReply(201, charge, { Location: locationOf(charge) });
      return transaction((tx) => {
        // Where the store's transaction is synchronous, so is the effect.
        const inserted = effects.insert(tx, charge);
        return inserted instanceof Promise ? inserted.then(() => reply) : reply;
      });
    },
    { ...options, store: effects.store, principal: (request) => request.headers.get('authorization') ?? 'nobody' },
  );
}

function answer(charge: Charge): Response {
  return Response.json(charge, { status: 201, headers: { Location: locationOf(charge) } });
}

function locationOf({ id }: Charge): string {
  return `/api/charges/${id}`;
}

let endPurge: (() => Promise<Response>) | undefined;

async function togglePurge(): Promise<Response> {
  const end = endPurge;
  endPurge = undefined;
  if (end !== undefined) return end();
  const controller = new AbortController();
  let isFinished = false;
  const purge = purgeExpired(effects.store, {
    signal: controller.signal,
  }).finally(() => {
    isFinished = true;
  });
  endPurge = async () => {
    const told = { isFinished };
    controller.abort();
    return Response.json({ ...told, deleted: await purge });
  };
  return Response.json({});
}

const handler = HANDLERS[mode];
if (handler === undefined) throw new Error(`there is no mode "${mode}"`);
const purgeOr = (request: Request) => (request.method === 'GET' ? togglePurge() : handler(request));
console.log((await listen(purgeOr, '127.0.0.1', 0)).url);
