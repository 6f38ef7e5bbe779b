// What every record that is shipped says about its run: identity of run, step and attempt. Pure.
import type { CiJob, StartedBy, VersionControl } from '../../../core/event.ts';
import { parentSpanId, type RunId, spanIdOf, traceIdOf } from '../../../core/ids.ts';
import type { JournalRecord, Subject } from '../../../core/record.ts';
import { type AttributeMap, attr, known, labelPrefix } from '../../../otlp/names.ts';
import { defaultHubUrl } from '../../../runs/run-reference.ts';

/** Known from the run id alone; the rest is filled in by `run.started`, the first record of a journal. */
export type RunContext = {
  readonly runId: RunId;
  readonly traceId: string;
  /** '' where the head of the journal was removed by retention. */
  readonly workflow: string;
  readonly stepNames: ReadonlyMap<string, string>;
  /** The labels of the run, by the name of their attribute. */
  readonly labels: AttributeMap;
  /** The address of the hub as people reach it. */
  readonly hubUrl: string;
  readonly startedBy?: StartedBy | undefined;
  readonly versionControl?: VersionControl | undefined;
  readonly ci?: CiJob | undefined;
};

export function bareContext(runId: RunId): RunContext {
  return { runId, traceId: traceIdOf(runId), workflow: '', stepNames: new Map(), labels: {}, hubUrl: defaultHubUrl };
}

/** The context after a record; only `run.started` changes it. */
export function contextAfter(context: RunContext, record: JournalRecord): RunContext {
  if (record.kind !== 'event' || record.event.type !== 'run.started') return context;
  const { event } = record;
  return {
    runId: context.runId,
    traceId: event.traceId,
    workflow: event.workflow,
    stepNames: new Map(event.steps.map((step) => [step.id, step.name])),
    labels: Object.fromEntries(Object.entries(event.labels ?? {}).map(([key, value]) => [labelPrefix + key, value])),
    hubUrl: event.publicUrl ?? defaultHubUrl,
    startedBy: event.startedBy,
    versionControl: event.versionControl,
    ci: event.ci,
  };
}

/** Attributes that stand on every span and every log record. */
export function identityOf(context: RunContext, subject: Subject | undefined): AttributeMap {
  return known({
    [attr.pipelineRunId]: context.runId,
    [attr.pipelineName]: context.workflow === '' ? undefined : context.workflow,
    [attr.taskName]: subject && (context.stepNames.get(subject.step) ?? subject.step),
    [attr.stepId]: subject?.step,
    [attr.attempt]: subject?.attempt,
    ...context.labels,
  });
}

/** The span that a line or an event belongs to. */
export function spanOfSubject(context: RunContext, subject: Subject | undefined): string {
  return subject === undefined
    ? spanIdOf(context.runId, 'root')
    : parentSpanId(context.runId, subject.step, subject.attempt);
}
