// Takes pictures and other data in base64 out of what goes to a backend: a tool result with a picture is megabytes that
// nobody searches. In its place is what it was and how large. The journal has the raw line. Pure, and the same for the
// same bytes, so that a resend is the same record.

import { formatBytes } from '../../../core/units.ts';

/** Shorter runs are ids, hashes and signatures of a line that is read as text. */
const MIN_CHARACTERS = 512;
/** Base64 with line ends, as `base64` prints it, has 76 characters in a line; JSON writes the line end as `\n`. */
const MIN_LINE_CHARACTERS = 60;
/** The media type is within so many bytes before or behind the data. */
const TYPE_DISTANCE = 300;

const base64Bytes = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
  base64Bytes[character.charCodeAt(0)] = 1;
const BACKSLASH = 0x5c;
const EQUALS = 0x3d;
const QUOTE = 0x22;

/** How files begin, in base64. */
const beginnings: readonly (readonly [string, string])[] = [
  ['iVBORw0KGg', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
  ['JVBERi', 'application/pdf'],
  ['UEsDB', 'application/zip'],
  ['H4sI', 'application/gzip'],
];

/** @returns `bytes` itself if it holds no base64 */
export function withoutBase64(bytes: Buffer): Buffer {
  if (bytes.length < MIN_CHARACTERS) return bytes;
  const parts: Buffer[] = [];
  let copied = 0;
  // A run holds a character of each place that is this far from the one before.
  for (let at = 0; at < bytes.length; at += MIN_LINE_CHARACTERS) {
    if (!isBase64At(bytes, at)) continue;
    let start = at;
    while (start > copied && isBase64At(bytes, start - 1)) start -= 1;
    // The letter of an escape such as `\n` is none of the data's.
    if (bytes[start - 1] === BACKSLASH) start += bytes[start] === 0x75 ? 5 : 1;
    const run = runFrom(bytes, start);
    if (run.characters >= MIN_CHARACTERS && looksEncoded(bytes, start)) {
      parts.push(bytes.subarray(copied, start), Buffer.from(markerOf(bytes, start, run)));
      copied = run.end;
    }
    at = Math.max(at, run.end - 1);
  }
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(copied)]);
}

/** For texts other than lines, such as attributes of Claude Code's own telemetry. */
export function textWithoutBase64(text: string): string {
  if (text.length < MIN_CHARACTERS) return text;
  const bytes = Buffer.from(text);
  const short = withoutBase64(bytes);
  return short === bytes ? text : short.toString();
}

/** For bytes that are not text: the bytes themselves, or the marker in their place. */
export function bytesMarker(bytes: Buffer): Buffer | string {
  const characters = Math.ceil(bytes.length / 3) * 4;
  if (characters < MIN_CHARACTERS) return bytes;
  const head = Buffer.from(bytes.toString('base64', 0, 48));
  return markerOf(head, 0, { end: head.length, characters });
}

/** False behind the end. */
function isBase64At(bytes: Buffer, at: number): boolean {
  return base64Bytes[bytes[at] ?? 0] === 1;
}

type Run = { readonly end: number; readonly characters: number };

function runFrom(bytes: Buffer, start: number): Run {
  let end = start;
  let characters = 0;
  for (;;) {
    const lineStart = behindLineEnd(bytes, end);
    let lineEnd = lineStart;
    while (isBase64At(bytes, lineEnd)) lineEnd += 1;
    const length = lineEnd - lineStart;
    const isShort = length < MIN_LINE_CHARACTERS;
    // A word behind the data is not its last line: that ends at padding, at a line end or at the end of the text.
    if (length === 0 || (isShort && characters > 0 && !endsLine(bytes[lineEnd]))) break;
    end = lineEnd;
    characters += length;
    if (isShort) break;
  }
  for (let padding = 0; padding < 2 && bytes[end] === EQUALS; padding += 1) end += 1;
  return { end, characters };
}

function endsLine(byte: number | undefined): boolean {
  return byte === undefined || byte === EQUALS || byte === BACKSLASH || byte === QUOTE;
}

/** Behind an escaped line end (`\n`, `\r\n`), or where it was. */
function behindLineEnd(bytes: Buffer, at: number): number {
  let next = at;
  while (bytes[next] === BACKSLASH && (bytes[next + 1] === 0x6e || bytes[next + 1] === 0x72)) next += 2;
  return next;
}

/** A long path or a row of one letter is not data: that has capitals, small letters and digits soon. */
function looksEncoded(bytes: Buffer, start: number): boolean {
  const sample = bytes.toString('latin1', start, start + MIN_CHARACTERS);
  return /[A-Z]/.test(sample) && /[a-z]/.test(sample) && /[0-9+]/.test(sample);
}

function markerOf(bytes: Buffer, start: number, { end, characters }: Run): string {
  const head = bytes.toString('latin1', start, start + 16);
  const known = beginnings.find(([beginning]) => head.startsWith(beginning))?.[1];
  const type = known ?? typeBeside(bytes, start, end);
  return `[base64${type === undefined ? '' : ` ${type}`}, ${formatBytes(Math.floor((characters * 3) / 4))}]`;
}

function typeBeside(bytes: Buffer, start: number, end: number): string | undefined {
  const before = bytes.toString('latin1', Math.max(0, start - TYPE_DISTANCE), start);
  const behind = bytes.toString('latin1', end, end + TYPE_DISTANCE);
  const pattern =
    /"(?:media_type|mimeType|mime_type|type)"\s*:\s*"([a-z]+\/[\w.+-]+)"|data:([a-z]+\/[\w.+-]+);base64,$/;
  const found = pattern.exec(before) ?? pattern.exec(behind);
  return found?.[1] ?? found?.[2];
}
