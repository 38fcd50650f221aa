import { type Outcome, runExamples } from '../example/run.ts';
import { TIME_LIMIT_MS } from '../example/send.ts';
import type { Example, TopicDescriptor } from '../topic/descriptor.ts';
import { type ExampleCard, findCards } from './run-cards.ts';

/** Runs the examples of a topic's page where they stand. Loaded by pages that have a Run button only. */

const UNREACHABLE =
  'The server does not answer. See that it is still running (docent serve) and that you are connected to it, then run again.';
const CHANGED = 'The topic is not what it was when this page was loaded. Load the page again.';

class RunControl {
  private readonly root: HTMLElement;
  private readonly start: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly progress: HTMLElement;
  private readonly cards: Map<string, ExampleCard>;
  private running: AbortController | undefined;

  constructor(root: HTMLElement) {
    this.root = root;
    this.start = find(root, 'button.start');
    this.stop = find(root, 'button.stop');
    this.progress = find(root, '.progress');
    this.cards = findCards();
    this.start.addEventListener('click', () => this.run());
    this.stop.addEventListener('click', () => this.running?.abort());
    find(root, '.control').hidden = false;
  }

  /** Runs all examples; a run that is under way stays the only one. */
  private async run(): Promise<void> {
    if (this.running !== undefined) return;
    this.running = new AbortController();
    this.setBusy(true);
    try {
      this.tell(await this.runAll(this.running.signal));
    } finally {
      this.running = undefined;
      this.setBusy(false);
    }
  }

  /** @returns what came of it, in a sentence or two. */
  private async runAll(signal: AbortSignal): Promise<string> {
    for (const card of this.cards.values()) card.clear();
    const examples = await this.load(signal);
    if (typeof examples === 'string') return examples;
    const count = examples.filter(({ skip }) => skip === undefined).length;
    // Said once and not for each: a screen reader would still be reading when all is over.
    this.tell(`Sending ${count} ${count === 1 ? 'request' : 'requests'} …`);
    for (const { id, skip } of examples) this.cards.get(id)?.setState(skip === undefined ? 'waiting' : 'skipped');
    const base = new URL(`${this.root.dataset.base}/`, window.location.href);
    const outcomes: Outcome[] = [];
    this.markRunning(examples[0]);
    for await (const outcome of runExamples(examples, { baseUrl: base.href, signal })) {
      outcomes.push(outcome);
      this.cards.get(outcome.example.id)?.show(outcome);
      this.markRunning(examples[outcomes.length]);
    }
    return summaryOf(outcomes);
  }

  /** The examples as they are now, or why there are none. */
  private async load(signal: AbortSignal): Promise<Example[] | string> {
    try {
      const response = await fetch(this.root.dataset.descriptor ?? '', {
        // The copy that a browser keeps would not tell whether the server is there.
        cache: 'no-store',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]),
      });
      if (!response.ok) return CHANGED;
      const { examples = [] } = (await response.json()) as TopicDescriptor;
      const isSame = examples.length === this.cards.size && examples.every(({ id }) => this.cards.has(id));
      return isSame ? examples : CHANGED;
    } catch {
      return signal.aborted ? 'Stopped.' : UNREACHABLE;
    }
  }

  private tell(message: string): void {
    this.progress.classList.add('told');
    this.progress.textContent = message;
  }

  private markRunning(example: Example | undefined): void {
    if (example !== undefined && example.skip === undefined) this.cards.get(example.id)?.setState('running');
  }

  private setBusy(busy: boolean): void {
    this.start.textContent = busy ? 'Running …' : 'Run again';
    // Not `disabled`: that would take the focus away from whoever has just pressed it.
    this.start.setAttribute('aria-disabled', String(busy));
    if (!busy && document.activeElement === this.stop) this.start.focus();
    this.stop.hidden = !busy;
  }
}

function summaryOf(outcomes: Outcome[]): string {
  const count = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind).length;
  const failures = outcomes.filter((outcome) => outcome.kind === 'failed');
  const stopped = failures.filter(({ reason }) => reason === 'aborted').length;
  const [kept, skipped] = [count('kept'), count('skipped')];
  const total = outcomes.length - skipped;
  const others = [
    ...(count('broken') > 0 ? [`${count('broken')} broken`] : []),
    ...(failures.length > stopped ? [`${failures.length - stopped} failed`] : []),
    ...(stopped > 0 ? [`${stopped} stopped`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  const result = `${[`${kept} of ${total} ${total === 1 ? 'promise' : 'promises'} kept`, ...others].join(', ')}.`;
  return failures.some(({ reason }) => reason === 'network') ? `${result} ${UNREACHABLE}` : result;
}

function find<T extends HTMLElement>(root: Element, selector: string): T {
  return root.querySelector(selector) as T;
}

for (const root of document.querySelectorAll<HTMLElement>('.example-run')) new RunControl(root);
