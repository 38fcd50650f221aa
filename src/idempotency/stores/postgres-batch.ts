import { StoreError } from '../store.ts';

/** The most questions in one statement; what they find is answered together, bodies included. */
const BATCH = 100;

interface Waiting<Question, Answer> {
  question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Many questions, one statement: those that come while a statement is under way go with the next one, so that they share a round trip and
 * a commit.
 *
 *     question ─► waiting ┐
 *     question ─► waiting ┼─► one statement ─► every question is answered
 *     question ─► waiting ┘    (the next one leaves when this one is back)
 */
export class Batches<Question, Answer> {
  private readonly send: (questions: Question[]) => Promise<Answer[]>;
  private waiting: Waiting<Question, Answer>[] = [];
  private isBusy = false;

  /** @param send asks; its answers are in the order of the questions. */
  constructor(send: (questions: Question[]) => Promise<Answer[]>) {
    this.send = send;
  }

  /** @throws {StoreError} */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ question, resolve, reject });
      if (this.isBusy) return;
      this.isBusy = true;
      // What else is asked for in this turn of the event loop goes along.
      setImmediate(() => this.work());
    });
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) await this.answer(this.waiting.splice(0, BATCH));
    this.isBusy = false;
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
