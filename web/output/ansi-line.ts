// What of a line may reach the terminal of the page: text as it was seen at its end, colours (SGR), and links to http and https.
// Lines are data from programs that nobody vouches for, so this allows and never forbids. Pure.
import { directionMarks } from '../../src/text/ansi.ts';
import { type Run, seenRows } from '../../src/text/seen.ts';
import { expandTabs } from '../../src/text/width.ts';

export type { Run } from '../../src/text/seen.ts';

/** Longer lines are cut on the screen, after they were collapsed; the download has all of them. 100 rows of 200 columns. */
export const shownChars = 20_000;

export type ParsedLine = {
  /** Rows that the line has drawn on follow each other, each but the last with a line feed at its end. */
  readonly runs: readonly Run[];
  /** SGR parameters in force behind the line. */
  readonly sgr: string;
};

/** @param sgr parameters in force before the line: colours carry on over line ends */
export function parseLine(raw: string, sgr = ''): ParsedLine {
  const seen = seenRows(raw, sgr);
  const runs: Run[] = [];
  let shown = 0;
  let leftOut = 0;
  for (const [index, row] of seen.rows.entries()) {
    let column = 0;
    if (index > 0) runs.push({ sgr: '', text: '\n', link: undefined });
    for (const run of row) {
      const room = Math.max(0, shownChars - shown);
      leftOut += Math.max(0, run.text.length - room);
      const text = expandTabs(run.text.slice(0, room), column).replace(directionMarks, '\ufffd');
      column += text.length;
      shown += text.length;
      if (text !== '') runs.push({ ...run, text });
    }
  }
  if (leftOut > 0) runs.push({ sgr: '', text: ` … ${leftOut} more characters`, link: undefined });
  return { runs, sgr: seen.sgr };
}

/** The line as a person reads it, for search and for copying. */
export function plainText(runs: readonly Run[]): string {
  return runs.map((run) => run.text).join('');
}
