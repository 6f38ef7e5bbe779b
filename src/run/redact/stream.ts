// Redaction of one stream of one attempt, read after read. Owns what is held back between reads and what was released
// already. Called by the output sink, which decides when to release what was held for long enough.
import { addCounts, type HiddenCounts } from './kinds.ts';
import type { Matcher, Region } from './matcher.ts';
import { LEAD_BYTES } from './view.ts';

/**
 * After this time the caller releases what is held. Output is seen within 250 ms: capture needs up to 40 of them for a piece
 * of a line (capture.ts), and a busy machine some for its timers and for passing it on.
 */
export const HOLD_MS = 150;

/** A complete line is held from its start, unless it is longer than this: then from where the secret may begin. */
export const MAX_HELD_LINE_BYTES = 64 * 1024;

/** `bytes` may be empty; it is the same buffer as was passed in if nothing was hidden or held. */
export type Redacted = { readonly bytes: Buffer; readonly hidden: HiddenCounts | undefined };

export type RedactionStream = {
  /**
   * Takes what was read next, and returns what may be shown of it and of what was held before. `bytes` may be overwritten
   * afterwards: what is still needed is copied.
   */
  readonly push: (bytes: Buffer) => Redacted;
  /**
   * Releases what is held, for a timer of `HOLD_MS`. The rest of a secret is still hidden when it comes. At the end of an
   * unfinished line the likely beginning of a secret stays held, until the line continues.
   */
  readonly flush: () => Redacted;
  /** The end of the stream: releases all that is held and forgets the rest. */
  readonly end: () => Redacted;
  /** How many bytes are held back right now; a timer is needed while this is not 0. */
  readonly heldBytes: () => number;
};

const nothing = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

/** @param matcher returns the current matcher: a secret that is added later is hidden from the next read on */
export function createRedactionStream(matcher: () => Matcher): RedactionStream {
  /** Bytes that are needed for the next read. The first `shown` of them were released, or replaced. */
  let kept: Buffer = nothing;
  let shown = 0;
  /** What was released just before `kept`. */
  let lead: Buffer = nothing;
  /** The region hidden last, by its place in `kept`: a region that continues it is the same secret. */
  let last: Span | undefined;

  const advance = (text: Buffer, step: 'push' | 'flush' | 'end'): Redacted => {
    const { examine, markerOf } = matcher();
    const how = step === 'push' ? 'reading' : step === 'end' || text.at(-1) === LF ? 'closing' : 'unfinished';
    const { regions, holdFrom, keepFrom } = examine({ bytes: text, lead, ended: step === 'end' }, how);
    const end = Math.max(shown, endOfOutput(text, regions, holdFrom, shown));
    const { bytes, hidden, newest } = replaceRegions({ text, regions, start: shown, end, last, markerOf });
    keep(text, Math.min(keepFrom, end), end, newest);
    return { bytes, hidden };
  };

  const keep = (text: Buffer, from: number, end: number, newest: Span | undefined): void => {
    // `from` is negative if a secret may have begun in bytes that were released before.
    const before = from < 0 ? Buffer.concat([lead, text]) : text;
    const offset = from < 0 ? lead.length : 0;
    const leadStart = Math.max(0, from + offset - LEAD_BYTES);
    const fresh = before.subarray(leadStart, from + offset);
    const old = LEAD_BYTES - fresh.length;
    lead =
      fresh.length < LEAD_BYTES && offset === 0
        ? Buffer.concat([lead.subarray(Math.max(0, lead.length - old)), fresh])
        : Buffer.from(fresh);
    kept = Buffer.from(before.subarray(from + offset));
    shown = end - from;
    last = newest === undefined ? undefined : { start: newest.start - from, end: newest.end - from };
  };

  const release = (step: 'flush' | 'end'): Redacted => {
    const result = kept.length > 0 ? advance(kept, step) : { bytes: nothing, hidden: undefined };
    if (step === 'end') {
      kept = nothing;
      lead = nothing;
      shown = 0;
      last = undefined;
    }
    return result;
  };

  return {
    push(bytes) {
      if (bytes.length === 0) return { bytes, hidden: undefined };
      return advance(kept.length === 0 ? bytes : Buffer.concat([kept, bytes]), 'push');
    },
    flush: () => release('flush'),
    end: () => release('end'),
    heldBytes: () => kept.length - shown,
  };
}

/** A text by itself, with nothing before and nothing behind it. */
export function redactWhole(matcher: Matcher, text: Buffer): Redacted {
  const { regions } = matcher.examine({ bytes: text, lead: nothing, ended: true }, 'closing');
  if (regions.length === 0) return { bytes: text, hidden: undefined };
  const { markerOf } = matcher;
  return replaceRegions({ text, regions, start: 0, end: text.length, last: undefined, markerOf });
}

type Span = { readonly start: number; readonly end: number };

/** The text from `start` to `end` with the regions replaced; one that continues a region replaced before gets no marker. */
function replaceRegions(given: {
  readonly text: Buffer;
  readonly regions: readonly Region[];
  readonly start: number;
  readonly end: number;
  readonly last: Span | undefined;
  readonly markerOf: Matcher['markerOf'];
}): Redacted & { readonly newest: Span | undefined } {
  const { text, start, end, markerOf } = given;
  const parts: Buffer[] = [];
  let hidden: HiddenCounts | undefined;
  let newest = given.last;
  let at = start;
  for (const region of given.regions) {
    if (region.end <= start || region.start >= end) continue;
    const isContinued = newest !== undefined && region.start >= newest.start && region.start < newest.end;
    const from = Math.max(region.start, start);
    if (from > at) parts.push(text.subarray(at, from));
    if (!isContinued) {
      parts.push(markerOf(region.source));
      hidden = addCounts(hidden, { [region.source.kind]: 1 });
    }
    parts.push(lineEndsOf(text.subarray(from, region.end)));
    at = region.end;
    newest = isContinued && newest !== undefined ? { start: newest.start, end: region.end } : region;
  }
  if (end > at) parts.push(at === 0 && end === text.length ? text : text.subarray(at, end));
  const only = parts.length === 1 ? parts[0] : undefined;
  return { bytes: only ?? Buffer.concat(parts), hidden, newest };
}

/** Up to where the text is released: not inside of a hidden region, and not inside of a line that is complete. */
function endOfOutput(text: Buffer, regions: readonly Region[], holdFrom: number, shown: number): number {
  if (holdFrom >= text.length) return text.length;
  let end = holdFrom;
  if (text[text.length - 1] === LF && holdFrom > 0) {
    const lineStart = text.lastIndexOf(LF, holdFrom - 1) + 1;
    if (lineStart >= shown && holdFrom - lineStart <= MAX_HELD_LINE_BYTES) end = lineStart;
  }
  const covering = regions.find((region) => region.start < end && region.end > end);
  return covering?.end ?? end;
}

/** The line ends of hidden text, which stay: CR LF as it was, and single LFs. */
function lineEndsOf(hidden: Buffer): Buffer {
  const first = hidden.indexOf(LF);
  if (first === -1) return nothing;
  const ends: number[] = [];
  for (let i = first; i !== -1; i = hidden.indexOf(LF, i + 1)) {
    if (hidden[i - 1] === CR) ends.push(CR);
    ends.push(LF);
  }
  return Buffer.from(ends);
}
