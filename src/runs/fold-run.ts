// The one fold from records to the state of a run. Pure: the state given is never changed; what did not change is shared.
// It never throws, whatever part of a journal it is given, since a reader must not die of a run that went wrong.
import { sumUsd, weakestBasis } from '../core/cost.ts';
import type { Event } from '../core/event.ts';
import { type JournalRecord, linesBegun, type OutputRecord, type Stream, seqCount } from '../core/record.ts';
import { unreachable } from '../core/unreachable.ts';
import { foldStepEvent } from './fold-step.ts';
import { foldLastLine } from './last-line.ts';
import { sumByModel } from './model-use.ts';
import {
  emptyRunState,
  type LineCounts,
  type LostCounts,
  plannedStep,
  type RunPhase,
  type RunState,
  type StepState,
} from './run-state.ts';

/**
 * The state after one more record.
 * @param state what `emptyRunState()` or an earlier fold gave
 * @param record the next record; one that was folded already (by its sequence number) changes nothing
 */
export function foldRun(state: RunState, record: JournalRecord): RunState {
  if (record.seq < state.nextSeq) return state;
  const count = seqCount(record);
  const next: RunState = {
    ...state,
    nextSeq: record.seq + count,
    lastNs: record.timeNs + BigInt(count - 1),
  };
  if (record.kind === 'output') return foldOutput(next, record);
  const folded = foldRunEvent(next, record.event, record.timeNs);
  if (record.subject === undefined) return folded;
  return changeStep(folded, record.subject.step, (step) => foldStepEvent(step, record));
}

/** The state after all of `records`, in order. */
export function foldAll(records: Iterable<JournalRecord>, from: RunState = emptyRunState()): RunState {
  let state = from;
  for (const record of records) state = foldRun(state, record);
  return state;
}

function foldOutput(state: RunState, record: OutputRecord): RunState {
  const count = linesBegun(record);
  const counted = { ...state, lines: addLines(state.lines, record.stream, count) };
  const { subject } = record;
  if (subject === undefined) return counted;
  return changeStep(counted, subject.step, (step) => ({
    ...step,
    lines: addLines(step.lines, record.stream, count),
    ...(saysWhatItDoes(step, record) ? foldLastLine(step, record) : {}),
    attempts: step.attempts.map((attempt) =>
      attempt.number === subject.attempt
        ? { ...attempt, lines: addLines(attempt.lines, record.stream, count) }
        : attempt,
    ),
  }));
}

/** Of a session of Claude's the events say what it does; its lines are also the ends of long results. */
function saysWhatItDoes(step: StepState, { stream }: OutputRecord): boolean {
  // What stepspan says of a step, as that it hangs, must not hide what the step said last.
  if (stream === 'debug' || stream === 'system') return false;
  return stream !== 'stdout' || step.kind !== 'claude' || step.activity.kind === 'none';
}

/** Changes one step. A step that no plan named is added, so that a journal without its head can still be read. */
function changeStep(state: RunState, id: string, change: (step: StepState) => StepState): RunState {
  const index = state.steps.findIndex((step) => step.id === id);
  const before = state.steps[index] ?? plannedStep({ id, name: id, kind: 'run', needs: [] }, false);
  const after = change(before);
  if (after === before && index !== -1) return state;
  const steps = index === -1 ? [...state.steps, after] : state.steps.with(index, after);
  const costChanged = after.attempts.some((attempt, at) => attempt.cost !== before.attempts[at]?.cost);
  return costChanged ? withCosts({ ...state, steps }) : { ...state, steps };
}

function withCosts(state: RunState): RunState {
  const costs = state.steps.flatMap((step) => step.attempts.map((attempt) => attempt.cost));
  return {
    ...state,
    costUsd: sumUsd(state.steps.map((step) => step.costUsd)),
    costBasis: weakestBasis(state.steps.map((step) => step.costBasis)),
    models: sumByModel(costs.flatMap((cost) => (cost.kind === 'none' ? [] : Object.values(cost.models)))),
  };
}

