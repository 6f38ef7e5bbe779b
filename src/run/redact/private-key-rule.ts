// Private keys in PEM and PGP armour: from the BEGIN line to the END line, over lines, escaped line ends or blanks.
// If END never comes, it stops at the first text that is not a line of a key, or at its size bound.
import { behindRun, byteSet, digits, type Rule, type Sighting, stopsAt, undecidedFrom } from './rule.ts';
import { at, OUTSIDE, startsEscapedBreak, textAt, type View } from './view.ts';

/** An RSA key of 16,384 bits has 12.7 KB of PEM; indentation and line numbers of a file viewer fit in twice. */
export const MAX_PRIVATE_KEY_BYTES = 32 * 1024;

/** `BEGIN ENCRYPTED PRIVATE KEY` and the like; the label is upper case, digits and blanks. */
const MAX_LABEL_BYTES = 48;
/** `DEK-Info: AES-256-CBC,` and 32 digits; comments of PGP are longer. */
const MAX_HEADER_BYTES = 256;
/** A line of a key has 64 to 76 characters, the last one any number. A shorter word is taken for the last line. */
const MIN_LONG_LINE_BYTES = 20;

const labelChars = byteSet(/[A-Z0-9 ]/);
const headerName = byteSet(/[A-Za-z-]/);
const bodyChars = byteSet(/[A-Za-z0-9+/=]/);
/** Blanks, the marks of a quoted or commented line, and what separates a line number of a file viewer from its line. */
const separators = byteSet(/[ \t\r\n>#|*]/);
const blanks = byteSet(/[ \t]/);
const backslashes = byteSet(/\\/);
const notLineEnd = byteSet(/[^\r\n\\]/);

export const privateKeyRule: Rule = {
  kind: 'private-key',
  openings: ['-----BEGIN '],
  // Lines of dashes are common in logs, so the word is looked for.
  anchorOffset: 5,
  read(view, index) {
    const opened = textAt(view, index, '-----BEGIN ');
    if (opened === 'no') return undefined;
    if (opened === 'partly') return undecidedFrom(index);
    const label = index + '-----BEGIN '.length;
    const labelEnd = behindRun(view, label, labelChars, MAX_LABEL_BYTES);
    if (stopsAt(view, labelEnd)) return undecidedFrom(index);
    if (!labelNames(view, label, labelEnd)) return undefined;
    const closed = textAt(view, labelEnd, '-----');
    if (closed === 'partly') return undecidedFrom(index);
    return closed === 'yes' ? readBody(view, index, labelEnd + 5) : undefined;
  },
};

function labelNames(view: View, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (textAt(view, i, 'PRIVATE KEY') === 'yes') return true;
  return false;
}

function readBody(view: View, from: number, bodyStart: number): Sighting | undefined {
  let end = bodyStart;
  let longLines = 0;
  let shortInARow = 0;
  const sighting = (undecided: number | undefined, more: boolean): Sighting | undefined => {
    if (longLines > 0) return { from, start: from, end, undecided, more, readTo: end };
    return more ? undecidedFrom(from) : undefined;
  };
  for (let i = bodyStart; i - from < MAX_PRIVATE_KEY_BYTES; ) {
    i = skipSeparators(view, i);
    if (stopsAt(view, i)) return sighting(undefined, true);
    const footer = readFooter(view, i);
    if (footer === 'partly') return sighting(i, true);
    if (footer !== undefined) {
      end = footer;
      return sighting(undefined, false);
    }
    if (longLines === 0) {
      const header = readHeader(view, i);
      if (header === 'partly') return sighting(i, true);
      if (header !== undefined) {
        i = header;
        continue;
      }
    }
    const lineEnd = behindRun(view, i, bodyChars, MAX_PRIVATE_KEY_BYTES);
    if (stopsAt(view, lineEnd)) {
      // Part of a line of a key is hidden at once, as it may be long; what may be a word has to end first.
      if (lineEnd - i < MIN_LONG_LINE_BYTES) return sighting(i, true);
      longLines++;
      end = lineEnd;
      return sighting(undefined, true);
    }
    if (lineEnd - i >= MIN_LONG_LINE_BYTES) {
      longLines++;
      shortInARow = 0;
    } else {
      const alone = endsLikeLastLine(view, lineEnd);
      if (alone === 'partly') return sighting(i, true);
      if (alone !== 'ended') shortInARow++;
      if (lineEnd === i || longLines === 0 || shortInARow > 1 || alone === 'no') return sighting(undefined, false);
    }
    end = lineEnd;
    i = lineEnd;
  }
  return sighting(undefined, false);
}

/** Whether a short line ends here as the last one of a key does: by its line end, or before END (then 'ended'). */
function endsLikeLastLine(view: View, index: number): 'yes' | 'ended' | 'no' | 'partly' {
  const next = at(view, index);
  if (next === OUTSIDE || next === 0x0a || next === 0x0d || startsEscapedBreak(view, index)) return 'yes';
  const behindBlanks = behindRun(view, index, blanks, MAX_HEADER_BYTES);
  if (stopsAt(view, behindRun(view, behindBlanks, backslashes, MAX_HEADER_BYTES))) return 'partly';
  const footer = readFooter(view, behindBlanks);
  if (footer === 'partly') return 'partly';
  return footer === undefined ? 'no' : 'ended';
}

/** Blanks and line ends, real or escaped, and the number that a file viewer put before a line. */
function skipSeparators(view: View, index: number): number {
  let i = index;
  for (;;) {
    const start = i;
    i = behindRun(view, i, separators, MAX_HEADER_BYTES);
    const letter = behindBackslash(view, i);
    if (letter !== undefined) i = letter;
    else if (i > start) i = behindLineNumber(view, i);
    if (i === start) return i;
  }
}

function behindBackslash(view: View, index: number): number | undefined {
  let i = index;
  while (at(view, i) === 0x5c && i - index < 7) i++;
  if (i === index) return undefined;
  if (stopsAt(view, i)) return i;
  const letter = at(view, i);
  return letter === 0x6e || letter === 0x72 || letter === 0x74 ? i + 1 : undefined;
}

/** `12:`, `12|`, `12` and a tab, or `12` and the arrow that Claude Code's Read tool prints. */
function behindLineNumber(view: View, index: number): number {
  const end = behindRun(view, index, digits, 6);
  if (end === index) return index;
  const mark = at(view, end);
  if (mark === 0x3a || mark === 0x7c || mark === 0x09) return end + 1;
  if (mark === 0x5c && at(view, end + 1) === 0x74) return end + 2;
  return mark === 0xe2 && at(view, end + 1) === 0x86 && at(view, end + 2) === 0x92 ? end + 3 : index;
}

/** Behind `-----END ...-----`; 'partly' when the text stops inside it. */
function readFooter(view: View, index: number): number | 'partly' | undefined {
  const opened = textAt(view, index, '-----END ');
  if (opened !== 'yes') return opened === 'partly' ? 'partly' : undefined;
  const label = index + '-----END '.length;
  const labelEnd = behindRun(view, label, labelChars, MAX_LABEL_BYTES);
  if (stopsAt(view, labelEnd)) return 'partly';
  const closed = textAt(view, labelEnd, '-----');
  if (closed === 'partly') return 'partly';
  return closed === 'yes' ? labelEnd + 5 : labelEnd;
}

/** Behind a line such as `Proc-Type: 4,ENCRYPTED`, before its line end. */
function readHeader(view: View, index: number): number | 'partly' | undefined {
  const nameEnd = behindRun(view, index, headerName, 32);
  if (nameEnd === index) return undefined;
  if (stopsAt(view, nameEnd)) return 'partly';
  if (at(view, nameEnd) !== 0x3a) return undefined;
  const end = behindRun(view, nameEnd, notLineEnd, MAX_HEADER_BYTES);
  return stopsAt(view, end) ? 'partly' : end;
}
