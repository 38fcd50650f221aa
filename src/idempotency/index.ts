/**
 * Idempotency keys for HTTP APIs, after draft-ietf-httpapi-idempotency-key-header. Knows nothing of the rest of Docent, and needs
 * nothing but the Fetch API and WebCrypto; a store with its database client is handed in. `idempotent` makes a handler of requests
 * with keys out of a Fetch handler; `execute` is what is below it, for whoever speaks another protocol.
 */
export {
  type ExecuteOptions,
  type Execution,
  execute,
  HEARTBEAT_MS,
  LEASE_MS,
  RETENTION_MS,
  type Work,
} from './execute.ts';
export { type FingerprintedRequest, fingerprintOf } from './fingerprint.ts';
export { idempotent } from './handler.ts';
export type { HandlerWork, IdempotentHandler, IdempotentOptions } from './handler-options.ts';
export { type JsonOutcome, NESTING_LIMIT, readJson } from './json.ts';
export { KEY_LIMIT, type KeyOutcome, readIdempotencyKey } from './key.ts';
export { type Decision, type DecisionKind, keyTag, type Observer } from './observe.ts';
export { derivedKey } from './phase.ts';
export type { IdempotencyProblem, Refusal } from './problem.ts';
export { keepPurged, type PurgeOptions, purgeExpired } from './purge.ts';
export type { Claim, RecordId, RecordInfo, RecoveryPoint, Reply, RequestFacts } from './record.ts';
export { jsonReply, REPLAYED_HEADERS, toReply } from './reply.ts';
export {
  type CheckpointOutcome,
  type ClaimOutcome,
  type CommitOutcome,
  type CommitUnclaimedOutcome,
  type Effect,
  type IdempotencyStore,
  type PhaseEffect,
  StoreError,
  type StoreProblem,
} from './store.ts';
