import type { Token, Tokens } from 'marked';
import type { Example } from '../../topic/descriptor.ts';
import type { DiagnosticCode, Finding, Position } from '../../topic/diagnostic.ts';
import { type HttpMessage, looksLikeMessage, parseMessage } from './message.ts';

/** Where the two fences of an example begin: the lines of their request line and status line. */
export interface ExamplePosition {
  request: Position;
  response?: Position;
}

/** What a fence is to the page. */
export interface ExampleRole {
  id: string;
  part: 'request' | 'response';
  /** Whether nothing stands between request and response. */
  joined: boolean;
}

export interface FoundExamples {
  examples: Example[];
  /** One for each example. */
  examplePlaces: ExamplePosition[];
  roles: Map<Token, ExampleRole>;
  findings: Finding[];
}

/**
 * Finds the examples of a body: each `http` fence with a request, and the response that the next one promises. A fence that is
 * not understood is reported and stays what it is: code.
 * @param firstLine line of the file on which the tokens begin.
 */
export function findExamples(tokens: Token[], firstLine: number): FoundExamples {
  const pairing = new Pairing();
  for (const fence of fencesIn(tokens, firstLine)) {
    const { language } = fence;
    if (language.toLowerCase() === 'http') pairing.add(fence);
    else if (language.toLowerCase() !== 'text' && looksLikeMessage(fence.token.text)) {
      const hint = 'write ```http, so that it is run; or ```text when it is no example';
      pairing.report(fence, 'example-untagged', 'this looks like an HTTP message and is not tagged as one', hint);
    }
  }
  return pairing.finish();
}

/** A fenced code block, and where it stands. */
interface Fence {
  token: Tokens.Code;
  /** First word of the info string. */
  language: string;
  /** The other words of the info string. */
  info: string;
  siblings: Token[];
  index: number;
  /** The place of a line of its text, from 0; -1 is the opening fence. */
  at(line: number, column?: number): Position;
}

/** The request that waits for its response: `undefined` when there is none, `broken` when it has been reported already. */
type Pending = { fence: Fence; example: Example } | 'broken' | undefined;

/** Brings requests and responses together, in reading order. */
class Pairing {
  private readonly found: FoundExamples = { examples: [], examplePlaces: [], roles: new Map(), findings: [] };
  private readonly ids = new Set<string>();
  private requests = 0;
  private pending: Pending;

  add(fence: Fence): void {
    const message = parseMessage(fence.token.text);
    for (const { line, column, message: text, hint } of message.problems)
      this.report(fence, 'example-invalid', text, hint, line, column);
    if (message.kind === 'request') this.addRequest(fence, message);
    else if (message.kind === 'response') this.addResponse(fence, message);
    else this.settlePending();
  }

  private addRequest(fence: Fence, { request, problems }: HttpMessage & { kind: 'request' }): void {
    this.settlePending();
    this.requests++;
    const words = this.infoWords(fence);
    this.pending = 'broken';
    if (problems.length > 0 || words === undefined) return;
    const { id = String(this.requests), parallel, skip } = words;
    this.ids.add(id);
    const flags = { ...(parallel ? { parallel } : {}), ...(skip === undefined ? {} : { skip }) };
    this.pending = { fence, example: { id, ...flags, request } };
  }

  private addResponse(fence: Fence, { response, problems }: HttpMessage & { kind: 'response' }): void {
    const { pending } = this;
    this.pending = undefined;
    if (fence.info !== '') {
      const hint = 'id, parallel and skip stand on the fence of the request';
      this.report(fence, 'example-invalid', `"${fence.info}" is not understood on a response`, hint);
      return;
    }
    if (problems.length > 0 || pending === 'broken') return;
    if (pending === undefined) {
      const hint = 'put the request that it answers into an http fence before it, or tag this one text';
      this.report(fence, 'example-without-request', 'no request comes before this response', hint);
      return;
    }
    const joined = areNeighbours(pending.fence, fence);
    this.keep({ ...pending.example, response }, pending.fence, fence, joined);
  }

  /** A request that no response followed. */
  private settlePending(): void {
    const { pending } = this;
    this.pending = undefined;
    if (pending === undefined || pending === 'broken') return;
    const { fence, example } = pending;
    if (example.skip !== undefined) this.keep(example, fence);
    else {
      const hint = 'put the response into an http fence after it, or write skip="reason" behind ```http';
      this.report(fence, 'example-without-response', 'this request promises no response', hint);
    }
  }

  private keep(example: Example, request: Fence, response?: Fence, joined = false): void {
    const { id } = example;
    this.found.examples.push(example);
    this.found.examplePlaces.push({
      request: request.at(0),
      ...(response === undefined ? {} : { response: response.at(0) }),
    });
    this.found.roles.set(request.token, { id, part: 'request', joined });
    if (response !== undefined) this.found.roles.set(response.token, { id, part: 'response', joined });
  }

  report(fence: Fence, code: DiagnosticCode, message: string, hint: string, line = -1, column = 0): void {
    this.found.findings.push({ ...fence.at(line, column), code, message, hint });
  }

