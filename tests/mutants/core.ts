// Faults of the parts that all stores share: key, fingerprint, execution.
import type { Mutant } from './mutants.ts';

const RECORD = { file: 'idempotency/record.ts', suites: ['idempotency/memory.test.ts'] };
const EXECUTION = ['idempotency/execute.test.ts', 'idempotency/lease.test.ts'];
const EXECUTE = { file: 'idempotency/execute.ts', suites: EXECUTION };
const OPTIMIST = {
  file: 'idempotency/optimist.ts',
  suites: ['idempotency/optimistic.test.ts', 'idempotency/optimistic-work.test.ts'],
};
const REREAD = { file: 'idempotency/reread.ts', suites: ['idempotency/reread.test.ts'] };
const OWNER = { file: 'idempotency/owner.ts', suites: EXECUTION };
const HEART = { file: 'idempotency/heart.ts', suites: EXECUTION };
const PHASES = { file: 'idempotency/owner.ts', suites: ['idempotency/phases.test.ts'] };
const HANDLER = { file: 'idempotency/handler.ts', suites: ['idempotency/handler.test.ts'] };
const REPLY = { file: 'idempotency/reply.ts', suites: ['idempotency/handler-use.test.ts'] };
const FIRST_REPLY = { file: 'idempotency/first-reply.ts', suites: ['idempotency/handler-failure.test.ts'] };
const REPLY_BYTES = { ...REPLY, suites: HANDLER.suites };
const KEY = { file: 'idempotency/key.ts', suites: ['idempotency/key.test.ts'] };
const JSON_BODY = { file: 'idempotency/json.ts', suites: ['idempotency/json.test.ts'] };
const FINGERPRINT = { file: 'idempotency/fingerprint.ts', suites: ['idempotency/fingerprint.test.ts'] };

