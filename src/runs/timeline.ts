// What lay when: spans of the run's steps, attempts, waits, pauses, stalls and of Claude's tool and model calls, for waterfalls.
// A builder that is fed record by record, since a list that is copied at each of thousands of calls would cost its square.
import type { Event } from '../core/event.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import type { JournalRecord } from '../core/record.ts';

export type TimelineSpan = {
  readonly kind: 'run' | 'step' | 'attempt' | 'retry_wait' | 'pause' | 'stall' | 'tool' | 'model';
  readonly name: string;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly startNs: bigint;
  /** `undefined` while it goes on. */
  readonly endNs: bigint | undefined;
  readonly result: OutcomeKind | 'tool_error' | undefined;
};

export type Timeline = {
  /** Takes the next record. Output records are of no interest and cost nothing. */
  readonly add: (record: JournalRecord) => void;
  /** All spans in the order of their start, those that go on included. */
  readonly spans: () => readonly TimelineSpan[];
  /** Spans that were left out because `maxTimelineSpans` was reached. */
  readonly dropped: () => number;
};

/** About 150 bytes a span: 3 MB, and more than anybody can look at. Past it spans are counted, no longer kept. */
export const maxTimelineSpans = 20_000;

type Open = { -readonly [K in keyof TimelineSpan]: TimelineSpan[K] };

export function createTimeline(limit = maxTimelineSpans): Timeline {
  const spans: Open[] = [];
  // Keyed by what the span stands for, so that its end finds it. Ended ones are removed, so this stays as small as what runs.
  const open = new Map<string, Open>();
  let dropped = 0;
  const start = (key: string, span: Omit<Open, 'endNs' | 'result'>): void => {
    end(key, span.startNs, undefined);
    if (spans.length >= limit) {
      dropped += 1;
      return;
    }
    const started: Open = { ...span, endNs: undefined, result: undefined };
    spans.push(started);
    open.set(key, started);
  };
  const end = (key: string, timeNs: bigint, result: Open['result']): void => {
    const span = open.get(key);
    if (span === undefined) return;
    span.endNs = timeNs;
    span.result = result;
    open.delete(key);
  };
  const endBelow = (step: string, timeNs: bigint): void => {
    for (const [key, span] of open) if (span.step === step && span.kind !== 'step') end(key, timeNs, undefined);
  };

  return {
    add(record) {
      if (record.kind === 'event') addEvent(record.event, record.subject?.step, record.subject?.attempt, record.timeNs);
    },
    spans: () => spans,
    dropped: () => dropped,
  };

  function addEvent(event: Event, step: string | undefined, attempt: number | undefined, startNs: bigint): void {
    const about = { step, attempt, startNs };
    const key = (kind: string, id: string | number = ''): string => `${kind}\0${step}\0${id}`;
    switch (event.type) {
      case 'run.started':
        start('run', { kind: 'run', name: event.workflow, ...about });
        break;
      case 'run.finished':
        for (const other of [...open.keys()]) if (other !== 'run') end(other, startNs, undefined);
        end('run', startNs, event.outcome.kind);
        break;
      case 'run.paused':
        start('pause', { kind: 'pause', name: event.by, ...about });
        break;
      case 'run.resumed':
        end('pause', startNs, undefined);
        break;
      case 'step.started':
        start(key('step'), { kind: 'step', name: step ?? '', step, attempt: undefined, startNs });
        break;
      case 'step.finished':
        endBelow(step ?? '', startNs);
        end(key('step'), startNs, event.outcome.kind);
        break;
      case 'attempt.started':
        end(key('retry_wait'), startNs, undefined);
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
        end(key('stall', event.cause), startNs, undefined);
        break;
      case 'claude.session':
        start(key('model'), { kind: 'model', name: event.model, ...about });
        break;
      case 'claude.tool_called':
        end(key('model'), startNs, undefined);
        start(key('tool', event.toolUseId), { kind: 'tool', name: event.tool, ...about });
        break;
      case 'claude.tool_returned':
        end(key('tool', event.toolUseId), startNs, event.isError ? 'tool_error' : 'success');
        start(key('model'), { kind: 'model', name: 'model', ...about });
        break;
      case 'claude.result':
        end(key('model'), startNs, undefined);
        break;
      default:
        break;
    }
  }
}
