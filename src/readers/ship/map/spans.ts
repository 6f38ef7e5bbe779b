// The trace of a run, span by span, as its records come in: `run.started` at once, attempts of a retried step and steps
// when they end, the root last. Tempo may show any copy of a span id, so none is sent before it is complete.
// Pure, apart from its own state, which is folded from the first record on, whatever was sent before.
import type { EventOf, StartedBy } from '../../../core/event.ts';
import { isRunId, type RunId, spanIdOf, traceIdOf } from '../../../core/ids.ts';
import { messageOf, type Outcome } from '../../../core/outcome.ts';
import type { EventRecord, JournalRecord, Subject } from '../../../core/record.ts';
import { nsOfMs } from '../../../core/time.ts';
import { subagentOfCall } from '../../../otlp/gen-ai.ts';
import { type AttributeMap, attr, known } from '../../../otlp/names.ts';
import { foldRun } from '../../../runs/fold-run.ts';
import { pageOfRun } from '../../../runs/run-reference.ts';
import { emptyRunState, type RunState } from '../../../runs/run-state.ts';
import { spansOfRequest } from './claude-telemetry.ts';
import type { ReadableSpan } from './otlp-types.ts';
import { bareContext, contextAfter, identityOf, type RunContext } from './run-context.ts';
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
  return new RunTrace(runId);
}

/** Of one run; a day of work has some hundred. */
const maxSubagents = 10_000;

type SpanFields = Omit<SpanSpec, 'traceId' | 'events' | 'links' | 'error'> & {
  readonly links?: SpanSpec['links'];
  /** The step and attempt that the span is about; absent for the run. */
  readonly subject?: Subject;
  readonly outcome?: Outcome;
  readonly marks?: SpanEvents;
};

class RunTrace implements SpanMapper {
  readonly #runId: RunId;
  readonly #rootId: string;
  #context: RunContext;
  #state: RunState = emptyRunState();
  #started: { readonly timeNs: bigint; readonly event: EventOf<'run.started'> } | undefined;
  #firstNs: bigint | undefined;
  /** Marks by the span that will carry them: '' for the run, a step id, or a step id and an attempt. */
  readonly #marks = new Map<string, SpanEvents>();
  /** Names of subagents by the tool call that started them: Claude Code does not say them on its spans. */
  readonly #subagents = new Map<string, string>();

  constructor(runId: RunId) {
    this.#runId = runId;
    this.#rootId = spanIdOf(runId, 'root');
    this.#context = bareContext(runId);
  }

  apply(record: JournalRecord): readonly MappedSpan[] {
    this.#firstNs ??= record.timeNs;
    // Lines are counted by `attempt.finished`; folding each of millions of them would only cost time.
    if (record.kind === 'output') return [];
    this.#state = foldRun(this.#state, record);
    this.#context = contextAfter(this.#context, record);
    this.#addMark(record);
    const { event, subject, timeNs } = record;
    switch (event.type) {
      case 'run.started':
        this.#started ??= { timeNs, event };
        return [this.#startedSpan(timeNs)];
      case 'step.retrying':
      case 'step.waiting':
        return subject === undefined ? [] : this.#attemptSpan(subject, timeNs, event.outcome);
      case 'step.finished':
        return subject === undefined ? [] : this.#stepSpans(subject, timeNs, event);
      case 'run.finished':
        return [this.#rootSpan(timeNs, event)];
      case 'claude.telemetry':
        if (event.signal !== 'traces') return [];
        return spansOfRequest(event.request, {
          identity: identityOf(this.#context, subject),
          subagentOf: (id) => this.#subagents.get(id),
        }).map((span) => ({ kind: 'claude', span }));
      case 'claude.tool_called':
        this.#noteSubagent(event);
        return [];
      default:
        return [];
    }
  }

  #addMark({ event, subject, timeNs }: EventRecord): void {
    const attributes = markOf(event);
    if (attributes === undefined) return;
    const key = subject === undefined ? '' : isBetweenAttempts(event.type) ? subject.step : attemptKey(subject);
    const marks = this.#marks.get(key) ?? createSpanEvents();
    this.#marks.set(key, marks);
    marks.add({ name: event.type, timeNs, attributes });
  }

  #noteSubagent({ tool, toolUseId, input }: EventOf<'claude.tool_called'>): void {
    const name = this.#subagents.size < maxSubagents ? subagentOfCall(tool, input) : undefined;
    if (name !== undefined) this.#subagents.set(toolUseId, name);
  }

  #takeMarks(key: string): SpanEvents {
    const marks = this.#marks.get(key) ?? createSpanEvents();
    this.#marks.delete(key);
    return marks;
  }

