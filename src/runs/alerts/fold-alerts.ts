// The fold of a run with its alerts: one record, or one look at the clock, after the other. It folds the state of the run on the way,
// so a reader that wants both folds once. Pure: reading a journal again, from any saved evaluation on, results in the same alerts.
import type { EventRecord, JournalRecord } from '../../core/record.ts';
import { msOfNs } from '../../core/time.ts';
import { foldRun } from '../fold-run.ts';
import { alertKey, endAlert } from './alert.ts';
import { runRules } from './catalogue.ts';
import { evaluateClock } from './clock-rules.ts';
import { evaluateEnd } from './end-rules.ts';
import { type AlertEvaluation, stepEntry } from './evaluation.ts';
import { evaluateEvent } from './record-rules.ts';
import { type AlertSettings, settingsOfRule } from './rule.ts';
import { isSignOfLife, newWatch, type StepWatch, skipTime, watchMemory, watchOutput } from './step-watch.ts';

/**
 * The evaluation after one more record. One that was folded already changes nothing.
 * Before it, everything that the clock alone showed until then is evaluated, however late the record is read.
 */
export function foldAlerts(before: AlertEvaluation, record: JournalRecord, settings: AlertSettings): AlertEvaluation {
  if (record.seq < before.run.nextSeq) return before;
  const atMs = msOfNs(record.timeNs);
  const timed = evaluateClock(before, atMs, settings);
  const step = record.subject?.step;
  const state = watchRecord({ ...timed, run: foldRun(timed.run, record) }, record, settings);
  if (record.kind === 'output') return endPassed(state, step, atMs, settings);
  const evaluated = evaluateEvent(state, record, settings);
  if (record.event.type === 'run.finished') return evaluateEnd(evaluated, record.event.outcome, atMs, settings);
  if (record.event.type === 'step.finished' && step !== undefined) return endOfStep(evaluated, step, atMs);
  return endPassed(evaluated, step, atMs, settings);
}

/**
 * The evaluation when the clock shows `nowMs`. Call it only if every record before that time was folded: one that was not
 * read yet may be the output whose lack this would report.
 */
export function tickAlerts(state: AlertEvaluation, nowMs: number, settings: AlertSettings): AlertEvaluation {
  return state.run.nextSeq === 0 ? state : evaluateClock(state, nowMs, settings);
}

function watchRecord(state: AlertEvaluation, record: JournalRecord, settings: AlertSettings): AlertEvaluation {
  const { subject } = record;
  if (subject === undefined) return record.kind === 'event' ? watchRun(state, record, settings) : state;
  const before = stepEntry(state.watches, subject.step);
  const watch = before ?? newWatch(msOfNs(record.timeNs));
  const after = record.kind === 'output' ? watchOutput(watch, record) : watchEvent(watch, record, settings);
  return after === before ? state : { ...state, watches: { ...state.watches, [subject.step]: after } };
}

function watchEvent(watch: StepWatch, { event, timeNs }: EventRecord, settings: AlertSettings): StepWatch {
  const atMs = msOfNs(timeNs);
  switch (event.type) {
    case 'step.started':
      return newWatch(atMs);
    case 'attempt.started':
      return { ...newWatch(atMs), startedMs: watch.startedMs, isRunning: true };
    case 'attempt.finished':
      return { ...watch, isRunning: false, hang: undefined, memory: [] };
    case 'stall.detected': {
      // Silence has a limit of its own here. An attempt that the run itself ends is reported by how it ends.
      const isHang = event.cause !== 'no_output' && event.action === 'none';
      const hang = isHang ? { cause: event.cause, sinceMs: atMs } : watch.hang;
      return { ...watch, activity: event.activity, hang };
    }
    case 'stall.cleared':
      return { ...watch, activity: undefined, hang: watch.hang?.cause === event.cause ? undefined : watch.hang };
    case 'resource.sampled': {
      const { window } = settingsOfRule(settings, runRules.StepspanMemoryGrowing).thresholds;
      return watchMemory(watch, event.rssBytes, atMs, window);
    }
    case 'claude.answered':
    case 'step.answered':
      // The wait for a person is not slowness of the step.
      return { ...skipTime(watch, event.waitedMs, atMs), quietSinceMs: atMs };
    default:
      return isSignOfLife(event) ? { ...watch, quietSinceMs: atMs } : watch;
  }
}

function watchRun(state: AlertEvaluation, { event, timeNs }: EventRecord, settings: AlertSettings): AlertEvaluation {
  const atMs = msOfNs(timeNs);
  const { frozenSinceMs } = state;
  switch (event.type) {
    case 'run.paused':
      return event.now ? { ...state, frozenSinceMs: frozenSinceMs ?? atMs } : state;
    case 'run.resumed':
      if (frozenSinceMs === undefined) return state;
      return skipLostTime({ ...state, frozenSinceMs: undefined }, atMs - frozenSinceMs, atMs, settings);
    case 'run.suspended':
      // The time of a pause is skipped as a whole when it ends.
      return frozenSinceMs === undefined ? skipLostTime(state, event.suspendedMs, atMs, settings) : state;
    default:
      return state;
  }
}

/** Takes lost time off every limit. What no longer holds ends now, not at the next look at the clock. */
function skipLostTime(state: AlertEvaluation, lostMs: number, atMs: number, settings: AlertSettings): AlertEvaluation {
  const watches = Object.fromEntries(
    Object.entries(state.watches).map(([step, watch]) => [step, skipTime(watch, lostMs, atMs)]),
  );
  const alerts = Object.keys(watches).reduce((before, step) => {
    const key = alertKey({ rule: 'StepspanStepSlow', step });
    // It was about time that does not count. It starts again once the time that counts has passed.
    return (before[key]?.startsMs ?? 0) > atMs - lostMs ? endAlert(before, key, atMs) : before;
  }, state.alerts);
  return evaluateClock({ ...state, watches, alerts }, atMs, settings);
}

/** Ends what this record has shown to be over: silence, and the growth of processes that have ended. */
function endPassed(
  state: AlertEvaluation,
  step: string | undefined,
  atMs: number,
  settings: AlertSettings,
): AlertEvaluation {
  if (step === undefined) return state;
  const isStuckKnown = state.alerts[alertKey({ rule: 'StepspanRunStuck', step })] !== undefined;
  const timed = isStuckKnown ? evaluateClock(state, atMs, settings) : state;
  if (stepEntry(timed.watches, step)?.isRunning !== false) return timed;
  const alerts = endAlert(timed.alerts, alertKey({ rule: 'StepspanMemoryGrowing', step }), atMs);
  return alerts === timed.alerts ? timed : { ...timed, alerts };
}

function endOfStep(state: AlertEvaluation, step: string, atMs: number): AlertEvaluation {
  const rules = ['StepspanRunStuck', 'StepspanWaitingForYou', 'StepspanStepSlow', 'StepspanMemoryGrowing'] as const;
  return {
    ...state,
    alerts: rules.reduce((left, rule) => endAlert(left, alertKey({ rule, step }), atMs), state.alerts),
  };
}
