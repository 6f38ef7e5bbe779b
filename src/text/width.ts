// How many columns text takes on a terminal, and text that is made to fit: cut, filled up, its tabs expanded. SGR sequences take no
// column; no other sequences may be in the text. Used wherever text is laid out in cells: here, in the CLI, and on the page.

const sgr = /\x1b\[[0-9:;]*m/g;
const sgrOrText = /(\x1b\[[0-9:;]*m)/;
const plainAscii = /^[\x20-\x7e]*$/;
/** Combining marks, joiners, variation selectors, a byte-order mark: they change the character before them. */
const noWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const control = /^\p{Cc}/u;
const emoji = /^\p{Emoji_Presentation}|\ufe0f/u;
const tabWidth = 8;

/** First and last code point of the wide ranges of Unicode's East Asian Width (W and F), and of the blocks of emoji. */
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
  [0x1f200, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

/** The columns of one code point: 0, 1 or 2. */
export function cellWidth(point: number): number {
  if (point < 0x300) return 1;
  const isWide = wideRanges.some(([from, to]) => point >= from && point <= to);
  // No ideograph, syllable or emoji is a mark; only the first blocks of the wide ranges hold some.
  if ((!isWide || point < 0x3400) && noWidth.test(String.fromCodePoint(point))) return 0;
  return isWide ? 2 : 1;
}

/** Columns of a text without line ends, by grapheme, as terminals with Unicode support draw it. */
export function textWidth(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  for (const segment of graphemes(text.replace(sgr, ''))) width += graphemeWidth(segment);
  return width;
}

/** The text cut to at most `columns`, with `…` where something was cut off. Colours are ended. */
export function fitText(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (textWidth(text) <= columns) return text;
  let width = 0;
  let fitted = '';
  let isColoured = false;
  // Sequences and the text between them in turn: odd parts are sequences.
  for (const [index, part] of text.split(sgrOrText).entries()) {
    if (index % 2 === 1) {
      fitted += part;
      isColoured = true;
      continue;
    }
    for (const segment of graphemes(part)) {
      const next = graphemeWidth(segment);
      // One column is kept for the mark.
      if (width + next > columns - 1) return `${fitted}…${isColoured ? '\x1b[0m' : ''}`;
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

/** Spaces for tabs, since a tab moves the cursor and erases nothing. @param column at which the text begins */
export function expandTabs(text: string, column: number): string {
  // Most lines have none, and every line that is shown comes by here.
  if (!text.includes('\t')) return text;
  let expanded = '';
  for (const part of text.split(/(\t)/))
    expanded += part === '\t' ? ' '.repeat(tabWidth - ((column + expanded.length) % tabWidth)) : part;
  return expanded;
}

/**
 * Latin letters, punctuation, arrows, boxes and symbols without marks or joiners between them: each is a grapheme of its own. What
 * stepspan itself prints is made of these.
 */
const withoutClusters = /^[\x20-\x7e\xa1-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u2bff]*$/;

/** Made when it is first needed: with what Intl needs for it, it takes 7 MiB and 5 ms. */
let segmenter: Intl.Segmenter | undefined;

function* graphemes(text: string): Generator<string> {
  if (withoutClusters.test(text)) {
    yield* text;
    return;
  }
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

function graphemeWidth(segment: string): number {
  if (control.test(segment)) return 0;
  return emoji.test(segment) ? 2 : cellWidth(segment.codePointAt(0) ?? 0);
}