  #span({ subject, outcome, marks = createSpanEvents(), ...fields }: SpanFields): MappedSpan {
    // A step's span covers all of its attempts; an attempt's span names its own in `fields`.
    const { [attr.attempt]: _last, ...identity } = identityOf(this.#context, subject);
    const dropped = marks.dropped();
    return {
      kind: 'own',
      spec: {
        links: [],
        ...fields,
        traceId: this.#context.traceId,
        attributes: {
          ...identity,
          ...fields.attributes,
          ...(dropped > 0 ? { [attr.eventsDropped]: dropped } : {}),
        },
        events: marks.kept(),
        error: outcome !== undefined && isError(outcome) ? messageOf(outcome) : undefined,
      },
    };
  }

  /** Where the run can be looked at, and what it worked on. */
  #runPlace(): AttributeMap {
    const { hubUrl, versionControl, ci } = this.#context;
    return known({
      [attr.pipelineRunUrl]: pageOfRun(hubUrl, this.#runId),
      [attr.vcsUrl]: versionControl?.url,
      [attr.vcsRefName]: versionControl?.branch,
      [attr.vcsRefType]: versionControl?.branch === undefined ? undefined : 'branch',
      [attr.vcsRevision]: versionControl?.revision,
      [attr.vcsDirty]: versionControl?.isDirty,
      [attr.vcsChange]: ci?.change,
      [attr.ciSystem]: ci?.system,
      [attr.ciUrl]: ci?.url,
    });
  }

  #pageOf(step: string): string {
    return pageOfRun(this.#context.hubUrl, this.#runId, { step });
  }

