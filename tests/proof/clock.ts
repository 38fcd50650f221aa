/** Milliseconds on a scale that all processes of this machine share and that never goes back. */
export function instant(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What the clocks of stores show at first: an instant to begin at. */
const START_MS = Date.UTC(2026, 10, 22, 12);

/** By how much they go on at each step. Milliseconds. */
const STEP_MS = 1000;

/** Steps after which a clock that is wrong is wrong by another amount. */
const SKEW_STEPS = 16;

export interface ClockOptions {
  /** The instant at which it starts. */
  from: number;
  /** How long a step takes. Milliseconds. */
  everyMs: number;
  /** By how many steps it may be wrong, to either side. */
  skew: number;
  /** Which of all the clocks that are wrong it is. */
  seed: number;
  /** The store goes by its own clock instead, which is that of this machine; a step is then what it takes. */
  real?: boolean;
}

/** What a store goes by, and what is known about that. */
export interface HandleClock {
  /** To be handed to the store; undefined for one that has its own. */
  now: (() => number) | undefined;
  /** The length of a step on it: leases are so many steps. Milliseconds. */
  stepMs: number;
  /** Everything that it may have shown between two instants. */
  values(from: number, to: number): number[];
}

export function clockOf(options: ClockOptions): HandleClock {
  return options.real ? new RealClock(options.everyMs) : new StepClock(options);
}

/** This machine's clock, as far as another scale tells what it has shown. */
class RealClock implements HandleClock {
  readonly now = undefined;
  readonly stepMs: number;
  /** From the scale to the clock, which leaves out parts of a millisecond. */
  private readonly ahead = Date.now() - instant();

  constructor(stepMs: number) {
    this.stepMs = stepMs;
  }

  values(from: number, to: number): number[] {
    const first = Math.floor(from + this.ahead);
    const last = Math.floor(to + this.ahead) + 1;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }
}

/**
 * A clock that moves in large steps, so that it is known, apart from one or two values, what an operation has read of it; that moves far
 * faster than time, so that leases end while others are at work; and that goes wrong, and back.
 */
class StepClock implements HandleClock {
  readonly stepMs = STEP_MS;
  private readonly options: ClockOptions;

  constructor(options: ClockOptions) {
    this.options = options;
  }

  readonly now = () => this.show(this.stepAt(instant()));

  values(from: number, to: number): number[] {
    const values = new Set<number>();
    for (let step = this.stepAt(from); step <= this.stepAt(to); step += 1) values.add(this.show(step));
    return [...values];
  }

  private stepAt(at: number): number {
    return Math.floor((at - this.options.from) / this.options.everyMs);
  }

  private show(step: number): number {
    const { skew, seed } = this.options;
    const wrong = Math.round(random(seed, Math.floor(step / SKEW_STEPS)) * 2 * skew) - skew;
    return START_MS + (step + wrong) * STEP_MS;
  }
}

/** A number from 0 up to 1, the same for the same arguments. */
function random(seed: number, index: number): number {
  // The finalizer of MurmurHash3 over both.
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Draws numbers from 0 up to 1, the same for the same seed. */
export function randomness(seed: number): () => number {
  let index = 0;
  return () => random(seed, index++);
}
