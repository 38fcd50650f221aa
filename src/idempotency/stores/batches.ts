import { StoreError } from '../store.ts';

/** The most questions in one statement; what they find is answered together, bodies included. */
const BATCH = 100;

interface Waiting<Question, Answer> {
  question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export interface BatchesOptions<Question> {
  /** The most questions in one statement; {@link BATCH} by default. */
  most?: number;
  /**
   * Whether a statement leaves although the one before is not back: as soon as there are `most` questions, or the turn of the event loop is over.
   * For a server that is asked over one connection: so neither side waits for the other.
   */
  isEager?: boolean;
  /** How much of the room of a batch a question takes, and how much room there is; one that is larger has a batch of its own. */
  room?: { of(question: Question): number; limit: number };
}

/**
 * Many questions, one statement: those that come in one turn of the event loop, or while a statement is under way, go with the next one, so
 * that they share a round trip and a commit.
 *
 *     question ─► waiting ┐
 *     question ─► waiting ┼─► one statement ─► every question is answered
 *     question ─► waiting ┘    (the next one leaves when this one is back, or at once where they are eager)
 */
export class Batches<Question, Answer> {
  private readonly send: (questions: Question[]) => Promise<Answer[]>;
  private readonly most: number;
  private readonly room: BatchesOptions<Question>['room'];
  private readonly isEager: boolean;
  private waiting: Waiting<Question, Answer>[] = [];
  private isBusy = false;

  /** @param send asks; its answers are in the order of the questions. */
  constructor(
    send: (questions: Question[]) => Promise<Answer[]>,
    { most = BATCH, room, isEager = false }: BatchesOptions<Question> = {},
  ) {
    this.send = send;
    this.most = most;
    this.room = room;
    this.isEager = isEager;
  }

  /** @throws whatever `send` has thrown; where that is about one of many, about this one. */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ question, resolve, reject });
      if (this.isEager && this.waiting.length === this.most) this.leave();
      if (this.isBusy) return;
      this.isBusy = true;
      // What else is asked for in this turn of the event loop goes along.
      setImmediate(() => this.work());
    });
  }

  private async work(): Promise<void> {
    if (this.isEager) this.leave();
    while (this.waiting.length > 0) await this.answer(this.next());
    this.isBusy = false;
  }

  private leave(): void {
    while (this.waiting.length > 0) void this.answer(this.next());
  }

  private next(): Waiting<Question, Answer>[] {
    const { waiting, most, room } = this;
    let count = Math.min(waiting.length, most);
    if (room !== undefined) {
      let taken = room.of((waiting[0] as Waiting<Question, Answer>).question);
      let fitting = 1;
      while (fitting < count) {
        taken += room.of((waiting[fitting] as Waiting<Question, Answer>).question);
        if (taken > room.limit) break;
        fitting += 1;
      }
      count = fitting;
    }
    if (count === waiting.length) {
      this.waiting = [];
      return waiting;
    }
    return waiting.splice(0, count);
  }

  private async answer(batch: Waiting<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.send(batch.map(({ question }) => question));
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      if (batch.length === 1 || error instanceof StoreError) for (const { reject } of batch) reject(error);
      // What is wrong with one question, such as a text that PostgreSQL cannot keep, is its own affair.
      else for (const one of batch) await this.answer([one]);
    }
  }
}
