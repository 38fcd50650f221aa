// What times and numbers an option may have.

/** The longest that a timer can wait; given more, it fires at once. Milliseconds. */
const TIMER_LIMIT_MS = 2 ** 31 - 1;

/** The longest that anything is kept: a hundred years, which every clock can add to the time of day. Milliseconds. */
const TIME_LIMIT_MS = 100 * 366 * 24 * 60 * 60 * 1000;

/**
 * How long something is kept or held.
 * @throws {RangeError} for anything but a whole number of milliseconds from 1 to {@link TIME_LIMIT_MS}.
 */
export function checkTime(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > TIME_LIMIT_MS)
    throw new RangeError(
      `${name} is ${value}; it has to be a whole number of milliseconds, at least 1 and at most ${TIME_LIMIT_MS}`,
    );
}

/**
 * How long a timer waits.
 * @throws {RangeError} for what is not above 0, or above {@link TIMER_LIMIT_MS}.
 */
export function checkDelay(name: string, value: number): void {
  if (!(value > 0 && value <= TIMER_LIMIT_MS))
    throw new RangeError(`${name} is ${value}; it has to be more than 0 and at most ${TIMER_LIMIT_MS}`);
}
