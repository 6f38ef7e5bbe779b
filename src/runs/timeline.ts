// The spans of a run for a waterfall: its steps, attempts, waits, pauses, stalls and Claude's tool and model calls. A builder that
// takes one record after the other, since copying the list at each of thousands of calls would cost its square. Called by the API.
import type { OutcomeKind } from '../core/outcome.ts';
import type { EventRecord, JournalRecord } from '../core/record.ts';

export type TimelineSpan = {
  readonly kind: 'run' | 'step' | 'attempt' | 'retry_wait' | 'pause' | 'stall' | 'tool' | 'model';
  readonly name: string;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly startNs: bigint;
  /** `undefined` while it lasts. */
  readonly endNs: bigint | undefined;
  readonly result: OutcomeKind | 'tool_error' | undefined;
};

export type Timeline = {
  /** Takes the next record. Output records are of no interest and cost nothing. */
  readonly add: (record: JournalRecord) => void;
  /** All spans in the order of their start, open ones included. */
  readonly spans: () => readonly TimelineSpan[];
  /** Spans that were left out because `maxTimelineSpans` was reached. */
  readonly dropped: () => number;
};

/** About 150 bytes a span: 3 MB, and more than anybody can look at. Past it spans are counted, no longer kept. */
export const maxTimelineSpans = 20_000;

type Open = { -readonly [K in keyof TimelineSpan]: TimelineSpan[K] };

export function createTimeline(limit = maxTimelineSpans): Timeline {
  const open = createOpenSpans(limit);
  return {
    add(record) {
      if (record.kind === 'event') addEvent(open, record);
    },
    spans: open.spans,
    dropped: open.dropped,
  };
}

type OpenSpans = Omit<Timeline, 'add'> & {
  readonly start: (key: string, span: Omit<Open, 'endNs' | 'result'>) => void;
  readonly end: (key: string, timeNs: bigint, result?: Open['result']) => void;
  /** Ends what is open in a step, without the step itself. */
  readonly endBelow: (step: string, timeNs: bigint) => void;
  readonly endAllBut: (key: string, timeNs: bigint) => void;
};

function createOpenSpans(limit: number): OpenSpans {
  const spans: Open[] = [];
  // Keyed by what the span is about, so that its end finds it. Ended ones are removed, so this stays as small as what runs.
  const open = new Map<string, Open>();
  let dropped = 0;
  const end: OpenSpans['end'] = (key, timeNs, result) => {
    const span = open.get(key);
    if (span === undefined) return;
    span.endNs = timeNs;
    span.result = result;
    open.delete(key);
  };
  return {
    start(key, span) {
      end(key, span.startNs);
      if (spans.length >= limit) {
        dropped += 1;
        return;
      }
      const started: Open = { ...span, endNs: undefined, result: undefined };
      spans.push(started);
      open.set(key, started);
    },
    end,
    endBelow(step, timeNs) {
      for (const [key, span] of open) if (span.step === step && span.kind !== 'step') end(key, timeNs);
    },
    endAllBut(kept, timeNs) {
      for (const key of [...open.keys()]) if (key !== kept) end(key, timeNs);
    },
    spans: () => spans,
    dropped: () => dropped,
  };
}

function addEvent(
  { start, end, endBelow, endAllBut }: OpenSpans,
  { event, subject, timeNs: startNs }: EventRecord,
): void {
  const step = subject?.step;
  const attempt = subject?.attempt;
  const about = { step, attempt, startNs };
  const key = (kind: string, id: string | number = ''): string => `${kind}\0${step}\0${id}`;
  switch (event.type) {
    case 'run.started':
      start('run', { kind: 'run', name: event.workflow, ...about });
      break;
    case 'run.finished':
      endAllBut('run', startNs);
      end('run', startNs, event.outcome.kind);
      break;
    case 'run.paused':
      start('pause', { kind: 'pause', name: event.by, ...about });
      break;
    case 'run.resumed':
      end('pause', startNs);
      break;
    case 'step.started':
      start(key('step'), { kind: 'step', name: step ?? '', step, attempt: undefined, startNs });
      break;
    case 'step.finished':
      endBelow(step ?? '', startNs);
      end(key('step'), startNs, event.outcome.kind);
      break;
    case 'attempt.started':
      end(key('retry_wait'), startNs);
      start(key('attempt', attempt), { kind: 'attempt', name: `attempt ${attempt}`, ...about });
      break;
    case 'attempt.finished':
      end(key('attempt', attempt), startNs, event.outcome.kind);
      endBelow(step ?? '', startNs);
      break;
    case 'step.retrying':
      start(key('retry_wait'), { kind: 'retry_wait', name: 'waiting to retry', ...about });
      break;
    case 'step.waiting':
      start(key('retry_wait'), { kind: 'retry_wait', name: 'waiting for the end of a limit', ...about });
      break;
    case 'stall.detected':
      start(key('stall', event.cause), { kind: 'stall', name: event.cause, ...about });
      break;
    case 'stall.cleared':
      end(key('stall', event.cause), startNs);
      break;
    case 'claude.session':
      start(key('model'), { kind: 'model', name: event.model, ...about });
      break;
    case 'claude.tool_called':
      end(key('model'), startNs);
      start(key('tool', event.toolUseId), { kind: 'tool', name: event.tool, ...about });
      break;
    case 'claude.tool_returned':
      end(key('tool', event.toolUseId), startNs, event.isError ? 'tool_error' : 'success');
      start(key('model'), { kind: 'model', name: 'model', ...about });
      break;
    case 'claude.result':
      end(key('model'), startNs);
      break;
    default:
      break;
  }
}
