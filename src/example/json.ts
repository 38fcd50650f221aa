/** A JSON number that no double holds: 9007199254740993, 1e400. */
export class ExactNumber {
  /** As the document has it. */
  readonly source: string;
  /** The same for every spelling of the same value. */
  readonly normal: string;

  constructor(source: string, normal: string) {
    this.source = source;
    this.normal = normal;
  }
}

export type Json = null | boolean | number | string | ExactNumber | Json[] | { [name: string]: Json };

/** A double keeps this many significant digits of any decimal number. */
const SAFE_DIGITS = 15;

/**
 * Parses JSON without rounding its numbers, where the engine says how they were written; elsewhere they are doubles.
 * @returns undefined when the text is no JSON.
 */
export function parseJson(text: string): { value: Json } | undefined {
  try {
    return { value: JSON.parse(text, exact) as Json };
  } catch (error) {
    // The walk over the values recurses, parsing alone does not.
    return error instanceof RangeError ? parsePlainly(text) : undefined;
  }
}

function parsePlainly(text: string): { value: Json } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function exact(_: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const { digits, normal } = normalize(context.source);
  return digits > SAFE_DIGITS || !Number.isFinite(value) ? new ExactNumber(context.source, normal) : value;
}

/** Sign, digits without zeros at either end, and exponent. */
function normalize(source: string): { digits: number; normal: string } {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const significant = `${whole}${fraction}`.replace(/^0+/, '');
  // Only where a row of zeros begins: tried from each one in it, a server's long number would take hours.
  const digits = significant.replace(/(?<!0)0+$/, '');
  const power = Number(exponent) - fraction.length + significant.length - digits.length;
  return { digits: digits.length, normal: digits === '' ? '0' : `${sign}${digits}e${power}` };
}
