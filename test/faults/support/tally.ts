// What came of a fault: counted lines, and what was wrong. Adds them up and prints the table. Runs nothing.

export type Tally = {
  /** Runs, recoveries or deliveries that went through the fault. */
  readonly runs: number;
  /** Lines that were printed, as far as anybody had seen them. */
  readonly lines: number;
  /** Lines that did not arrive. */
  readonly missing: number;
  /** Lines that arrived more than once and do not collapse (same number, time and text do, in Loki). */
  readonly duplicated: number;
  /** Missing lines that no counter and no message admits. A promise is broken where this is not 0. */
  readonly unaccounted: number;
  /** What else was wrong, in words: a child left alive, a torn record, a wrong order. A promise is broken by each. */
  readonly problems: readonly string[];
};

export const nothing: Tally = { runs: 0, lines: 0, missing: 0, duplicated: 0, unaccounted: 0, problems: [] };

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (a, b) => ({
      runs: a.runs + b.runs,
      lines: a.lines + b.lines,
      missing: a.missing + b.missing,
      duplicated: a.duplicated + b.duplicated,
      unaccounted: a.unaccounted + b.unaccounted,
      problems: [...a.problems, ...b.problems],
    }),
    nothing,
  );
}

export function isKept(tally: Tally): boolean {
  return tally.duplicated === 0 && tally.unaccounted === 0 && tally.problems.length === 0;
}

export type Row = {
  readonly name: string;
  readonly what: string;
  readonly tally: Tally;
  readonly seconds: number;
  /** Why it was not run: then it has kept nothing. */
  readonly notRun?: string;
};

const heads = ['fault', 'runs', 'lines', 'missing', 'duplicated', 'unaccounted', 'problems'] as const;

/** A Markdown table, padded so that it reads in a terminal too; its last row is the totals. */
export function table(rows: readonly Row[]): string {
  const total: Row = { name: 'all', what: '', tally: sum(rows.map((row) => row.tally)), seconds: 0 };
  const cells = [...rows, total].map(({ name, tally, notRun }) => [
    name,
    ...(notRun === undefined ? numbersOf(tally) : ['not run', ...heads.slice(2).map(() => '')]),
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => row[column]!.length)));
  const pad = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [pad(heads), rule, ...cells.map(pad)].join('\n');
}

function numbersOf({ runs, lines, missing, duplicated, unaccounted, problems }: Tally): readonly string[] {
  return [runs, lines, missing, duplicated, unaccounted, problems.length].map((n) => n.toLocaleString('en'));
}
