// What a handler answers after its transaction has failed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HandlerWork, idempotent, jsonReply } from '../../src/idempotency/index.ts';
import { answerOf, memory, requestOf } from './handler-bench.ts';

const declined = () => {
  throw new Error('declined');
};

/** @returns what answers requests, and how often it has called `work`. */
function handlerOf(work: (tools: HandlerWork<undefined>) => Promise<Response>, optimistic: boolean) {
  const calls: number[] = [];
  const handle = idempotent(
    (_, tools) => {
      calls.push(calls.length);
      return work(tools);
    },
    { store: memory(), principal: () => 'alice', optimistic },
  );
  return { handle, calls };
}

for (const optimistic of [false, true])
  describe(`a handler whose transaction has failed${optimistic ? ', without a claim' : ''}`, () => {
    test('and who has not waited for it answers no success that nobody has had', async () => {
      const { handle, calls } = handlerOf(async ({ transaction }) => {
        transaction(declined);
        await sleep(5);
        return new Response('done', { status: 201 });
      }, optimistic);
      await assert.rejects(handle(requestOf()), /declined/);
      // Nothing was stored: a retry finds a free key.
      await assert.rejects(handle(requestOf()), /declined/);
      assert.equal(calls.length, 2);
    });

    test('and who makes nothing of it answers no success either', async () => {
      const { handle } = handlerOf(async ({ transaction }) => {
        await transaction(declined).catch(() => undefined);
        return new Response('accepted', { status: 202 });
      }, optimistic);
      await assert.rejects(handle(requestOf()), /declined/);
    });

    test('answers with an error, which is stored', async () => {
      const { handle, calls } = handlerOf(async ({ transaction }) => {
        await transaction(declined).catch(() => undefined);
        return Response.json('declined', { status: 402 });
      }, optimistic);
      for (const replayed of [false, true]) {
        const answer = await answerOf(handle(requestOf()));
        assert.deepEqual([answer.status, answer.text, answer.replayed], [402, '"declined"', replayed]);
      }
      assert.equal(calls.length, 1);
    });

    test('may mean a success, and says so in another transaction', async () => {
      const { handle } = handlerOf(async ({ transaction }) => {
        await transaction(declined).catch(() => undefined);
        await transaction(() => jsonReply(202, 'later'));
        return new Response('whatever');
      }, optimistic);
      for (const replayed of [false, true]) {
        const answer = await answerOf(handle(requestOf()));
        assert.deepEqual([answer.status, answer.text, answer.replayed], [202, '"later"', replayed]);
      }
    });
  });
