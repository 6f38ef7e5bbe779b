// What of a child's output may reach a terminal: text and SGR, that is colours and weights. Nothing that moves the cursor, sets
// a title, writes the clipboard (OSC 52), makes a link or asks the terminal to answer: CVE-2021-25743 and its kin.
import { stripAnsi } from '../../text/ansi.ts';

const tabWidth = 8;
const sgrOnly = /(\x1b\[[0-9:;]*m)/;
/** C0 but tab, DEL, C1, and the bidirectional controls that make text read otherwise than it is (CVE-2021-42574). */
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * One line of output as it may be printed. Of a line that was overwritten by carriage returns, as progress bars do, the last
 * writing stays, as it would on a terminal. Tabs become spaces, since a tab moves the cursor over what stands there.
 * @param colour whether SGR sequences are kept; they are ended at the end of the line
 */
export function sanitizeLine(line: string, colour: boolean): string {
  const overwritten = line.includes('\r') ? lastWriting(line) : line;
  let clean = '';
  let coloured = false;
  // Split at SGR first: what is left between may hold other sequences, and `stripAnsi` knows where those end.
  for (const [index, part] of splitSgr(overwritten)) {
    if (index === 'sgr') {
      if (!colour) continue;
      clean += part;
      coloured = true;
    } else clean += part.replace(controls, '');
  }
  return expandTabs(clean) + (coloured ? '\x1b[0m' : '');
}

function lastWriting(line: string): string {
  const written = line.split('\r').filter((part) => part !== '');
  return written.at(-1) ?? '';
}

/**
 * Takes out every sequence that is not SGR, and says which of the rest is SGR. A string sequence such as OSC swallows an SGR
 * inside it, so strings are taken out of the whole line before it is split: SGR is hidden from `stripAnsi` by standing in for it.
 */
function* splitSgr(line: string): Generator<readonly ['sgr' | 'text', string]> {
  if (!line.includes('\x1b') && !/[\x80-\x9f]/.test(line)) {
    yield ['text', line];
    return;
  }
  const withoutStrings = line.replace(strings, '');
  for (const [index, part] of withoutStrings.split(sgrOnly).entries()) {
    if (index % 2 === 1) yield ['sgr', part];
    else if (part !== '') yield ['text', stripAnsi(part)];
  }
}

/** OSC, DCS, SOS, PM and APC with their content, to their end or, without one, to the end of the line. */
const strings = /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?/g;

function expandTabs(text: string): string {
  if (!text.includes('\t')) return text;
  let column = 0;
  return text.replace(/\x1b\[[0-9:;]*m|\t|[^\t\x1b]+/g, (part) => {
    if (part.startsWith('\x1b')) return part;
    if (part !== '\t') {
      column += part.length;
      return part;
    }
    const spaces = tabWidth - (column % tabWidth);
    column += spaces;
    return ' '.repeat(spaces);
  });
}
