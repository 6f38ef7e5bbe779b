// The body of a log record: a line as it was seen at its end, valid UTF-8, in parts where it is too long for Loki. Pure.
import { isUtf8 } from 'node:buffer';
import { seenLine } from '../../../text/seen.ts';

/**
 * Loki refuses a line over 256 KB (`limits_config.max_line_size`), and counts bytes. Kept below 256,000 and not 262,144,
 * so that it holds whichever of the two a backend means.
 */
export const maxBodyBytes = 250_000;

export type LineText = {
  /** At least one. Together they are the line. */
  readonly parts: readonly string[];
  /** Bytes that are not UTF-8 were replaced by U+FFFD. The journal has the bytes. */
  readonly invalidUtf8: boolean;
};

/** A control character, or a C1 control as UTF-8: what was seen is not what was printed (text/seen.ts). */
const controls = /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/;

/** @param latin1 bytes as text, one character each @returns whether a line of them has to be drawn to know what was seen */
export function changesWhenSeen(latin1: string): boolean {
  return controls.test(latin1);
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function textOfLine(bytes: Uint8Array): LineText {
  const invalidUtf8 = !isUtf8(bytes);
  return { parts: splitText(seenLine(decoder.decode(bytes)), maxBodyBytes), invalidUtf8 };
}

/** Cuts a text into pieces of at most `limit` bytes of UTF-8, never inside a character. */
export function splitText(text: string, limit: number): readonly string[] {
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return [text];
  const bytes = Buffer.from(text);
  const parts: string[] = [];
  let start = 0;
  while (bytes.length - start > limit) {
    let end = start + limit;
    // 0b10xxxxxx is inside a character; one is at most 4 bytes long.
    while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
    parts.push(bytes.toString('utf8', start, end));
    start = end;
  }
  parts.push(bytes.toString('utf8', start));
  return parts;
}
