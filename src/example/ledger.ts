import type { TopicDescriptor } from '../topic/descriptor.ts';
import { lastSegment } from '../topic/id.ts';
import { type Json, parseJson } from './json.ts';
import type { Outcome } from './run.ts';

/** What became of all examples that were found: `found` is the sum of the others. */
export interface Ledger {
  found: number;
  kept: number;
  broken: number;
  failed: number;
  skipped: number;
}

export function countOutcomes(outcomes: Outcome[]): Ledger {
  const ledger = { found: outcomes.length, kept: 0, broken: 0, failed: 0, skipped: 0 };
  for (const { kind } of outcomes) ledger[kind]++;
  return ledger;
}

/** `12 examples: 9 kept, 1 broken, 0 failed, 2 skipped`. */
export function ledgerLine({ found, kept, broken, failed, skipped }: Ledger): string {
  const examples = found === 1 ? '1 example' : `${found} examples`;
  return `${examples}: ${kept} kept, ${broken} broken, ${failed} failed, ${skipped} skipped`;
}

/** What an example of an error has to show. */
export interface ErrorPromise {
  /** One of these. */
  statuses: number[];
  /** One of these. */
  codes: string[];
}

/** What a topic says about an error that is raised today; undefined when it documents none. */
export function errorPromise({ topic, error }: TopicDescriptor): ErrorPromise | undefined {
  if (error === undefined || (error.state ?? 'active') !== 'active') return undefined;
  const statuses = [error.status, ...Object.values(error.status_by_dialect ?? {})];
  return {
    statuses: [...new Set(statuses)],
    codes: [...new Set([...Object.values(error.codes ?? {}), lastSegment(topic)])],
  };
}

/** Whether an exchange really produced an error: its status, and one of its codes in the answer. */
export function produces(outcome: Outcome, { statuses, codes }: ErrorPromise): boolean {
  if (outcome.kind !== 'kept' || !statuses.includes(outcome.actual.status)) return false;
  const json = parseJson(outcome.actual.body);
  return json !== undefined && holds(json.value, new Set(codes));
}

/** Whether any string of a document is one of these. Walks without recursion: a server may nest as it likes. */
function holds(document: Json, codes: Set<string>): boolean {
  const waiting: Json[] = [document];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === 'string' && codes.has(value)) return true;
    if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) waiting.push(inner);
  }
  return false;
}
