// The trace of a run, span by span, as its records come in: `run.started` at once, attempts of a retried step and steps
// when they end, the root last. Tempo may show any copy of a span id, so none is sent before it is complete.
// Pure but for its own state; that state is folded from the first record on, whatever was sent before.
import type { EventOf } from '../../../core/event.ts';
import { type RunId, spanIdOf, traceIdOf } from '../../../core/ids.ts';
import { messageOf, type Outcome } from '../../../core/outcome.ts';
import type { EventRecord, JournalRecord, Subject } from '../../../core/record.ts';
import { foldRun } from '../../../runs/fold-run.ts';
import { emptyRunState, type RunState } from '../../../runs/run-state.ts';
import { spansOfRequest } from './claude-telemetry.ts';
import { attr, known } from './names.ts';
import type { ReadableSpan } from './otlp-types.ts';
import { bareContext, contextAfter, identityOf } from './run-context.ts';
import { attemptAttributes, isError, runAttributes, stepAttributes } from './span-attributes.ts';
import { markOf } from './span-events.ts';
import { createSpanEvents, type SpanEvents, type SpanSpec } from './span-spec.ts';

export type MappedSpan =
  | { readonly kind: 'own'; readonly spec: SpanSpec }
  | { readonly kind: 'claude'; readonly span: ReadableSpan };

export type SpanMapper = {
  /** The spans that are complete with this record, parents after children. */
  readonly apply: (record: JournalRecord) => readonly MappedSpan[];
};

