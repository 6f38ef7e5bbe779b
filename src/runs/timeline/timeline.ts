// The spans of a run for a timeline: its steps, attempts, waits, pauses and stalls, and what Claude Code did. A builder that takes one
// record after the other, since copying the list at each of thousands of calls would cost its square. Called by the API.
import type { ClaudeEvent } from '../../core/claude-event.ts';
import type { Event } from '../../core/event.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { EventRecord, JournalRecord } from '../../core/record.ts';
import { nsOfMs } from '../../core/time.ts';
import { type ClaudeTurns, createClaudeTurns } from './claude-turns.ts';
import { attemptId, SpanStore, type TimelineSpan } from './span-store.ts';

export { type SpanKind, spanKinds, type TimelineSpan } from './span-store.ts';

export type Timeline = {
  /** Takes the next record. Output records are of no interest and cost nothing. */
  readonly add: (record: JournalRecord) => void;
  /** All spans, open ones included. */
  readonly spans: () => readonly TimelineSpan[];
  /** What records with this number or a later one have changed. */
  readonly changes: SpanStore['changes'];
  /** Spans that were only counted because `maxTimelineSpans` was reached. Spans of the kind `more` stand for them. */
  readonly dropped: () => number;
};

/** About 400 bytes a span: 8 MB. Past it spans are counted by attempt, no longer kept. */
export const maxTimelineSpans = 20_000;

export function createTimeline(limit = maxTimelineSpans): Timeline {
  const store = new SpanStore(limit);
  const turns = createClaudeTurns(store);
  return {
    add(record) {
      if (record.kind !== 'event') return;
      store.seq = record.seq;
      addEvent(store, turns, record);
    },
    spans: () => store.spans(),
    changes: (from) => store.changes(from),
    dropped: () => store.dropped(),
  };
}

function addEvent(store: SpanStore, turns: ClaudeTurns, record: EventRecord): void {
  const { event, subject, timeNs } = record;
  if (subject === undefined) addRunEvent(store, event, timeNs);
  else if (isClaudeEvent(event)) turns.add(event, subject, timeNs);
  else addStepEvent(store, turns, record);
}

function isClaudeEvent(event: Event): event is ClaudeEvent {
  return event.type.startsWith('claude.');
}

function addRunEvent(store: SpanStore, event: Event, timeNs: bigint): void {
  const run = store.get('run');
  const place = { step: undefined, attempt: undefined, startNs: timeNs, seq: store.seq };
  switch (event.type) {
    case 'run.started':
      if (run === undefined) store.add({ id: 'run', kind: 'run', name: event.workflow, ...place });
      break;
    case 'run.finished': {
      const endNs = endOf(run?.startNs, timeNs, event);
      store.endOpen(({ kind }) => kind !== 'run', endNs);
      store.end(run, endNs, { result: event.outcome.kind, endSeq: store.seq });
      break;
    }
    case 'run.paused':
      store.add({ id: `pause:${store.seq}`, kind: 'pause', name: event.by, ...place });
      break;
    case 'run.resumed':
      store.endOpen(({ kind }) => kind === 'pause', timeNs);
      break;
    default:
      break;
  }
}

function addStepEvent(store: SpanStore, turns: ClaudeTurns, { event, subject, timeNs }: EventRecord): void {
  if (subject === undefined) return;
  const { step, attempt } = subject;
  const stepId = `step:${step}`;
  const place = { step, attempt, startNs: timeNs, seq: store.seq };
  const wait = (name: string) =>
    store.add({ ...place, id: `retry_wait:${store.seq}`, kind: 'retry_wait', name, parentId: stepId });
  const endBelow = (endNs: bigint) =>
    store.endOpen((draft) => draft.step === step && draft.kind !== 'step' && draft.kind !== 'retry_wait', endNs);
  switch (event.type) {
    case 'step.started':
      store.add({ ...place, id: stepId, kind: 'step', name: step, parentId: 'run', attempt: undefined });
      break;
    case 'step.finished': {
      const own = store.get(stepId);
      const endNs = endOf(own?.startNs, timeNs, event);
      store.endOpen((draft) => draft.step === step && draft.kind !== 'step', endNs);
      store.end(own, endNs, { result: event.outcome.kind, endSeq: store.seq });
      break;
    }
    case 'attempt.started':
      store.endOpen(({ kind, step: ofStep }) => kind === 'retry_wait' && ofStep === step, timeNs);
      store.add({
        ...place,
        id: attemptId(step, attempt),
        kind: 'attempt',
        name: `attempt ${attempt}`,
        parentId: stepId,
      });
      break;
    case 'attempt.finished': {
      const own = store.get(attemptId(step, attempt));
      const endNs = endOf(own?.startNs, timeNs, event);
      turns.close(subject, endNs);
      store.end(own, endNs, { result: event.outcome.kind, endSeq: store.seq });
      endBelow(endNs);
      break;
    }
    case 'step.retrying':
      wait('waiting to retry');
      break;
    case 'step.waiting':
      wait('waiting for the end of a limit');
      break;
    case 'stall.detected':
      store.add({ ...place, id: `stall:${store.seq}`, kind: 'stall', name: event.cause });
      break;
    case 'stall.cleared':
      store.endOpen((draft) => draft.kind === 'stall' && draft.step === step && draft.name === event.cause, timeNs);
      break;
    default:
      break;
  }
}

/** If stepspan was killed, the end is recorded when the run is closed; the work ended with the last record before that. */
function endOf(
  startNs: bigint | undefined,
  recordedNs: bigint,
  { outcome, durationMs }: { readonly outcome: Outcome; readonly durationMs: number },
): bigint {
  const isAbandoned = outcome.kind === 'error' && outcome.reason === 'abandoned';
  return isAbandoned && startNs !== undefined ? startNs + nsOfMs(durationMs) : recordedNs;
}
