// Puts the pieces of a line together again. Output is recorded as it is read (a question, a bar that redraws itself), so one
// line may be several records of a journal. Readers that keep, send, search or count lines read through a joiner and see
// whole lines. Called by ship, export, search, show and alerts. No IO.
import { type JournalRecord, type OutputRecord, seqCount } from './record.ts';

/** A longer line is given in parts, so that output without a line end cannot fill the memory of a reader. */
export const MAX_JOINED_BYTES = 1 << 20;

export type LineJoiner = {
  /**
   * Takes the next record of a journal and returns what can be read in its place: the record itself, if it holds whole lines
   * only; none, if it is a piece. A joined line has the number and time of its last piece. The bytes of an open line are
   * copied. A line that ended without LF is given when its attempt ends, when something of its stream follows that does not
   * continue it, or when records are missing.
   */
  readonly add: (record: JournalRecord) => readonly JournalRecord[];
  /** Returns the lines that have been open for too long, as if a record of this time came. */
  readonly expire: (nowNs: bigint) => readonly OutputRecord[];
  /** The open lines as they stand, oldest first: each an unterminated record of one line. */
  readonly open: () => readonly OutputRecord[];
  /** Numbers of the first pieces of the open lines. Who starts to read again needs the pieces from there on. */
  readonly openSeqs: () => readonly number[];
  /** Returns the open lines, and forgets them: nothing more is read. */
  readonly end: () => readonly OutputRecord[];
  /** Takes a record in place of `add` whose content is not wanted. What is missing or open for too long is found all the same. */
  readonly pass: (record: JournalRecord) => readonly OutputRecord[];
};

export type LineJoinerOptions = {
  readonly maxLineBytes?: number;
  /** How long a line stays open by the times of the journal, before the part of it that exists is returned. Default: forever. */
  readonly maxOpenNs?: bigint;
  /** Records were left out on purpose, as by a filter: missing numbers end no line. */
  readonly isFiltered?: boolean;
};

/** A part is `unterminated`, what follows it `continues`. */
type OpenLine = {
  readonly firstSeq: number;
  readonly firstNs: bigint;
  /** Number, time and severity of the last piece; `bytes` is not used. */
  last: OutputRecord;
  readonly continues: boolean;
  buffer: Buffer;
  size: number;
};

const LF = 0x0a;
const none: readonly number[] = [];

export function createLineJoiner(options: LineJoinerOptions = {}): LineJoiner {
  const { maxLineBytes = MAX_JOINED_BYTES, maxOpenNs, isFiltered = false } = options;
  /** By stream, attempt and step; oldest first. */
  const lines = new Map<string, OpenLine>();
  let expectedSeq: number | undefined;

  /** Returns the lines of which `isOver` holds, and forgets them. */
  const close = (isOver: (line: OpenLine) => boolean): OutputRecord[] => {
    const given: OutputRecord[] = [];
    for (const [key, line] of lines) {
      if (!isOver(line)) continue;
      given.push(partOf(line));
      lines.delete(key);
    }
    return given;
  };

  const expire = (nowNs: bigint): OutputRecord[] =>
    maxOpenNs === undefined ? [] : close(({ firstNs }) => nowNs - firstNs > maxOpenNs);

  const pass = (record: JournalRecord): OutputRecord[] => {
    const isMissing = !isFiltered && record.seq !== expectedSeq && expectedSeq !== undefined;
    expectedSeq = record.seq + seqCount(record);
    return isMissing ? close(() => true) : expire(record.timeNs);
  };

  const joinEvent = (record: Extract<JournalRecord, { kind: 'event' }>): JournalRecord[] => {
    switch (record.event.type) {
      case 'attempt.finished':
        return [...close(({ last }) => isOfSame(last, record)), record];
      case 'run.finished':
        return [...close(() => true), record];
      default:
        return [record];
    }
  };

  return {
    add(record) {
      if (lines.size === 0 && (record.kind === 'event' || !record.unterminated)) {
        // What most records are: whole lines with nothing before them.
        expectedSeq = record.seq + seqCount(record);
        return [record];
      }
      return [
        ...pass(record),
        ...(record.kind === 'event' ? joinEvent(record) : joinOutput(lines, record, maxLineBytes)),
      ];
    },
    expire,
    open: () => Array.from(lines.values(), partOf),
    openSeqs: () => (lines.size === 0 ? none : Array.from(lines.values(), ({ firstSeq }) => firstSeq)),
    end: () => close(() => true),
    pass,
  };
}

