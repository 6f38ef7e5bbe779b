// The one fold from records to changes of metrics. Pure: what was counted is a function of the records alone, wherever the
// journal is cut in between, so counters that are kept together with the memory of each run count every record once.
import type { ClaudeEvent } from '../../core/claude-event.ts';
import type { Event, EventOf } from '../../core/event.ts';
import { type RunId, spanIdOf } from '../../core/ids.ts';
import { type Outcome, reasonOf } from '../../core/outcome.ts';
import type { QuestionKind } from '../../core/question.ts';
import { type EventRecord, type JournalRecord, linesBegun } from '../../core/record.ts';
import { unreachable } from '../../core/unreachable.ts';
import { foldRun, msOfNs, type RunState } from '../../runs/index.ts';
import { metrics } from './catalogue.ts';
import { findAttempt, findStep } from './find-part.ts';
import { foldClaude } from './fold-claude.ts';
import { add, type Change, type Exemplar, observe } from './metric.ts';
import type { RunMemory } from './run-memory.ts';

export type Folded = { readonly memory: RunMemory; readonly changes: readonly Change[] };

/**
 * @param memory from `newRunMemory`, or from the fold of the record before
 * @param record the next record; one that was folded already changes nothing
 */
export function foldMetrics(memory: RunMemory, record: JournalRecord): Folded {
  const before = memory.state;
  if (record.seq < before.nextSeq) return { memory, changes: [] };
  const after = foldRun(before, record);
  const next: RunMemory = { ...memory, state: after };
  if (record.kind === 'output') {
    const labels = { workflow: after.workflow, stream: record.stream };
    return {
      memory: next,
      changes: [
        add(metrics.outputLines, labels, linesBegun(record)),
        add(metrics.outputBytes, labels, record.bytes.length),
      ],
    };
  }
  const claude = foldClaude(memory, after, record);
  return {
    memory: { ...next, ...claude.memory },
    changes: [...changesOf(memory.runId, before, after, record), ...claude.changes],
  };
}

function changesOf(runId: RunId, before: RunState, after: RunState, record: EventRecord): readonly Change[] {
  const { event } = record;
  const { workflow } = after;
  const step = record.subject?.step ?? '';
  switch (event.type) {
    case 'run.started':
      // A journal holds one; a second says nothing.
      if (before.startedNs !== undefined) return [];
      return [
        { kind: 'touch', labels: { workflow, cicd_pipeline_name: workflow } },
        ...event.steps.map((planned): Change => ({ kind: 'touch', labels: { workflow, step: planned.id } })),
        add(metrics.runsStarted, { workflow }),
      ];
    case 'run.finished':
      return before.phase.kind === 'finished' ? [] : runEnd(runId, after, event, record.timeNs);
    case 'step.finished':
      return findStep(before, step)?.phase.kind === 'finished' ? [] : stepEnd(runId, after, event, record);
    case 'step.retrying':
      return [add(metrics.stepRetries, { workflow, step })];
    case 'resource.sampled':
    case 'attempt.finished':
      return [add(metrics.cpu, { workflow, step }, cpuOf(after, record) - cpuOf(before, record))];
    case 'stall.detected':
      return [add(metrics.stalls, { workflow, cause: event.cause })];
    case 'claude.answered':
    case 'step.answered': {
      const kind = kindOfQuestion(before, event);
      return [
        add(metrics.questions, { workflow, answer: event.answer }),
        add(metrics.questionWait, { workflow, kind }, event.waitedMs / 1000),
      ];
    }
    case 'process.orphaned':
      return [add(metrics.remainingProcesses, { workflow }, event.processes.length)];
    case 'secret.redacted':
      return Object.entries(event.kinds).map(([kind, count]) => add(metrics.hidden, { kind }, count));
    case 'journal.lost':
      return [
        add(metrics.lostLines, { why: event.reason }, event.lines),
        add(metrics.lostEvents, { why: event.reason }, event.events),
      ];
    case 'journal.recovered':
      return [add(metrics.recoveries, {})];
    case 'run.paused':
    case 'run.resumed':
    case 'run.cancelling':
    case 'run.suspended':
    case 'step.expectation_unmet':
    case 'run.budget_warned':
    case 'run.budget_exceeded':
    case 'run.budget_uncertain':
    case 'step.started':
    case 'step.waiting':
    case 'step.asked':
    case 'attempt.started':
    case 'stall.cleared':
    case 'process.signalled':
      return [];
    default:
      // Claude Code's events are counted in fold-claude.ts; one that a later version adds is counted nowhere.
      event satisfies ClaudeEvent;
      return [];
  }
}

/** What Claude Code asked is in its question, which is open until the answer. */
function kindOfQuestion(before: RunState, event: EventOf<'claude.answered' | 'step.answered'>): QuestionKind {
  if (event.type === 'step.answered') return event.kind;
  const open = before.steps.flatMap(({ questions }) => questions);
  return open.find(({ questionId }) => questionId === event.questionId)?.kind ?? 'permission';
}

function runEnd(
  runId: RunId,
  { workflow, traceId }: RunState,
  { outcome, durationMs }: Extract<Event, { type: 'run.finished' }>,
  timeNs: bigint,
): Change[] {
  const seconds = durationMs / 1000;
  const timeMs = msOfNs(timeNs);
  const exemplar: Exemplar = { traceId, spanId: spanIdOf(runId, 'root'), value: seconds, timeMs };
  const labels = { workflow, outcome: outcome.kind };
  return [
    add(metrics.runs, labels),
    observe(metrics.runDuration, labels, seconds, exemplar),
    observe(metrics.pipelineDuration, pipelineLabels(workflow, outcome), seconds, exemplar),
    ...(outcome.kind === 'success'
      ? [{ kind: 'raise', metric: metrics.lastSuccess, labels: { workflow }, value: timeMs / 1000 } as const]
      : [add(metrics.runFailures, { workflow, reason: reasonOf(outcome) })]),
  ];
}

/** As the convention labels a duration: by the state in which that time was spent. A run is in one state, as it is never pending. */
function pipelineLabels(workflow: string, outcome: Outcome) {
  return {
    cicd_pipeline_name: workflow,
    cicd_pipeline_run_state: 'executing',
    cicd_pipeline_result: outcome.kind,
  };
}

function stepEnd(
  runId: RunId,
  { workflow, traceId }: RunState,
  { outcome, durationMs }: Extract<Event, { type: 'step.finished' }>,
  { subject, timeNs }: EventRecord,
): Change[] {
  const step = subject?.step ?? '';
  const ended = add(metrics.steps, { workflow, step, outcome: outcome.kind });
  if (outcome.kind === 'skip') return [ended];
  const seconds = durationMs / 1000;
  const exemplar = { traceId, spanId: spanIdOf(runId, 'step', step), value: seconds, timeMs: msOfNs(timeNs) };
  return [
    ended,
    observe(metrics.stepDuration, { workflow, step }, seconds, exemplar),
    ...(didFail(outcome)
      ? [
          add(metrics.stepFailures, { workflow, reason: reasonOf(outcome) }),
          add(metrics.pipelineErrors, { cicd_pipeline_name: workflow, error_type: reasonOf(outcome) }),
        ]
      : []),
  ];
}

function didFail(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case 'success':
    case 'skip':
      return false;
    case 'failure':
    case 'error':
    case 'timeout':
    case 'cancellation':
      return true;
    default:
      return unreachable(outcome);
  }
}

/** CPU seconds of the attempt that the record is about, as far as they are known. */
function cpuOf(state: RunState, record: EventRecord): number {
  return findAttempt(state, record)?.resources?.cpuSeconds ?? 0;
}
