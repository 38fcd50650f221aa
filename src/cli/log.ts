import type { Decision, DecisionKind } from '../idempotency/index.ts';
import type { Output } from './output.ts';

/** The severities of https://datatracker.ietf.org/doc/html/rfc5424#section-6.2.1 that occur. */
export type Level = 'info' | 'warning' | 'error';

/** Tells whoever runs the server, in a line, what is nobody's fault but the server's, or its surroundings'. */
export type Say = (message: string, level?: Exclude<Level, 'info'>) => void;

/** What points to a crash or an owner that was too slow, and what to an outage; everything else is as it should be. */
const LEVELS: Partial<Record<DecisionKind, Level>> = {
  'taken-over': 'warning',
  'lease-lost': 'warning',
  'store-failed': 'error',
};

/**
 * A log of JSON lines (https://jsonlines.org): one object for each event, `time` (RFC 3339, UTC) and `level` first. It holds no key and
 * no token in clear.
 */
export class JsonLog {
  private readonly output: Output;

  constructor(output: Output) {
    this.output = output;
  }

  /** One decision about a request with an idempotency key. */
  decision({ kind, tag, method, path, requestId, token, status, reason, elapsedMs }: Decision): void {
    const event = { decision: kind, tag, method, path, status, request_id: requestId, fencing_token: token, reason };
    this.write(LEVELS[kind] ?? 'info', { ...event, elapsed_ms: Math.round(elapsedMs * 1000) / 1000 });
  }

  readonly say: Say = (message, level = 'warning') => this.write(level, { message });

  /** Takes the place of an output: whatever is written to it at once becomes the message of one event. */
  get messages(): Output {
    return {
      write: (data) =>
        this.say(
          String(data)
            .replace(/^docent: /, '')
            .trimEnd(),
        ),
    };
  }

  private write(level: Level, event: object): void {
    this.output.write(`${JSON.stringify({ time: new Date().toISOString(), level, ...event })}\n`);
  }
}
