import type { RedisConnection } from './redis-client.ts';

/** How a condition compares what a command reads with a value. */
export type Comparison = '=' | '<' | '<=' | '>' | '>=';

/**
 * What an effect on Redis writes. Redis cannot call us back inside a script, so an effect *collects*: nothing happens until it has
 * answered; then Redis checks the fence and the conditions, executes the commands in their order and stores the reply, all in one script.
 * To read, an effect uses a client of its own, before; what it has read may have changed since, unless a condition says otherwise.
 */
export interface RedisTransaction {
  /**
   * A command that writes: `command('HSET', 'charge:1', 'amount', '500')`. Keys are as they are, whatever prefix the client has.
   * @throws {TypeError} for a word that is neither string nor bytes.
   * @throws {RangeError} for more than {@link WORDS_LIMIT} words.
   */
  command(...words: (string | Uint8Array)[]): void;

  /**
   * A condition that has to hold when the commands are executed: `require(['ZCARD', 'charges'], '<', 10_000, () => new Full())`. All
   * conditions are checked before the first command. What is not there is equal to '' and counts as 0.
   * @param read a command that reads one value.
   * @param otherwise makes what is thrown when the condition does not hold; then nothing was done.
   */
  require(read: (string | Uint8Array)[], is: Comparison, value: string | number, otherwise: () => unknown): void;
}

/**
 * Thrown when a command of an effect fails and earlier ones of the same effect have been executed: Redis does not undo them. Whether the
 * effect may be executed again, nobody can tell without looking. So nobody executes it: the claim is over, every retry gets this error,
 * and a look-up says `in-progress`, until a day after the lease, or until somebody has put the data right and deleted the record.
 */
export class PartialEffectError extends Error {
  /** The record's name in Redis. */
  readonly record: string;

  /** @param problem which command has failed, and why. */
  constructor(record: string, problem: string) {
    super(
      `the effect was executed in part: ${problem}. The key stays blocked; put the data right, then delete ${record} in Redis`,
    );
    this.name = 'PartialEffectError';
    this.record = record;
  }
}

/** Lua hands no more than some thousands of values to a function; no command that a person writes is that long. */
export const WORDS_LIMIT = 1000;

/** One argument of a script. */
export type Word = string | Buffer;

/** What can be said of a command before it is executed. */
interface Shape {
  name: string;
  /** How many, its name included. */
  words: number;
  /** It must change nothing. */
  reads: boolean;
}

/** The transaction that an effect is given. */
export class Collector implements RedisTransaction {
  private readonly conditions: Word[] = [];
  private readonly otherwise: (() => unknown)[] = [];
  private readonly commands: Word[] = [];
  private commandCount = 0;
  private ended = false;
  readonly shapes: Shape[] = [];

  command(...words: (string | Uint8Array)[]): void {
    this.add(this.commands, words, false);
    this.commandCount += 1;
  }

  require(read: (string | Uint8Array)[], is: Comparison, value: string | number, otherwise: () => unknown): void {
    const command: Word[] = [];
    this.add(command, read, true);
    this.conditions.push(is, String(value), ...command);
    this.otherwise.push(otherwise);
  }

  /** Nothing is added any more. */
  end(): void {
    this.ended = true;
  }

  /** Characters and bytes, by and large. */
  get length(): number {
    let length = 0;
    for (const word of this.commands) length += word.length;
    return length;
  }

  /** How many words {@link tell} adds. */
  get size(): number {
    return this.conditions.length + this.commands.length + 2;
  }

  /** Adds what was collected to the arguments of a script; see `redis-scripts.ts`. */
  tell(args: Word[]): void {
    args.push(String(this.otherwise.length));
    for (const word of this.conditions) args.push(word);
    args.push(String(this.commandCount));
    for (const word of this.commands) args.push(word);
  }

  /** What is thrown because a condition does not hold. @param index counted from 1. */
  unmet(index: number): unknown {
    return this.otherwise[index - 1]?.();
  }

  private add(list: Word[], words: (string | Uint8Array)[], reads: boolean): void {
    if (this.ended) throw new TypeError('the effect has ended; what it writes it has to write before it answers');
    if (words.length > WORDS_LIMIT)
      throw new RangeError(`a command has ${words.length} words, not more than ${WORDS_LIMIT}`);
    const [name] = words;
    if (typeof name !== 'string') throw new TypeError('a command begins with its name');
    this.shapes.push({ name: name.toUpperCase(), words: words.length, reads });
    list.push(String(words.length));
    words.forEach((word, index) => {
      list.push(typeof word === 'string' ? word : toWord(word, index));
    });
  }
}

/** What the caller does with its bytes later must not reach what is sent. */
function toWord(word: Uint8Array, index: number): Buffer {
  if (word instanceof Uint8Array) return Buffer.from(word);
  throw new TypeError(`word ${index + 1} of a command is a ${typeof word}; it has to be a string or bytes`);
}

/**
 * What the server knows about its commands, so that a slip of the pen is found before the first of them is executed. Asked for once for
 * each name.
 */
export class CommandTable {
  private readonly connection: RedisConnection;
  private readonly known = new Map<string, CommandInfo | 'missing' | 'untold'>();

  constructor(connection: RedisConnection) {
    this.connection = connection;
  }

  /**
   * @returns a promise where the server has to be asked.
   * @throws {TypeError} for a command that a script cannot execute, whatever the data.
   * @throws {StoreError} when Redis cannot answer.
   */
  check(shapes: Shape[]): Promise<void> | undefined {
    if (!shapes.every(({ name }) => this.known.has(name))) return this.learnAndCheck(shapes);
    for (const shape of shapes) {
      const problem = problemOf(shape, this.known.get(shape.name));
      if (problem !== undefined) throw new TypeError(problem);
    }
    return undefined;
  }

  private async learnAndCheck(shapes: Shape[]): Promise<void> {
    const unknown = shapes.map(({ name }) => name).filter((name) => !this.known.has(name));
    await this.learn([...new Set(unknown)]);
    await this.check(shapes);
  }

  private async learn(names: string[]): Promise<void> {
    const replies = (await this.connection.ask('COMMAND', 'INFO', ...names)) as (CommandInfo | null)[] | undefined;
    for (const [index, name] of names.entries())
      this.known.set(name, replies === undefined ? 'untold' : (replies[index] ?? 'missing'));
  }
}

/** https://redis.io/docs/latest/commands/command/: a negative arity is the least number of words. */
type CommandInfo = [name: string, arity: number, flags: string[], ...unknown[]];

function problemOf({ name, words, reads }: Shape, info: CommandInfo | 'missing' | 'untold' = 'untold') {
  if (info === 'untold') return undefined;
  if (info === 'missing') return `Redis has no command ${name}`;
  const [, arity, flags] = info;
  if (flags.includes('noscript')) return `the command ${name} cannot be part of a script`;
  if (reads && !flags.includes('readonly')) return `the command ${name} does not only read, as a condition has to`;
  if (arity < 0 ? words < -arity : words !== arity) return `the command ${name} does not have ${words} words`;
  return undefined;
}