  /** What stands behind `http`; undefined when a word is not understood, which has been reported then. */
  private infoWords(fence: Fence): InfoWords | undefined {
    const words: InfoWords = {};
    const problem = (message: string, hint: string) => {
      this.report(fence, 'example-invalid', message, hint);
      return undefined;
    };
    for (const [word] of fence.info.matchAll(/[^\s"]*"[^"]*"?\S*|\S+/g)) {
      const id = /^id=([a-z][a-z0-9-]*)$/.exec(word)?.[1];
      const skip = /^skip="([^"]*)"$/.exec(word)?.[1]?.trim();
      if (id !== undefined && words.id === undefined) words.id = id;
      else if (skip && words.skip === undefined) words.skip = skip;
      else if (word === 'parallel') words.parallel = true;
      else
        return problem(
          `"${word}" is not understood behind http`,
          'there are id=name (a–z, 0–9, -), parallel, and skip="reason"',
        );
    }
    if (words.id !== undefined && this.ids.has(words.id))
      return problem(`another example of this topic has the id "${words.id}"`, 'give each one a name of its own');
    if (words.parallel && this.requests === 1)
      return problem('no request comes before this one, to be sent together with', 'leave out "parallel"');
    return words;
  }

  finish(): FoundExamples {
    this.settlePending();
    return this.found;
  }
}

interface InfoWords {
  id?: string;
  parallel?: true;
  skip?: string;
}

/** Whether nothing that is shown stands between two fences. */
function areNeighbours(first: Fence, second: Fence): boolean {
  const between = second.siblings === first.siblings ? second.siblings.slice(first.index + 1, second.index) : undefined;
  return between?.every(({ type }) => type === 'space' || type === 'def') ?? false;
}

/** Every fenced code block in reading order, those in lists and quotes too. */
function fencesIn(tokens: Token[], firstLine: number): Fence[] {
  const fences: Fence[] = [];
  let line = firstLine;
  for (const [index, token] of tokens.entries()) {
    const lines = token.raw.split('\n');
    visit(tokens, index, new Search(lines, line), fences);
    line += lines.length - 1;
  }
  return fences;
}

function visit(siblings: Token[], index: number, search: Search, fences: Fence[]): void {
  const token = siblings[index] as Token;
  const inside = (tokens: Token[]) => {
    for (const nested of tokens.keys()) visit(tokens, nested, search, fences);
  };
  if (token.type === 'blockquote') inside((token as Tokens.Blockquote).tokens);
  else if (token.type === 'list') for (const item of (token as Tokens.List).items) inside(item.tokens);
  // What only looks like a fence inside raw HTML has to be passed over.
  else if (token.type === 'html') search.pass(token.raw);
  else if (token.type === 'code') {
    const at = search.pass(token.raw);
    const code = token as Tokens.Code;
    if (code.codeBlockStyle === 'indented') return;
    const [, language = '', info = ''] = /^(\S*)\s*(.*)$/s.exec(code.lang ?? '') ?? [];
    const text = code.text.split('\n');
    fences.push({
      token: code,
      language,
      info,
      siblings,
      index,
      at: (line, column = 0) => search.position(at + 1 + line, line < 0 ? undefined : text[line], column),
    });
  }
}

/** What may stand on a line before a block: quote marks, bullets, numbers, the box of a task. */
const CONTAINER_MARKS = /^[\s>*+\-\d.)[\]xX]+/;

/** Finds blocks in the lines of the top-level block that holds them: nested ones have lost their indentation. */
class Search {
  private readonly lines: string[];
  private readonly firstLine: number;
  /** Lines by what stands on them, last one first: each is looked at once, however many blocks there are. */
  private byContent: Map<string, number[]> | undefined;
  private cursor = 0;

  /** @param firstLine line of the file on which the lines begin. */
  constructor(lines: string[], firstLine: number) {
    this.lines = lines;
    this.firstLine = firstLine;
  }

  /** Moves past a block; answers the index of its first line, or of the nearest one that is known. */
  pass(raw: string): number {
    const block = raw.split('\n');
    const at = this.next(contentOf(block[0] as string)) ?? Math.min(this.cursor, this.lines.length - 1);
    this.cursor = at + Math.max(1, block.at(-1) === '' ? block.length - 1 : block.length);
    return at;
  }

  /** The next line with this content, from the cursor on. */
  private next(content: string): number | undefined {
    // Most blocks are in no list or quote, and begin where their raw text does.
    if (this.cursor === 0 && contentOf(this.lines[0] as string) === content) return 0;
    this.byContent ??= indexLines(this.lines);
    const places = this.byContent.get(content) ?? [];
    while (places.length > 0 && (places.at(-1) as number) < this.cursor) places.pop();
    return places.at(-1);
  }

  /**
   * @param index of the line.
   * @param text what stands there without the marks of lists and quotes around it; the place is counted within it.
   */
  position(index: number, text: string | undefined, column: number): Position {
    const line = this.lines[index] ?? '';
    const start = text === undefined ? /[`~]/.exec(line)?.index : line.indexOf(text);
    return { line: this.firstLine + index, column: Math.max(0, start ?? 0) + column + 1 };
  }
}

function contentOf(line: string): string {
  return line.trim().replace(CONTAINER_MARKS, '');
}

function indexLines(lines: string[]): Map<string, number[]> {
  const index = new Map<string, number[]>();
  for (let at = lines.length - 1; at >= 0; at--) {
    const content = contentOf(lines[at] as string);
    const places = index.get(content);
    if (places === undefined) index.set(content, [at]);
    else places.push(at);
  }
  return index;
}
