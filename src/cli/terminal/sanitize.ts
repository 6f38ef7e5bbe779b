// What of a child's output may reach a terminal: text and SGR, that is colours and weights, of what was seen at a line's end. Nothing
// that moves the cursor, sets a title, writes the clipboard (OSC 52), makes a link or asks the terminal to answer:
// CVE-2021-25743 and its kin. The model of text/seen.ts carries such sequences out; none of them leaves it.
import { directionMarks } from '../../text/ansi.ts';
import { type Run, seenRows } from '../../text/seen.ts';
import { expandTabs } from '../../text/width.ts';

/** C0 but tab, DEL and C1. */
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

export type TerminalRows = {
  /** At least one; more where the line has drawn on several rows. */
  readonly rows: readonly string[];
  /** SGR parameters in force behind the line. */
  readonly sgr: string;
};

/**
 * One line of output as it may be printed. Tabs become spaces, since a tab moves the cursor and erases nothing.
 * @param colour whether SGR sequences are kept; they are ended at the end of each row
 * @param sgr parameters in force before the line: colours carry on over line ends
 */
export function terminalRows(line: string, colour: boolean, sgr = ''): TerminalRows {
  const seen = seenRows(line, sgr);
  return { rows: seen.rows.map((runs) => rowText(runs, colour)), sgr: seen.sgr };
}

/** As `terminalRows`, in one row. */
export function sanitizeLine(line: string, colour: boolean): string {
  return terminalRows(line, colour).rows.join(' ');
}

export function rowText(runs: readonly Run[], colour: boolean): string {
  let text = '';
  let column = 0;
  let isColoured = false;
  for (const run of runs) {
    const clean = expandTabs(run.text.replace(controls, '').replace(directionMarks, ''), column);
    column += clean.length;
    if (colour && run.sgr !== '') {
      text += `${isColoured ? '\x1b[0m' : ''}\x1b[${run.sgr}m${clean}`;
      isColoured = true;
    } else {
      text += isColoured ? `\x1b[0m${clean}` : clean;
      isColoured = false;
    }
  }
  return isColoured ? `${text}\x1b[0m` : text;
}
