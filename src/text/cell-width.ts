// How many columns a character takes in a terminal. Pure. Used where text is laid out in cells: src/text and the page's terminal.
// The wide ranges are those of East Asian Width W and F and of emoji, as the common terminals have them.

const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

/** Combining marks, joiners, variation selectors, a byte-order mark: they change the character before them. */
const noWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

/** 0, 1 or 2. */
export function cellWidth(point: number): number {
  if (point < 0x300) return 1;
  const isWide = wide.some(([from, to]) => point >= from && point <= to);
  // No ideograph, syllable or emoji is a mark; only the first blocks of the wide ranges hold some.
  if ((!isWide || point < 0x3400) && noWidth.test(String.fromCodePoint(point))) return 0;
  return isWide ? 2 : 1;
}
