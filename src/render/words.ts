import type { ErrorFacts } from '../topic/descriptor.ts';

/** What a page or terminal says for a word of the schema. */
interface Wording {
  word: string;
  meaning: string;
}

export const RETRYABLE: Record<ErrorFacts['retryable'], Wording & { phrase: string }> = {
  never: { word: 'Never', meaning: 'the same request fails again', phrase: 'not retryable' },
  'as-is': { word: 'As is', meaning: 'send the same request again', phrase: 'retryable as it is' },
  'with-caution': { word: 'With caution', meaning: 'look first at what happened', phrase: 'retryable with caution' },
};

export const STATE: Record<NonNullable<ErrorFacts['state']>, Wording> = {
  active: { word: 'Active', meaning: 'raised today' },
  reserved: { word: 'Reserved', meaning: 'documented, not raised yet' },
  retired: { word: 'Retired', meaning: 'no longer raised' },
};