export function createSpanMapper(runId: RunId): SpanMapper {
  let context = bareContext(runId);
  let state: RunState = emptyRunState();
  let started: EventRecord | undefined;
  let firstNs: bigint | undefined;
  /** Marks by the span that will carry them: '' for the run, a step id, or a step id and an attempt. */
  const marks = new Map<string, SpanEvents>();
  const rootId = spanIdOf(runId, 'root');

  const marksOf = (key: string): SpanEvents => {
    const found = marks.get(key) ?? createSpanEvents();
    marks.set(key, found);
    return found;
  };
  const takeMarks = (key: string): SpanEvents => {
    const found = marksOf(key);
    marks.delete(key);
    return found;
  };
  const runStarted = (): EventOf<'run.started'> | undefined =>
    started?.event.type === 'run.started' ? started.event : undefined;

  function span(
    fields: Omit<SpanSpec, 'traceId' | 'events' | 'links' | 'error'> & { readonly links?: SpanSpec['links'] },
    subject: Subject | undefined,
    outcome: Outcome | undefined,
    events: SpanEvents,
  ): MappedSpan {
    // A step's span stands for all of its attempts; an attempt's span names its own in `fields`.
    const { [attr.attempt]: _last, ...identity } = identityOf(context, subject);
    const dropped = events.dropped();
    return {
      kind: 'own',
      spec: {
        links: [],
        ...fields,
        traceId: context.traceId,
        attributes: {
          ...identity,
          ...fields.attributes,
          ...(dropped > 0 ? { [attr.eventsDropped]: dropped } : {}),
        },
        events: events.kept(),
        error: outcome !== undefined && isError(outcome) ? messageOf(outcome) : undefined,
      },
    };
  }

  function startedSpan(record: EventRecord): MappedSpan {
    return span(
      {
        spanId: spanIdOf(runId, 'started'),
        parentSpanId: rootId,
        name: 'run.started',
        kind: 'internal',
        startNs: record.timeNs,
        endNs: record.timeNs,
        attributes: known({ [attr.pipelineRunState]: 'executing', [attr.stepCount]: runStarted()?.steps.length }),
      },
      undefined,
      undefined,
      createSpanEvents(),
    );
  }

  function attemptSpan(subject: Subject, endNs: bigint, outcome: Outcome): MappedSpan[] {
    const step = state.steps.find(({ id }) => id === subject.step);
    const attempt = step?.attempts.find(({ number }) => number === subject.attempt);
    if (step === undefined || attempt === undefined) return [];
    return [
      span(
        {
          spanId: spanIdOf(runId, 'attempt', subject.step, String(subject.attempt)),
          parentSpanId: spanIdOf(runId, 'step', subject.step),
          name: `${step.name} attempt ${subject.attempt}`,
          kind: 'internal',
          startNs: attempt.startedNs,
          endNs: attempt.phase.kind === 'finished' ? attempt.phase.endedNs : endNs,
          attributes: {
            ...attemptAttributes(step, attempt, attempt.phase.kind === 'finished' ? attempt.phase.outcome : outcome),
            [attr.taskRunId]: `${runId}/${subject.step}/${subject.attempt}`,
            [attr.attempt]: subject.attempt,
          },
        },
        subject,
        attempt.phase.kind === 'finished' ? attempt.phase.outcome : outcome,
        takeMarks(attemptKey(subject)),
      ),
    ];
  }

  function stepSpans(subject: Subject, endNs: bigint, event: EventOf<'step.finished'>): MappedSpan[] {
    const step = state.steps.find(({ id }) => id === subject.step);
    if (step === undefined) return [];
    const retried = event.attempts > 1;
    const last = { step: subject.step, attempt: Math.max(event.attempts, 1) };
    const attempts = retried ? attemptSpan(last, endNs, event.outcome) : [];
    const own = takeMarks(subject.step);
    if (!retried) for (const mark of takeMarks(attemptKey(last)).kept()) own.add(mark);
    return [
      ...attempts,
      span(
        {
          spanId: spanIdOf(runId, 'step', subject.step),
          parentSpanId: rootId,
          name: step.name,
          kind: 'internal',
          startNs: step.startedNs ?? endNs,
          endNs,
          attributes: { ...stepAttributes(step, event), [attr.taskRunId]: `${runId}/${subject.step}` },
        },
        subject,
        event.outcome,
        own,
      ),
    ];
  }

  function rootSpan(record: EventRecord, event: EventOf<'run.finished'>): MappedSpan {
    const from = runStarted()?.resumedFrom as RunId | undefined;
    const links =
      from === undefined
        ? []
        : [
            {
              traceId: traceIdOf(from),
              spanId: spanIdOf(from, 'root'),
              attributes: { [attr.linkKind]: 'resumed_from', [attr.pipelineRunId]: from },
            },
          ];
    return span(
      {
        spanId: rootId,
        parentSpanId: undefined,
        name: context.workflow === '' ? 'RUN' : `RUN ${context.workflow}`,
        kind: 'server',
        startNs: started?.timeNs ?? firstNs ?? record.timeNs,
        endNs: record.timeNs,
        attributes: runAttributes(runStarted(), event, state),
        links,
      },
      undefined,
      event.outcome,
      takeMarks(''),
    );
  }

  return {
    apply(record) {
      firstNs ??= record.timeNs;
      // Lines are counted by `attempt.finished`; folding each of millions of them would only cost time.
      if (record.kind === 'output') return [];
      state = foldRun(state, record);
      context = contextAfter(context, record);
      const { event, subject } = record;
      const mark = markOf(event);
      if (mark !== undefined) {
        const key = subject === undefined ? '' : isBetweenAttempts(event.type) ? subject.step : attemptKey(subject);
        marksOf(key).add({ name: event.type, timeNs: record.timeNs, attributes: mark });
      }
      switch (event.type) {
        case 'run.started':
          started ??= record;
          return [startedSpan(record)];
        case 'step.retrying':
        case 'step.waiting':
          return subject === undefined ? [] : attemptSpan(subject, record.timeNs, event.outcome);
        case 'step.finished':
          return subject === undefined ? [] : stepSpans(subject, record.timeNs, event);
        case 'run.finished':
          return [rootSpan(record, event)];
        case 'claude.telemetry':
          if (event.signal !== 'traces') return [];
          return spansOfRequest(event.request, identityOf(context, subject)).map((own) => ({
            kind: 'claude' as const,
            span: own,
          }));
        default:
          return [];
      }
    },
  };
}

/** Written after the end of one attempt and before the next, so a mark on the span of the step. */
function isBetweenAttempts(type: EventRecord['event']['type']): boolean {
  return type === 'step.retrying' || type === 'step.waiting';
}

function attemptKey(subject: Subject): string {
  return `${subject.step}\0${subject.attempt}`;
}
