// What of a child's output may reach a terminal: text and SGR, that is colours and weights, of what was seen at a line's end. Nothing
// that moves the cursor, sets a title, writes the clipboard (OSC 52), makes a link or asks the terminal to answer:
// CVE-2021-25743 and its kin. The model of text/seen.ts carries such sequences out; none of them leaves it.
import { type Run, seenRows } from '../../text/seen.ts';

const tabWidth = 8;
/** C0, DEL, C1, and the bidirectional controls that make text read otherwise than it is (CVE-2021-42574). */
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export type TerminalRows = {
  /** At least one; more where the line has drawn on several rows. */
  readonly rows: readonly string[];
  /** SGR parameters in force behind the line. */
  readonly sgr: string;
};

/**
 * One line of output as it may be printed. Tabs become spaces, since a tab moves the cursor over what stands there.
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
    const clean = withoutTabs(run.text.replace(controls, ''), column);
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

/** @param column where the text begins */
function withoutTabs(text: string, column: number): string {
  // Most lines have none, and every line that is shown comes by here.
  if (!text.includes('\t')) return text;
  let shown = '';
  for (const part of text.split(/(\t)/)) {
    shown += part === '\t' ? ' '.repeat(tabWidth - ((column + shown.length) % tabWidth)) : part;
  }
  return shown;
}
