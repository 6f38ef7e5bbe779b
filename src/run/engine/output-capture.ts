// Gathers what an attempt prints on stdout for later steps, in bounded memory: all of it up to a bound, beyond that its
// head and its tail. Filled by the output sink; what it comes to is made when the attempt has ended.

import { cutMarker, maxJsonBytes, maxOutputBytes, type StepOutput } from '../../core/step-output.ts';
import { stripAnsi } from '../../text/ansi.ts';
import { characterEnd, characterStart, cutMiddle, sizeOf, type TextEnds } from '../../text/cut-middle.ts';
import { seenText } from '../../text/seen.ts';

export type OutputCapture = {
  /** @param lineEnds how many line ends are in `bytes`, which are not kept after the call */
  readonly push: (bytes: Buffer, lineEnds: number) => void;
  readonly captured: () => Captured;
};

/** Raw bytes, with colours and redraws. `middle` lies between head and tail, and is not kept. */
export type Captured = {
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly middle: { readonly bytes: number; readonly lines: number };
};

/**
 * Of the head and of the tail, as they were printed. Together twice `maxJsonBytes`, as colours may double a JSON text; and
 * far more than `maxOutputBytes`, as a progress bar of a megabyte comes to one line.
 */
const headBytes = 1024 * 1024;
const tailBytes = 1024 * 1024;

const LF = 0x0a;

export function createOutputCapture(): OutputCapture {
  const head: Buffer[] = [];
  let headSize = 0;
  /** The last `tailBytes` after the head; made when the head is full. Wraps around at `tailAt`. */
  let tail: Buffer | undefined;
  let tailAt = 0;
  let tailTotal = 0;
  let lines = 0;

  function pushTail(bytes: Buffer): void {
    tail ??= Buffer.allocUnsafe(tailBytes);
    tailTotal += bytes.length;
    let rest = bytes.length > tailBytes ? bytes.subarray(bytes.length - tailBytes) : bytes;
    while (rest.length > 0) {
      const copied = rest.copy(tail, tailAt);
      tailAt = (tailAt + copied) % tailBytes;
      rest = rest.subarray(copied);
    }
  }

  return {
    push(bytes, lineEnds) {
      lines += lineEnds;
      const room = headBytes - headSize;
      if (room > 0) {
        // Copied, as the batch is a view on a buffer that is read into again.
        const copy = Buffer.from(bytes.subarray(0, room));
        head.push(copy);
        headSize += copy.length;
      }
      if (bytes.length > room) pushTail(bytes.subarray(Math.max(room, 0)));
    },
    captured() {
      const first = Buffer.concat(head);
      const last =
        tail === undefined
          ? Buffer.alloc(0)
          : tailTotal <= tailBytes
            ? tail.subarray(0, tailTotal)
            : Buffer.concat([tail.subarray(tailAt), tail.subarray(0, tailAt)]);
      const bytes = tailTotal - last.length;
      const middleLines = bytes === 0 ? 0 : lines - sizeOf(first).lines - sizeOf(last).lines;
      return { head: first, tail: last, middle: { bytes, lines: middleLines } };
    },
  };
}

/** An output, and how much of its head and tail there is when it was cut. */
export type BoundedOutput = {
  readonly output: StepOutput;
  readonly kept: { readonly headBytes: number; readonly tailBytes: number } | undefined;
};

/** @param readWith the command that prints all of it, for the marker in place of what is left out */
export function outputOfCapture(captured: Captured, readWith: string): BoundedOutput {
  if (captured.middle.bytes === 0) return outputOfText(textOf(Buffer.concat([captured.head, captured.tail])), readWith);
  return cutOutput(seenEnds(captured), readWith, undefined);
}

/** The same for a text that is complete. */
export function outputOfText(text: string, readWith: string): BoundedOutput {
  const json = jsonIn(text);
  const whole = seenText(text).replace(/\n$/, '');
  const bytes = Buffer.from(whole);
  if (bytes.length <= maxOutputBytes) {
    const isRead = json === undefined || isJson(whole);
    const output = { output: whole, outputCut: false, ...(isRead ? {} : { outputJson: json }) };
    return { output, kept: undefined };
  }
  return cutOutput({ head: bytes, tail: bytes, size: sizeOf(bytes) }, readWith, json);
}

function cutOutput(ends: TextEnds, readWith: string, json: string | undefined): BoundedOutput {
  const { text, ...kept } = cutMiddle(ends, maxOutputBytes, (leftOut) => cutMarker(leftOut, readWith));
  const { bytes, lines } = ends.size;
  const output = { output: text, outputCut: true, outputBytes: bytes, outputLines: lines };
  return { output: json === undefined ? output : { ...output, outputJson: json }, kept };
}

/** Head and tail as they were seen, without the lines that the bound cut through, which count as left out. */
function seenEnds({ head, tail, middle }: Captured): TextEnds {
  const lineEnd = head.lastIndexOf(LF);
  const headEnd = lineEnd === -1 ? characterEnd(head, head.length) : lineEnd + 1;
  const lineStart = tail.indexOf(LF) + 1;
  const tailStart = lineStart === 0 || lineStart === tail.length ? characterStart(tail, 0) : lineStart;
  const between = sizeOf(tail.subarray(0, tailStart));
  const first = Buffer.from(seenText(textOf(head.subarray(0, headEnd))));
  const last = Buffer.from(seenText(textOf(tail.subarray(tailStart))).replace(/\n$/, ''));
  const [a, b] = [sizeOf(first), sizeOf(last)];
  return {
    head: first,
    tail: last,
    size: {
      bytes: a.bytes + (head.length - headEnd) + middle.bytes + between.bytes + b.bytes,
      lines: a.lines + middle.lines + between.lines + b.lines,
    },
  };
}

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

/** The text if it is JSON, colours aside. */
function jsonIn(text: string): string | undefined {
  const plain = stripAnsi(text.replace(/^\ufeff/, '')).trim();
  return Buffer.byteLength(plain) <= maxJsonBytes && isJson(plain) ? plain : undefined;
}

function isJson(text: string): boolean {
  // Most output is not, as its beginning shows.
  if (!/^\s*(?:[[{"\d-]|true\s*$|false\s*$|null\s*$)/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
