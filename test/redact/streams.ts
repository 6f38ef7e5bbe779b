// Feeds a redaction stream and gathers what comes out.
import type { RedactionStream } from '../../src/run/redact/index.ts';
import { addCounts, type HiddenCounts } from '../../src/run/redact/kinds.ts';

export type Gathered = { readonly text: string; readonly hidden: HiddenCounts };

/** Pushes the parts one after the other; every part in a buffer that is overwritten afterwards, as capture's is. */
export function feed(stream: RedactionStream, parts: readonly (string | Buffer)[]): Gathered {
  const out: Buffer[] = [];
  let hidden: HiddenCounts | undefined;
  for (const part of parts) {
    const shared = Buffer.from(part);
    const redacted = stream.push(shared);
    out.push(Buffer.from(redacted.bytes));
    hidden = addCounts(hidden, redacted.hidden);
    shared.fill(0x21);
  }
  const rest = stream.end();
  out.push(Buffer.from(rest.bytes));
  hidden = addCounts(hidden, rest.hidden);
  return { text: Buffer.concat(out).toString('utf8'), hidden: hidden ?? {} };
}

/** `text` in two parts, at every place. */
export function* inTwo(text: string): Generator<[string, string]> {
  for (let at = 0; at <= text.length; at++) yield [text.slice(0, at), text.slice(at)];
}

/** `text` in parts that end at the given places. */
export function cutAt(text: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.subarray(index === 0 ? 0 : ends[index - 1], end));
}

export function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}