function foldRunEvent(state: RunState, event: Event, timeNs: bigint): RunState {
  switch (event.type) {
    case 'run.started':
      // A journal holds one. A second, in a journal patched together, must not change the plan under its readers.
      if (state.startedNs !== undefined) return state;
      return {
        ...state,
        runId: event.runId,
        traceId: event.traceId,
        workflow: event.workflow,
        description: event.description,
        file: event.file,
        params: event.params,
        labels: event.labels ?? {},
        cwd: event.cwd,
        concurrency: event.concurrency,
        budgetUsd: event.budgetUsd,
        budgetTokens: event.budgetTokens,
        writer: event.writer,
        stepspanVersion: event.stepspanVersion,
        resumedFrom: event.resumedFrom,
        versionControl: event.versionControl,
        ci: event.ci,
        phase: state.phase.kind === 'unknown' ? { kind: 'running' } : state.phase,
        startedNs: timeNs,
        steps: [
          ...event.steps.map((planned) => ({
            ...(state.steps.find((step) => step.id === planned.id) ?? plannedStep(planned, true)),
            ...planned,
            planned: true,
          })),
          ...state.steps.filter((step) => !event.steps.some((planned) => planned.id === step.id)),
        ],
      };
    case 'run.paused':
      return unlessEnding(state, { kind: 'paused', by: event.by, now: event.now, sinceNs: timeNs });
    case 'run.resumed':
      return {
        ...unlessEnding(state, { kind: 'running' }),
        pauses: { count: state.pauses.count + 1, totalMs: state.pauses.totalMs + event.pausedMs },
      };
    case 'run.cancelling':
      return unlessEnding(state, { kind: 'cancelling', by: event.by, sinceNs: timeNs });
    case 'run.budget_warned':
      return state.budget.kind === 'kept'
        ? { ...state, budget: { kind: 'warned', share: event.share, sinceNs: timeNs } }
        : state;
    case 'run.budget_exceeded':
      return {
        ...state,
        budget: { kind: 'exceeded', unit: event.unit, used: event.used, limit: event.limit, sinceNs: timeNs },
      };
    case 'run.finished':
      return {
        ...state,
        phase: { kind: 'finished', outcome: event.outcome, durationMs: event.durationMs, endedNs: timeNs },
      };
    case 'secret.redacted':
      return { ...state, hidden: addCounts(state.hidden, event.kinds), hiddenNs: state.hiddenNs ?? timeNs };
    case 'journal.lost':
      return {
        ...state,
        lost: { ...state.lost, [event.reason]: addLost(state.lost[event.reason], event) },
        lostNs: state.lostNs ?? timeNs,
      };
    case 'journal.recovered':
      return {
        ...state,
        recovered: {
          times: state.recovered.times + 1,
          cutBytes: state.recovered.cutBytes + event.cutBytes,
          missing: state.recovered.missing + (event.missing ?? 0),
        },
      };
    default:
      // Every other event is about a step and is folded there.
      return state;
  }
}

/** A run that is being cancelled, or has ended, is not brought back by a late pause. */
function unlessEnding(state: RunState, phase: RunPhase): RunState {
  switch (state.phase.kind) {
    case 'unknown':
    case 'running':
    case 'paused':
      return { ...state, phase };
    case 'cancelling':
    case 'finished':
      return state;
    default:
      return unreachable(state.phase);
  }
}

function addLines(lines: LineCounts, stream: Stream, count: number): LineCounts {
  return { ...lines, [stream]: lines[stream] + count };
}

function addLost(sum: LostCounts, more: LostCounts): LostCounts {
  return { lines: sum.lines + more.lines, events: sum.events + more.events, bytes: sum.bytes + more.bytes };
}

function addCounts(
  sum: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const keys = new Set([...Object.keys(sum), ...Object.keys(more)]);
  return Object.fromEntries(Array.from(keys, (key) => [key, own(sum, key) + own(more, key)]));
}

/** Rule names come from settings; one called `constructor` must count from 0 and not from a function. */
function own(counts: Readonly<Record<string, number>>, key: string): number {
  return Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0;
}
