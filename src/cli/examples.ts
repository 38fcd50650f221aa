import type { Settings } from '../config/config.ts';
import type { Difference } from '../example/compare.ts';
import {
  countOutcomes,
  type ErrorPromise,
  errorPromise,
  type Ledger,
  ledgerLine,
  produces,
} from '../example/ledger.ts';
import { type Outcome, runExamples } from '../example/run.ts';
import type { Catalog, ExamplePlace } from '../topic/compiled.ts';
import { type Example, fold } from '../topic/descriptor.ts';
import { type Diagnostic, diagnose, plural, START } from '../topic/diagnostic.ts';

/** More differences than this have one cause. */
const SHOWN_DIFFERENCES = 5;

/** A value in a one-line message. Characters. */
const SHOWN_CHARACTERS = 100;

/** An example of a catalog that has been run. */
export interface CheckedExample {
  /** Dotted id; empty for the landing text. */
  topic: string;
  place: ExamplePlace;
  outcome: Outcome;
}

/** What running every example of a catalog gave. */
export interface ExampleReport {
  examples: CheckedExample[];
  ledger: Ledger;
  /** One for each example that was not kept or skipped, and for each error that no example shows. */
  diagnostics: Diagnostic[];
}

/**
 * Runs the examples of all topics, topic by topic, and looks whether each error that is raised today was really produced.
 * @param settings say which sources have no examples, when there are none.
 * @param hintFor what to do about an example of a topic that is not answered as promised.
 */
export async function checkExamples(
  catalog: Catalog,
  settings: Settings,
  baseUrl: string,
  hintFor: (topic: string) => string | undefined,
  signal: AbortSignal,
): Promise<ExampleReport> {
  const examples: CheckedExample[] = [];
  const diagnostics: Diagnostic[] = [];
  let found = 0;
  for (const { topic, list, places } of scenarios(catalog)) {
    found += list.length;
    let index = 0;
    for await (const outcome of runExamples(list, { baseUrl, signal }))
      examples.push({ topic, place: places[index++] as ExamplePlace, outcome });
  }
  for (const checked of examples) diagnostics.push(...exampleDiagnostics(checked, hintFor(checked.topic)));
  diagnostics.push(...errorDiagnostics(catalog, examples));
  if (found === 0) diagnostics.push(noExamples(settings));
  return { examples, ledger: { ...countOutcomes(examples.map(({ outcome }) => outcome)), found }, diagnostics };
}

interface Scenario {
  topic: string;
  list: Example[];
  places: ExamplePlace[];
}

function scenarios({ landing, topics }: Catalog): Scenario[] {
  const first = { topic: '', list: landing?.examples ?? [], places: landing?.examplePlaces ?? [] };
  const others = topics.map(({ descriptor, examplePlaces }) => {
    return { topic: descriptor.topic, list: descriptor.examples ?? [], places: examplePlaces };
  });
  return [first, ...others].filter(({ list }) => list.length > 0);
}

function exampleDiagnostics({ place, outcome }: CheckedExample, hint: string | undefined): Diagnostic[] {
  const { file, request, response = request } = place;
  const name = nameOf(outcome.example);
  if (outcome.kind === 'failed') {
    const message = `${name} was not answered: ${outcome.message}`;
    return [diagnose(file, { ...request, code: 'example-failed', message })];
  }
  if (outcome.kind !== 'broken') return [];
  const shown = outcome.differences.slice(0, SHOWN_DIFFERENCES).map(inWords);
  const more = outcome.differences.length - shown.length;
  const message = `${name} is not answered as promised: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  return [diagnose(file, { ...response, code: 'example-broken', message, ...(hint === undefined ? {} : { hint }) })];
}

function nameOf({ id, request }: Example): string {
  return `example ${id} (${request.method} ${shorten(request.target)})`;
}

function inWords({ where, promised, actual }: Difference): string {
  if (promised === undefined) return `${where}: got ${shorten(actual ?? '')}, which is not promised`;
  return `${where}: promised ${shorten(promised)}, got ${actual === undefined ? 'nothing' : shorten(actual)}`;
}

function shorten(text: string): string {
  const folded = fold(text);
  return folded.length > SHOWN_CHARACTERS ? `${folded.slice(0, SHOWN_CHARACTERS - 1)}…` : folded;
}

/** An error that is documented as raised today has to be seen today, in its own topic. */
function errorDiagnostics({ topics }: Catalog, examples: CheckedExample[]): Diagnostic[] {
  return topics.flatMap(({ descriptor, errorPlace }) => {
    const promise = errorPromise(descriptor);
    if (promise === undefined || errorPlace === undefined) return [];
    const own = examples.filter(({ topic }) => topic === descriptor.topic);
    if (own.some(({ outcome }) => produces(outcome, promise) || wasToProduce(outcome, promise))) return [];
    const message = `no example of this topic was answered with ${promise.statuses.join(' or ')} and ${promise.codes.join(' or ')}`;
    const hint = 'write one that produces the error, or "state: reserved" if nothing raises it today';
    return [diagnose(errorPlace.file, { ...errorPlace, code: 'error-without-example', message, hint })];
  });
}

/** An example that was to show the error and did not is reported already. */
function wasToProduce({ kind, example }: Outcome, { statuses }: ErrorPromise): boolean {
  return (kind === 'broken' || kind === 'failed') && statuses.includes(example.response?.status ?? 0);
}

function noExamples({ content }: Settings): Diagnostic {
  const hint = 'docent help topics says how to write one; without --run nothing has to be there';
  const message = `no example was found in ${plural(content.length, 'source')}`;
  return diagnose(content[0]?.shown ?? '.', { ...START, code: 'no-examples', message, hint });
}

/** The places of examples that were not run and why, then how many came to what. */
export function reportLines({ examples, ledger }: ExampleReport): string[] {
  const skipped = examples.flatMap(({ place: { file, request }, outcome }) => {
    if (outcome.kind !== 'skipped') return [];
    return `${file}:${request.line}:${request.column}: skipped: ${nameOf(outcome.example)}: ${fold(outcome.reason)}`;
  });
  return [...skipped, ledgerLine(ledger)];
}

/** The same as data. */
export function reportData({ examples, ledger }: ExampleReport): object {
  return {
    ledger,
    examples: examples.map(({ topic, place: { file, request }, outcome }) => ({
      topic,
      file,
      ...request,
      ...outcome,
    })),
  };
}
