// Which records, and which lines of them, somebody asked for: by step, stream, severity, place and text. Pure.
// Shared by all readers that show or keep output. A record of which only some lines are wanted is cut to runs of those lines,
// so that later readers do not need to know about filters.

import { type JournalRecord, linesOf, type OutputRecord } from '../core/record.ts';
import { unreachable } from '../core/unreachable.ts';
import { mayBeRedrawn, seenLine } from '../text/seen.ts';
import { severityOfLine } from '../text/severity.ts';
import type { Severity, Stream } from '../text/stream.ts';

/** A place in the journal. `from` counts it in, `to` does not. */
export type Place = { readonly kind: 'seq'; readonly seq: number } | { readonly kind: 'time'; readonly ns: bigint };

/** What a line must hold, as it was seen at its end. A text is compared as it is, case and all. */
export type Search =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: RegExp };

export type Selection = {
  /** Step ids; `undefined` for all, and for records about the run itself. */
  readonly steps?: readonly string[] | undefined;
  readonly streams?: readonly Stream[] | undefined;
  readonly severities?: readonly Severity[] | undefined;
  readonly from?: Place | undefined;
  readonly to?: Place | undefined;
  readonly search?: Search | undefined;
  /** Whether events are wanted too. `streams`, `severities` and `search` are about lines and leave events alone. */
  readonly events: boolean;
};

export type Selector = {
  /** The wanted parts of a record, in order; the record itself where all of it is wanted. */
  readonly select: (record: JournalRecord) => readonly JournalRecord[];
  /** Whether neither this record nor any after it can be wanted, so that reading can stop. */
  readonly isPast: (record: JournalRecord) => boolean;
  /** The sequence number from which reading has to start. */
  readonly firstSeq: number;
};

export function createSelector(selection: Selection): Selector {
  const steps = selection.steps === undefined ? undefined : new Set(selection.steps);
  const streams = selection.streams === undefined ? undefined : new Set(selection.streams);
  const severities = selection.severities === undefined ? undefined : new Set(selection.severities);
  const { from, to, search } = selection;
  const needle = search?.kind === 'text' ? Buffer.from(search.text) : undefined;
  const perLine = severities !== undefined || search !== undefined;

  const wantsLine = (record: OutputRecord, bytes: Buffer): boolean => {
    if (severities !== undefined && !severities.has(record.severity ?? severityOfLine(record.stream, bytes)))
      return false;
    return search === undefined || holds(search, bytes);
  };

  return {
    select(record) {
      if (steps !== undefined && (record.subject === undefined || !steps.has(record.subject.step))) return [];
      if (record.kind === 'event') return selection.events && liesBetween(record, from, to) ? [record] : [];
      if (streams !== undefined && !streams.has(record.stream)) return [];
      const [first, end] = lineRange(record, from, to);
      if (first >= end) return [];
      if (!perLine)
        return first === 0 && end === record.lineCount
          ? [record]
          : cut(record, (index) => index >= first && index < end);
      if (needle !== undefined && !mayHold(record.bytes, needle)) return [];
      return cut(record, (index, bytes) => index >= first && index < end && wantsLine(record, bytes));
    },
    isPast: (record) => to !== undefined && !isBefore(record.seq, record.timeNs, to),
    firstSeq: from?.kind === 'seq' ? from.seq : 0,
  };
}

export type ParsedSearch =
  | { readonly ok: true; readonly search: Search }
  | { readonly ok: false; readonly message: string };

/** `/…/flags` is a regular expression (flags i, s, u, v), anything else the text itself. */
export function parseSearch(text: string): ParsedSearch {
  const literal = /^\/(.+)\/([a-z]*)$/s.exec(text);
  if (literal === null) return { ok: true, search: { kind: 'text', text } };
  return parseRegex(literal[1] ?? '', literal[2] ?? '');
}

/** @param flags of a JavaScript regular expression; `g` and `y` are refused, since they carry state from line to line */
export function parseRegex(source: string, flags = ''): ParsedSearch {
  if (/[gy]/.test(flags))
    return {
      ok: false,
      message: `flag "${flags}" of /${source}/${flags} is of no use on single lines; leave out g and y`,
    };
  try {
    return { ok: true, search: { kind: 'regex', regex: new RegExp(source, flags) } };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function holds(search: Search, bytes: Buffer): boolean {
  const text = seenLine(bytes.toString('utf8'));
  switch (search.kind) {
    case 'text':
      return text.includes(search.text);
    case 'regex':
      return search.regex.test(text);
    default:
      return unreachable(search);
  }
}

/** A quick no for whole records. Escapes may stand in the middle of the text, so bytes with control characters are always looked into. */
export function mayHold(bytes: Buffer, needle: Buffer): boolean {
  return bytes.includes(needle) || mayBeRedrawn(bytes);
}

/** The wanted line indexes as one range, `[first, end)`: places cut a record at its front and its back only. */
function lineRange(record: OutputRecord, from: Place | undefined, to: Place | undefined): readonly [number, number] {
  const first = from === undefined ? 0 : linesBefore(record, from);
  const end = to === undefined ? record.lineCount : linesBefore(record, to);
  return [first, end];
}

/** How many lines of the record lie before a place, by arithmetic: line i has number `seq + i` and time `timeNs + i`. */
function linesBefore(record: OutputRecord, place: Place): number {
  const distance = place.kind === 'seq' ? place.seq - record.seq : Number(place.ns - record.timeNs);
  return Math.min(record.lineCount, Math.max(0, distance));
}

function isBefore(seq: number, timeNs: bigint, place: Place): boolean {
  return place.kind === 'seq' ? seq < place.seq : timeNs < place.ns;
}

function liesBetween(record: JournalRecord, from: Place | undefined, to: Place | undefined): boolean {
  if (from !== undefined && isBefore(record.seq, record.timeNs, from)) return false;
  return to === undefined || isBefore(record.seq, record.timeNs, to);
}

/** Cuts a record to runs of neighbouring wanted lines. Bytes are views, not copies. */
function cut(record: OutputRecord, wants: (index: number, bytes: Buffer) => boolean): readonly OutputRecord[] {
  const parts: OutputRecord[] = [];
  let begin = -1;
  let beginByte = 0;
  let byte = 0;
  let index = 0;
  const close = (): void => {
    if (begin === -1) return;
    const lineCount = index - begin;
    parts.push({
      ...record,
      seq: record.seq + begin,
      timeNs: record.timeNs + BigInt(begin),
      lineCount,
      bytes: record.bytes.subarray(beginByte, byte),
      continues: begin === 0 && record.continues,
      unterminated: index === record.lineCount && record.unterminated,
    });
    begin = -1;
  };
  for (const line of linesOf(record)) {
    if (wants(index, line.bytes)) {
      if (begin === -1) {
        begin = index;
        beginByte = byte;
      }
    } else close();
    byte += line.bytes.length + (line.unterminated ? 0 : 1);
    index += 1;
  }
  close();
  const only = parts[0];
  return parts.length === 1 && only !== undefined && only.lineCount === record.lineCount ? [record] : parts;
}
