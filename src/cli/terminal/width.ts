// How many columns a text takes on a terminal, and cutting it to fit. SGR sequences take none; no others may be in the text.
// Per grapheme, as terminals with Unicode support draw it: wide East Asian characters and emoji take two columns.

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
const sgr = /\x1b\[[0-9:;]*m/g;
const plainAscii = /^[\x20-\x7e]*$/;
/** Combining marks, joiners, variation selectors and other characters that have no width of their own. */
const noWidth = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]$/u;
const emoji = /^\p{Emoji_Presentation}|\ufe0f/u;

/** First and last code point of each wide range of Unicode's East Asian Width (W and F), emoji left to `emoji`. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18d8f],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

/** Columns of a text without line ends. */
export function textWidth(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text.replace(sgr, ''))) width += graphemeWidth(segment);
  return width;
}

/** The text cut to at most `columns`, with `…` where something was cut off. Colours are ended. */
export function fitText(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (textWidth(text) <= columns) return text;
  let width = 0;
  let fitted = '';
  let coloured = false;
  // Sequences and the text between them in turn: odd parts are sequences.
  for (const [index, part] of text.split(/(\x1b\[[0-9:;]*m)/).entries()) {
    if (index % 2 === 1) {
      fitted += part;
      coloured = true;
      continue;
    }
    for (const { segment } of segmenter.segment(part)) {
      const next = graphemeWidth(segment);
      // One column is kept for the mark.
      if (width + next > columns - 1) return `${fitted}…${coloured ? '\x1b[0m' : ''}`;
      fitted += segment;
      width += next;
    }
  }
  return fitted;
}

/** The text cut or filled with spaces to exactly `columns`. */
export function fillText(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const fitted = fitText(text, columns);
  const space = ' '.repeat(Math.max(0, columns - textWidth(fitted)));
  return side === 'left' ? fitted + space : space + fitted;
}

function graphemeWidth(segment: string): number {
  const code = segment.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return segment.includes('\ufe0f') ? 2 : 1;
  const [first = ''] = segment;
  if (noWidth.test(first)) return 0;
  return emoji.test(segment) || wideRanges.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}