/** Takes a record of output into the open lines. @returns what is whole with it */
function joinOutput(lines: Map<string, OpenLine>, record: OutputRecord, maxLineBytes: number): OutputRecord[] {
  const key = `${record.stream} ${record.subject?.attempt} ${record.subject?.step}`;
  const line = lines.get(key);
  const given: OutputRecord[] = [];
  let rest = record;
  if (line !== undefined) {
    const firstEnd = record.bytes.indexOf(LF) + 1;
    const added = firstEnd === 0 ? record.bytes.length : firstEnd;
    if (!record.continues || line.size + added > maxLineBytes) {
      given.push(partOf(line));
      lines.delete(key);
    } else {
      append(line, record, added);
      if (firstEnd === 0) return given;
      given.push({ ...partOf(line), unterminated: false });
      lines.delete(key);
      if (record.lineCount === 1) return given;
      rest = behindFirstLine(record, firstEnd);
    }
  }
  if (!rest.unterminated) {
    given.push(rest);
    return given;
  }
  const [whole, piece] = cutLastLine(rest);
  if (whole !== undefined) given.push(whole);
  lines.set(key, openLine(piece));
  return given;
}

/** Whole lines of the records of a whole reading, batch by batch; what is open at its end comes last. */
export async function* joinLines(
  batches: AsyncIterable<readonly JournalRecord[]>,
  joiner: LineJoiner = createLineJoiner(),
): AsyncGenerator<readonly JournalRecord[]> {
  for await (const records of batches) yield records.flatMap(joiner.add);
  const rest = joiner.end();
  if (rest.length > 0) yield rest;
}

function isOfSame(a: JournalRecord, b: JournalRecord): boolean {
  return a.subject?.step === b.subject?.step && a.subject?.attempt === b.subject?.attempt;
}

function openLine(piece: OutputRecord): OpenLine {
  const { seq, timeNs, continues, bytes } = piece;
  return { firstSeq: seq, firstNs: timeNs, last: piece, continues, buffer: Buffer.from(bytes), size: bytes.length };
}

/** Appends the first `count` bytes of a record. The buffer grows by doubling, so a line of many pieces is copied twice. */
function append(line: OpenLine, record: OutputRecord, count: number): void {
  const size = line.size + count;
  if (size > line.buffer.length) {
    const grown = Buffer.allocUnsafe(Math.max(size, line.buffer.length * 2));
    line.buffer.copy(grown, 0, 0, line.size);
    line.buffer = grown;
  }
  record.bytes.copy(line.buffer, line.size, 0, count);
  line.size = size;
  line.last = { ...record, severity: line.last.severity ?? record.severity };
}

/** A view: the bytes of an open line do not change, more are added behind them. */
function partOf({ last, buffer, size, continues }: OpenLine): OutputRecord {
  return { ...last, lineCount: 1, bytes: buffer.subarray(0, size), continues, unterminated: true };
}

function behindFirstLine(record: OutputRecord, firstEnd: number): OutputRecord {
  const { seq, timeNs, lineCount, bytes } = record;
  return {
    ...record,
    seq: seq + 1,
    timeNs: timeNs + 1n,
    lineCount: lineCount - 1,
    bytes: bytes.subarray(firstEnd),
    continues: false,
  };
}

/** The whole lines of an unterminated record, if it has any, and the piece behind them. */
export function cutLastLine(record: OutputRecord): readonly [OutputRecord | undefined, OutputRecord] {
  if (record.lineCount === 1) return [undefined, record];
  const { seq, timeNs, bytes } = record;
  const before = record.lineCount - 1;
  const end = bytes.lastIndexOf(LF) + 1;
  const whole = { ...record, lineCount: before, bytes: bytes.subarray(0, end), unterminated: false };
  const place = { seq: seq + before, timeNs: timeNs + BigInt(before) };
  return [whole, { ...record, ...place, lineCount: 1, bytes: bytes.subarray(end), continues: false }];
}
