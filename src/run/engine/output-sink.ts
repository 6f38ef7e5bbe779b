// Takes what the child of one attempt printed, hides secrets, and appends it: one frame for each read. Counts lines, and keeps
// the stdout that later steps may ask for. Called by both kinds of attempt, and for the command of `expect`.
import type { Append, Severity, Stream, Subject } from '../../core/record.ts';
import { countLineEnds } from '../../text/line-ends.ts';
import { seenText } from '../../text/seen.ts';
import type { Activity } from '../claude/index.ts';
import type { LineBatch } from '../process/index.ts';
import { HOLD_MS, type Redacted, type RedactionStream } from '../redact/index.ts';
import { type Captured, createOutputCapture } from './output-capture.ts';

export type OutputSink = {
  /** To be called synchronously with a batch as it was read; its bytes are not kept. */
  readonly write: (stream: Stream, batch: LineBatch, severity?: Severity) => void;
  /** Appends what the redactor still held. Nothing may be written after it. */
  readonly end: () => void;
  /** Lines per stream; one that was appended in parts counts once. */
  readonly lines: () => Readonly<Partial<Record<Stream, number>>>;
  /** The stdout so far, redacted, in bounded memory. */
  readonly captured: () => Captured;
  /** What a timeout says that the process was doing: its last line on stdout or stderr, whole or not. */
  readonly activity: () => Activity;
};

/** Of the end of the output that is kept to find its last line: a screen line with its colours and redraws. */
const TAIL_BYTES = 4096;

const LF = 0x0a;

type StreamState = {
  readonly redaction: RedactionStream;
  lines: number;
  /** The last record of the stream stopped without a line end. */
  open: boolean;
  /** Releases what the redactor holds. */
  holdTimer: NodeJS.Timeout | undefined;
};

/** What the caller knows of bytes already. */
type Known = { readonly severity?: Severity | undefined; readonly lineCount?: number | undefined };

export function createOutputSink(options: {
  readonly append: Append;
  readonly subject: Subject;
  readonly redactStream: () => RedactionStream;
}): OutputSink {
  const { append, subject } = options;
  const states = new Map<Stream, StreamState>();
  const capture = createOutputCapture();
  let tail = Buffer.alloc(0);
  let lastOutputMs = 0;

  function stateOf(stream: Stream): StreamState {
    const known = states.get(stream);
    if (known !== undefined) return known;
    const made: StreamState = { redaction: options.redactStream(), lines: 0, open: false, holdTimer: undefined };
    states.set(stream, made);
    return made;
  }

  function record(stream: Stream, state: StreamState, redacted: Redacted, known: Known = {}): void {
    const { bytes, hidden } = redacted;
    const { severity, lineCount } = known;
    if (bytes.length > 0) {
      const unterminated = bytes[bytes.length - 1] !== LF;
      const count = lineCount ?? countLineEnds(bytes) + (unterminated ? 1 : 0);
      const continues = state.open;
      append.output({ subject, stream, severity, lineCount: count, bytes, continues, unterminated });
      state.lines += count - (continues ? 1 : 0);
      state.open = unterminated;
      if (stream === 'stdout' || stream === 'stderr') keepTail(bytes);
      if (stream === 'stdout') capture.push(bytes, count - (unterminated ? 1 : 0));
    }
    if (hidden !== undefined) append.event({ type: 'secret.redacted', kinds: hidden }, subject);
  }

  /** Copied, as the batch is a view on a buffer that is read into again. */
  function keepTail(bytes: Buffer): void {
    const end = bytes.subarray(-TAIL_BYTES);
    tail = end.length === TAIL_BYTES ? Buffer.from(end) : Buffer.concat([tail, end]).subarray(-TAIL_BYTES);
    lastOutputMs = performance.now();
  }

  function flushHeld(stream: Stream, state: StreamState): void {
    state.holdTimer = undefined;
    record(stream, state, state.redaction.flush());
  }

  return {
    write(stream, batch, severity) {
      const state = stateOf(stream);
      const redacted = state.redaction.push(batch.bytes);
      const lineCount = redacted.bytes === batch.bytes ? batch.lineCount : undefined;
      record(stream, state, redacted, { severity, lineCount });
      if (state.redaction.heldBytes() > 0) state.holdTimer ??= setTimeout(flushHeld, HOLD_MS, stream, state);
    },
    end() {
      for (const [stream, state] of states) {
        clearTimeout(state.holdTimer);
        record(stream, state, state.redaction.end());
      }
    },
    lines: () => Object.fromEntries([...states].map(([stream, state]) => [stream, state.lines])),
    activity: () => lastLineOf(tail.toString('utf8'), performance.now() - lastOutputMs),
    captured: capture.captured,
  };
}

/** The last line that is not blank, as a person saw it. */
function lastLineOf(raw: string, agoMs: number): Activity {
  const text = seenText(raw).trimEnd();
  if (text === '') return { kind: 'silent' };
  return { kind: 'line', text: text.slice(text.lastIndexOf('\n') + 1).trim(), isOpen: !raw.endsWith('\n'), agoMs };
}
