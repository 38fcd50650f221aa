import type { Difference } from '../example/compare.ts';
import type { Outcome } from '../example/run.ts';
import { showResponse } from './response.ts';

/** How far an example is, in the word that its card shows. */
export type State = 'waiting' | 'running' | 'stopped' | Outcome['kind'];

/** More differences than a person reads; a page with an element for each of a hundred thousand no longer reacts. */
const SHOWN_DIFFERENCES = 20;

/** What a page shows about one example: a card where request and response are together, else the two where they stand. */
export class ExampleCard {
  private readonly label: Element | null;
  /** After what the real response is put. */
  private readonly last: Element;
  private readonly state = element('span', 'example-state');
  private actual: Element | undefined;

  /** @param request the element around the request. */
  constructor(request: Element, response: Element | null) {
    this.label = request.querySelector('.example-label');
    this.last = response ?? request;
  }

  /** Forgets the run before. */
  clear(): void {
    this.actual?.remove();
    this.actual = undefined;
    this.state.remove();
  }

  setState(state: State): void {
    this.label?.append(this.state);
    this.state.className = `example-state ${state}`;
    this.state.textContent = state;
  }

  show(outcome: Outcome): void {
    const stopped = outcome.kind === 'failed' && outcome.reason === 'aborted';
    this.setState(stopped ? 'stopped' : outcome.kind);
    const parts = stopped ? [] : partsOf(outcome);
    if (parts.length === 0) return;
    this.actual = element('div', `example-actual ${outcome.kind}`);
    this.actual.append(...parts);
    this.last.after(this.actual);
  }
}

/** The cards of the page by the ids of their examples. */
export function findCards(): Map<string, ExampleCard> {
  const cards = new Map<string, ExampleCard>();
  for (const request of document.querySelectorAll<HTMLElement>('.example-request[data-example]')) {
    const id = request.dataset.example ?? '';
    cards.set(id, new ExampleCard(request, document.querySelector(`.example-response[data-example="${id}"]`)));
  }
  return cards;
}

function partsOf(outcome: Outcome): Element[] {
  switch (outcome.kind) {
    case 'skipped':
      // The page says so already, unless it is the browser that cannot send it.
      return outcome.example.skip === undefined ? [label('Not run'), paragraph(outcome.reason)] : [];
    case 'failed':
      return [label('No response'), paragraph(outcome.message)];
    case 'kept':
    case 'broken': {
      const { actual, example } = outcome;
      const differences = outcome.kind === 'broken' ? [listOf(outcome.differences)] : [];
      const head = label('Actual response', `${actual.ms} ms`);
      const { html, others } = showResponse(actual, example.response);
      const rest = others.length > 0 ? [folded(countOf(others.length, 'more header'), others.join('\n'))] : [];
      return [head, ...differences, preformatted(html), ...rest];
    }
  }
}

function label(role: string, remark?: string): Element {
  const line = element('p', 'example-label');
  line.append(element('span', 'role', role));
  if (remark !== undefined) line.append(element('span', 'remark', remark));
  return line;
}

/** What the runner says in a line, as a sentence. A line may begin with a URL or a placeholder, which stays as it is. */
function paragraph(message: string): Element {
  const capital = message.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
  return element('p', 'example-message', `${capital}.`);
}

function listOf(differences: Difference[]): Element {
  const list = element('ul', 'example-differences');
  for (const { where, promised, actual } of differences.slice(0, SHOWN_DIFFERENCES)) {
    const item = element('li');
    item.append(element('strong', '', where), ': promised ', quoted(promised), ', got ', quoted(actual));
    list.append(item);
  }
  const more = differences.length - SHOWN_DIFFERENCES;
  if (more > 0) list.append(element('li', '', `and ${more} more`));
  return list;
}

function quoted(value: string | undefined): Element {
  return value === undefined ? element('em', '', 'nothing') : element('code', '', value === '' ? ' ' : value);
}

function folded(summary: string, text: string): Element {
  const details = element('details');
  const pre = element('pre', '', text);
  pre.setAttribute('tabindex', '0');
  details.append(element('summary', '', summary), pre);
  return details;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function preformatted(html: string): Element {
  const pre = element('pre');
  // What scrolls has to be reached by the keyboard.
  pre.setAttribute('tabindex', '0');
  const code = element('code', 'language-http');
  code.innerHTML = html;
  pre.append(code);
  return pre;
}

function element(name: string, className = '', text = ''): Element {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  if (text !== '') made.textContent = text;
  return made;
}