export const CORE_MUTANTS: Mutant[] = [
  {
    ...FIRST_REPLY,
    name: 'a success is stored whose transaction has failed',
    find: 'if (failure !== undefined && answer !== undefined && answer.status < 400) throw failure.error;',
    replace: '',
  },
  {
    ...FIRST_REPLY,
    name: 'an error cannot be answered when a transaction has failed',
    find: ' && answer.status < 400',
    replace: '',
  },
  {
    ...PHASES,
    name: 'a call that ends after the request has failed holds the key',
    find: 'if (this.over) await this.narrator.watch(this.store.renew(this.claim, 0));',
    replace: '',
  },
  {
    ...RECORD,
    name: 'a lease that was granted before the clock was set back holds until the clock has caught up',
    find: 'left > 2 * leaseMs ? 0 : Math.max(0, left)',
    replace: 'Math.max(0, left, leaseMs - leaseMs)',
  },
  {
    ...RECORD,
    name: 'a lease that has been prolonged by a small step of the clock counts as ended',
    find: 'left > 2 * leaseMs ? 0',
    replace: 'left > leaseMs ? 0',
  },
  {
    ...EXECUTE,
    name: 'principals that differ in half of a surrogate pair are one',
    find: "if (!text.isWellFormed() || text.includes('\\0'))",
    replace: "if (text.includes('\\0'))",
  },
  {
    ...EXECUTE,
    name: 'the lease is as long as the retention',
    find: 'store.claim(id, request, times.leaseMs)',
    replace: 'store.claim(id, request, times.retainMs)',
  },
  {
    ...OWNER,
    name: 'a 5xx without an effect is stored',
    find: 'status >= 500 || TRANSIENT',
    replace: 'TRANSIENT',
  },
  {
    ...OWNER,
    name: 'a 4xx is not stored',
    find: 'status >= 500 || TRANSIENT',
    replace: 'status >= 400 || TRANSIENT',
  },
  {
    ...OWNER,
    name: 'a 429 is stored, and refuses the retry that it asks for',
    find: 'status >= 500 || TRANSIENT.has(status)',
    replace: 'status >= 500',
  },
  {
    ...HEART,
    name: 'no heart beats',
    find: 'this.beat ??= this.beatOnce();',
    replace: 'this.beat ??= undefined;',
    // Others wait for a beat for ever.
    only: 'that is short',
  },
  {
    ...EXECUTE,
    name: 'a heart beats too seldom for a short lease',
    find: 'heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3)',
    replace: 'heartbeatMs = HEARTBEAT_MS',
  },
  {
    ...OWNER,
    name: 'work that throws keeps its key',
    find: 'if (reply === undefined) await this.end().catch(() => undefined);',
    replace: '',
  },
  {
    ...OWNER,
    name: 'work may have two effects',
    find: 'if (this.stored !== undefined)\n      return Promise.reject',
    replace: 'if (this.stored === null)\n      return Promise.reject',
  },
  {
    ...OWNER,
    name: 'the first request gets another answer than its retries',
    find: "if (this.stored !== undefined) return { kind: 'executed', reply: await this.stored };",
    replace: "if (this.stored !== undefined) return { kind: 'executed', reply };",
  },
  {
    ...OWNER,
    name: 'a lost lease is told as an execution',
    find: "if (outcome.kind === 'lease-lost') throw this.loss();\n    this.narrator",
    replace: "if (outcome.kind === 'lease-lost') return effect(undefined as Transaction);\n    this.narrator",
  },
  {
    ...OPTIMIST,
    name: 'without a claim: a key that is known is executed again',
    find: 'return this.claimFirst(({ transaction }) => transaction(effect));',
    replace: "return { kind: 'executed', reply: await effect(undefined as Transaction) };",
  },
  {
    ...OPTIMIST,
    name: 'without a claim: what was abandoned is not taken over',
    find: 'return this.claimFirst(({ transaction }) => transaction(effect));',
    replace: 'return this.claimFirst(() => Promise.reject(new Settled()));',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: work that fails does not ask whether it was done before',
    find: 'return this.claimFirst(() => Promise.reject(error));',
    replace: 'throw error;',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: a reply that asks for a retry is stored',
    find: 'if (isTransient(reply.status)) return this.remembered(await this.claimFirst(() => Promise.resolve(reply)));',
    replace: '',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: a reply that asks for a retry comes before the one that is stored',
    find: 'return this.remembered(await this.claimFirst(() => Promise.resolve(reply)));',
    replace: "return { kind: 'executed', reply };",
  },
  {
    ...OPTIMIST,
    name: 'without a claim: what the work makes of a replay is the answer',
    find: 'if (this.execution !== undefined) return this.remembered(this.executed ?? (await this.execution));',
    replace: "if (this.execution !== undefined) return { kind: 'executed', reply };",
  },
  {
    ...OPTIMIST,
    name: 'without a claim: what the work of a replay throws is thrown on',
    find: "if (execution !== undefined && execution.kind !== 'executed') return execution;",
    replace: '',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: work may have two effects',
    find: 'if (this.execution !== undefined)\n      return Promise.reject',
    replace: 'if (this.execution === null)\n      return Promise.reject',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: an effect that failed is the only one',
    find: 'this.execution = undefined;\n        this.failed',
    replace: 'this.failed',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: a transaction that nobody waits for ends the process',
    find: 'stored.catch(() => undefined);',
    replace: '',
  },
  {
    ...OPTIMIST,
    name: 'without a claim: the retention is that of a lease',
    find: 'store.commitUnclaimed(id, request, effect, times.retainMs)',
    replace: 'store.commitUnclaimed(id, request, effect, times.leaseMs)',
  },
  {
    ...OPTIMIST,
    file: 'idempotency/execute.ts',
    name: 'without a claim: a retry is worked on where it was executed',
    find: 'if (recent.has(id.key)) return claimFirst(work);',
    replace: '',
  },
  {
    ...REREAD,
    name: 'what a handler does with the bytes of a request reaches whoever reads them next',
    find: 'return this.content.slice();',
    replace: 'return this.content;',
  },
  {
    ...REREAD,
    name: 'what a handler does with the JSON of a request reaches whoever reads it next',
    find: 'this.parsed = undefined;',
    replace: '',
  },
  {
    ...REREAD,
    name: 'a request has another stream each time that it is asked for',
    find: 'this.copy ??= this.clone();',
    replace: 'this.copy = this.clone();',
  },
  {
    ...PHASES,
    name: 'a foreign call that has failed frees the key for other requests',
    find: 'this.begun = true;\n    const key',
    replace: 'const key',
  },
  {
    ...PHASES,
    name: 'a phase is executed again by the request that takes over',
    find: 'this.results = new Map(points.map(({ phase, result }) => [phase, result]));',
    replace: 'this.results = new Map(points.map(({ phase, result }) => [result, phase]));',
  },
  {
    ...HANDLER,
    name: 'the keys of all principals are one',
    find: '{ principal, key: key.key }',
    replace: "{ principal: principal && 'all', key: key.key }",
  },
  {
    ...HANDLER,
    name: 'a replay cannot be told from the first reply',
    find: 'toResponse(execution.reply, true)',
    replace: 'toResponse(execution.reply, false)',
  },
  {
    ...HANDLER,
    name: 'a retry is told to come before the lease has ended',
    find: 'Math.ceil(execution',
    replace: 'Math.floor(execution',
  },
  {
    ...REPLY,
    name: 'a replay repeats every header',
    find: 'headers: headers.filter(([name]) => repeated.has(name.toLowerCase()))',
    replace: 'headers: headers.filter(([name]) => repeated.size > 0 || name)',
  },
  {
    ...REPLY,
    name: 'a replay of a service behind this one is told as one of this',
    find: 'name.toLowerCase() !== REPLAYED_HEADER',
    replace: "name !== ''",
  },
  {
    ...REPLY_BYTES,
    name: 'text that is no UTF-8 is made so',
    find: 'fatal: true',
    replace: 'fatal: false',
  },
  {
    ...REPLY_BYTES,
    name: 'text loses its byte order mark',
    find: 'ignoreBOM: true',
    replace: 'ignoreBOM: false',
  },
  {
    ...REPLY_BYTES,
    name: 'text of no type is given one',
    find: 'if (!isTyped || body',
    replace: 'if (body',
  },
  {
    ...REPLY,
    name: 'a replay of a service behind this one is told as one of this, where no header is sent twice',
    find: 'if (lower === REPLAYED_HEADER) continue;',
    replace: '',
  },
  {
    ...REPLY,
    name: 'of two header fields with one name only the last is sent',
    find: 'isOnce &&= fields[lower] === undefined;',
    replace: '',
  },
  {
    ...KEY,
    name: 'the bare and the quoted spelling are two keys',
    find: 'return key;\n  } catch',
    replace: 'return JSON.stringify(key);\n  } catch',
  },
  {
    ...KEY,
    name: 'the parameters of a key are passed over',
    find: 'if (parameters.size > 0)',
    replace: 'if (parameters.size < 0)',
  },
  {
    ...KEY,
    name: 'a bare key may hold a comma, as two header lines do',
    find: '0-9A-Za-z:/]+$/',
    replace: '0-9A-Za-z:/, ]+$/',
  },
  {
    ...JSON_BODY,
    name: 'of two members with one name, JSON.parse keeps the second',
    find: 'if (seen.has(name)) throw',
    replace: 'if (seen.has(name) && name === text) throw',
  },
  {
    ...JSON_BODY,
    name: 'whatever JSON.parse understands is taken for unambiguous',
    find: 'JSON.stringify(value) === text ? value',
    replace: 'JSON.stringify(value) !== undefined ? value',
  },
  {
    ...JSON_BODY,
    name: 'a number is what JSON.parse makes of it',
    find: 'if (!isExact(number)) throw',
    replace: 'if (!isExact(number) && number === text) throw',
  },
  {
    ...JSON_BODY,
    name: 'members count as sorted whatever their order',
    find: '(last !== undefined && name < last) || ',
    replace: '',
  },
  {
    ...JSON_BODY,
    name: 'only the members of the outermost object are sorted',
    find: ' || !isSorted(member)',
    replace: '',
  },
  {
    ...JSON_BODY,
    name: 'the members of objects in a list are not sorted',
    find: 'if (Array.isArray(value)) return value.every(isSorted);',
    replace: 'if (Array.isArray(value)) return true;',
  },
  {
    ...JSON_BODY,
    name: 'the order of members counts',
    find: 'canonical: canonicalize(value) as string',
    replace: 'canonical: JSON.stringify(value) ?? String(canonicalize(value))',
  },
  {
    ...FINGERPRINT,
    name: 'the query does not count',
    find: 'const type = mediaTypeOf(contentType);',
    replace: "target = target.replace(/\\?.*/s, '');\n  const type = mediaTypeOf(contentType);",
  },
  {
    ...FINGERPRINT,
    name: 'the method does not count',
    find: 'const type = mediaTypeOf(contentType);',
    replace: "method = '';\n  const type = mediaTypeOf(contentType);",
  },
  {
    ...FINGERPRINT,
    name: 'the parts run together',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    find: '`${method.length}:${method}${target.length}:${target}${type.length}:${type}`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    replace: '`${method}${target}${type}`',
  },
];
