import { type Decision, type DecisionKind, StoreError } from '../idempotency/index.ts';

/** From an answer out of memory to a store that is about to be given up. Seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All of them, so that a rate is 0 before the first one, and not unknown. */
const DECISIONS: Record<DecisionKind, true> = {
  claimed: true,
  'taken-over': true,
  expired: true,
  replayed: true,
  mismatch: true,
  'in-progress': true,
  stored: true,
  released: true,
  abandoned: true,
  'lease-lost': true,
  'store-failed': true,
};

/** What a server counts for Prometheus: https://prometheus.io/docs/practices/naming/ */
export interface Metrics {
  /** One decision about a request with an idempotency key. */
  decision(decision: Decision): void;
  /** An answer of the server, whatever it was about. */
  answered(response: Response): void;
  /** What was reported as the server's own fault, or its store's. */
  failed(error: unknown): void;
  /** Answers a scrape: `GET /metrics`. */
  answer(request: Request): Promise<Response>;
}

/**
 * Begins to count. The library is loaded only by who wants it.
 * @param version of Docent, told as `docent_build_info`.
 */
export async function startMetrics(version: string): Promise<Metrics> {
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const info = {
    name: 'docent_build_info',
    help: 'The version that runs; always 1.',
    labelNames: ['version'],
    registers,
  };
  new Gauge(info).set({ version }, 1);
  const decisions = new Counter({
    name: 'docent_idempotency_decisions_total',
    help: 'Decisions about requests with an idempotency key.',
    labelNames: ['decision'],
    registers,
  });
  const elapsed = new Histogram({
    name: 'docent_idempotency_decision_duration_seconds',
    help: 'From the arrival of a request at the idempotency store to a decision about it.',
    labelNames: ['decision'],
    buckets: BUCKETS,
    registers,
  });
  const requests = new Counter({
    name: 'docent_http_requests_total',
    help: 'Requests answered, by class of their status.',
    labelNames: ['status'],
    registers,
  });
  const failures = new Counter({
    name: 'docent_store_errors_total',
    help: 'Requests that the store of the reference API could not serve.',
    labelNames: ['problem'],
    registers,
  });
  for (const decision of Object.keys(DECISIONS)) decisions.inc({ decision }, 0);
  for (const status of ['2xx', '3xx', '4xx', '5xx']) requests.inc({ status }, 0);
  for (const problem of ['unavailable', 'full']) failures.inc({ problem }, 0);
  return {
    decision({ kind: decision, elapsedMs }) {
      decisions.inc({ decision });
      elapsed.observe({ decision }, elapsedMs / 1000);
    },
    answered: ({ status }) => requests.inc({ status: `${Math.floor(status / 100)}xx` }),
    failed(error) {
      if (error instanceof StoreError) failures.inc({ problem: error.problem });
    },
    answer: (request) => scrape(request, registry),
  };
}

async function scrape(
  { method, url }: Request,
  registry: { contentType: string; metrics(): Promise<string> },
): Promise<Response> {
  if (new URL(url).pathname !== '/metrics') return new Response('Metrics are at /metrics.\n', { status: 404 });
  if (method !== 'GET' && method !== 'HEAD')
    return new Response(null, { status: 405, headers: { Allow: 'GET, HEAD' } });
  const headers = { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' };
  return new Response(method === 'HEAD' ? null : await registry.metrics(), { headers });
}
