/** A sentence in a narrower column is read word by word. Columns of the terminal. */
const NARROWEST = 16;

/** Blanks between two columns of a table. */
export const COLUMN_GAP = 2;

/**
 * How wide each column of a table is to be: its natural width where all fit, else the widest ones give way.
 * @param natural width of each column with nothing wrapped.
 * @param longestWord width of each column's longest word, below which wrapping does not help.
 * @param available width of the whole table.
 * @returns undefined when no wrapping makes it fit.
 */
export function columnWidths(natural: number[], longestWord: number[], available: number): number[] | undefined {
  const widths = [...natural];
  const least = natural.map((width, column) => Math.min(width, Math.max(NARROWEST, longestWord[column] ?? 0)));
  let excess = natural.reduce((sum, width) => sum + width + COLUMN_GAP, -COLUMN_GAP) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [column, width] of widths.entries()) {
      if (width > (least[column] ?? 0) && width > (widths[widest] ?? 0)) widest = column;
    }
    if (widest < 0) return undefined;
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
  return widths;
}