  #startedSpan(timeNs: bigint): MappedSpan {
    return this.#span({
      spanId: spanIdOf(this.#runId, 'started'),
      parentSpanId: this.#rootId,
      name: 'run.started',
      kind: 'internal',
      startNs: timeNs,
      endNs: timeNs,
      attributes: known({
        [attr.pipelineRunState]: 'executing',
        [attr.stepCount]: this.#started?.event.steps.length,
        ...this.#runPlace(),
      }),
    });
  }

  #attemptSpan(subject: Subject, endNs: bigint, outcome: Outcome): MappedSpan[] {
    const step = this.#state.steps.find(({ id }) => id === subject.step);
    const attempt = step?.attempts.find(({ number }) => number === subject.attempt);
    if (step === undefined || attempt === undefined) return [];
    const end = attempt.phase.kind === 'finished' ? attempt.phase : { endedNs: endNs, outcome, durationMs: undefined };
    return [
      this.#span({
        spanId: spanIdOf(this.#runId, 'attempt', subject.step, String(subject.attempt)),
        parentSpanId: spanIdOf(this.#runId, 'step', subject.step),
        name: `${step.name} attempt ${subject.attempt}`,
        kind: 'internal',
        startNs: attempt.startedNs,
        endNs: endOfSpan(attempt.startedNs, end.endedNs, end),
        attributes: {
          ...attemptAttributes(step, attempt, end.outcome),
          [attr.taskRunId]: `${this.#runId}/${subject.step}/${subject.attempt}`,
          [attr.taskRunUrl]: this.#pageOf(subject.step),
          [attr.attempt]: subject.attempt,
        },
        subject,
        outcome: end.outcome,
        marks: this.#takeMarks(attemptKey(subject)),
      }),
    ];
  }

  #stepSpans(subject: Subject, endNs: bigint, event: EventOf<'step.finished'>): MappedSpan[] {
    const step = this.#state.steps.find(({ id }) => id === subject.step);
    if (step === undefined) return [];
    const isRetried = event.attempts > 1;
    const last = { step: subject.step, attempt: Math.max(event.attempts, 1) };
    const attempts = isRetried ? this.#attemptSpan(last, endNs, event.outcome) : [];
    const marks = this.#takeMarks(subject.step);
    if (!isRetried) for (const mark of this.#takeMarks(attemptKey(last)).kept()) marks.add(mark);
    return [
      ...attempts,
      this.#span({
        spanId: spanIdOf(this.#runId, 'step', subject.step),
        parentSpanId: this.#rootId,
        name: step.name,
        kind: 'internal',
        startNs: step.startedNs ?? endNs,
        endNs: endOfSpan(step.startedNs, endNs, event),
        attributes: {
          ...stepAttributes(step, event),
          [attr.taskRunId]: `${this.#runId}/${subject.step}`,
          [attr.taskRunUrl]: this.#pageOf(subject.step),
        },
        subject,
        outcome: event.outcome,
        marks,
      }),
    ];
  }

  #rootSpan(timeNs: bigint, event: EventOf<'run.finished'>): MappedSpan {
    const { workflow, startedBy } = this.#context;
    return this.#span({
      spanId: this.#rootId,
      parentSpanId: startedBy?.as === 'child' ? startedBy.spanId : undefined,
      name: workflow === '' ? 'RUN' : `RUN ${workflow}`,
      kind: 'server',
      startNs: this.#started?.timeNs ?? this.#firstNs ?? timeNs,
      endNs: endOfSpan(this.#started?.timeNs, timeNs, event),
      attributes: { ...runAttributes(this.#started?.event, event, this.#state), ...this.#runPlace() },
      links: [...linksToStarter(startedBy), ...linksToResumed(this.#started?.event)],
      outcome: event.outcome,
      marks: this.#takeMarks(''),
    });
  }
}

/** The link to the span that started the run, if the run is not below it. */
function linksToStarter(by: StartedBy | undefined): SpanSpec['links'] {
  if (by?.as !== 'link') return [];
  return [{ traceId: by.traceId, spanId: by.spanId, attributes: { [attr.linkKind]: 'started_by' } }];
}

/** The link to the run that this one continues. */
function linksToResumed(started: EventOf<'run.started'> | undefined): SpanSpec['links'] {
  const from = started?.resumedFrom;
  if (from === undefined || !isRunId(from)) return [];
  const attributes = { [attr.linkKind]: 'resumed_from', [attr.pipelineRunId]: from };
  return [{ traceId: started?.resumedFromTraceId ?? traceIdOf(from), spanId: spanIdOf(from, 'root'), attributes }];
}

/** If stepspan was killed, the end is recorded when the run is closed; the work ended with the last record before that. */
function endOfSpan(
  startNs: bigint | undefined,
  recordedNs: bigint,
  { outcome, durationMs }: { readonly outcome: Outcome; readonly durationMs: number | undefined },
): bigint {
  const isAbandoned = outcome.kind === 'error' && outcome.reason === 'abandoned';
  if (!isAbandoned || startNs === undefined || durationMs === undefined) return recordedNs;
  return startNs + nsOfMs(durationMs);
}

/** Written after the end of one attempt and before the next, so a mark on the span of the step. */
function isBetweenAttempts(type: EventRecord['event']['type']): boolean {
  return type === 'step.retrying' || type === 'step.waiting';
}

function attemptKey(subject: Subject): string {
  return `${subject.step}\0${subject.attempt}`;
}
