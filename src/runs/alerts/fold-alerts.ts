// The fold of the rules: one record or one look at the clock after the other, from nothing to the alerts of a run. Pure, so
// that whoever reads a journal again, from any saved state on, comes to the same alerts.
import type { EventRecord, JournalRecord } from '../../core/record.ts';
import { foldRun, msOfNs } from '../index.ts';
import { alertKey, end } from './alert.ts';
import type { AlertSettings } from './alerts-file.ts';
import { atTime } from './clock-rules.ts';
import { afterEnd } from './end-rules.ts';
import { type AlertEvaluation, ruleSettings, stepEntry } from './evaluation.ts';
import { afterEvent } from './record-rules.ts';
import { newWatch, type StepWatch, showsLife, thaw, watchMemory, watchOutput } from './step-watch.ts';

/**
 * The state after one more record. One that was folded already changes nothing.
 * What the clock alone would have said before this record is said first, however late the record is read.
 */
export function foldAlerts(before: AlertEvaluation, record: JournalRecord, settings: AlertSettings): AlertEvaluation {
  if (record.seq < before.run.nextSeq) return before;
  const atMs = msOfNs(record.timeNs);
  const timed = atTime(before, atMs, settings);
  const state = watched({ ...timed, run: foldRun(timed.run, record) }, record, atMs, settings);
  if (record.kind === 'output') return endedByLife(state, record.subject?.step, atMs, settings);
  const told = afterEvent(state, record, settings);
  const { event, subject } = record;
  if (event.type === 'run.finished') return afterEnd(told, event.outcome, atMs, settings);
  if (event.type === 'step.finished' && subject !== undefined) return endedWithStep(told, subject.step, atMs);
  return endedByLife(told, subject?.step, atMs, settings);
}

/**
 * The state once the clock shows `nowMs`. To be called only when every record before that time was folded: a record that
 * was not read yet may be the sign of life whose lack this would be about.
 */
export function tickAlerts(state: AlertEvaluation, nowMs: number, settings: AlertSettings): AlertEvaluation {
  return state.run.nextSeq === 0 ? state : atTime(state, nowMs, settings);
}

function watched(
  state: AlertEvaluation,
  record: JournalRecord,
  atMs: number,
  settings: AlertSettings,
): AlertEvaluation {
  if (record.kind === 'event' && record.subject === undefined) return afterRunEvent(state, record, atMs, settings);
  const step = record.subject?.step;
  if (step === undefined) return state;
  const before = stepEntry(state.watches, step) ?? newWatch(atMs);
  const after =
    record.kind === 'output' ? watchOutput(before, record, atMs) : watchEvent(before, record, atMs, settings);
  return after === before && Object.hasOwn(state.watches, step)
    ? state
    : { ...state, watches: { ...state.watches, [step]: after } };
}

function watchEvent(watch: StepWatch, { event }: EventRecord, atMs: number, settings: AlertSettings): StepWatch {
  switch (event.type) {
    case 'step.started':
      return newWatch(atMs);
    case 'attempt.started':
      return { ...newWatch(atMs), startedMs: watch.startedMs, isRunning: true };
    case 'attempt.finished':
      return { ...watch, isRunning: false, hang: undefined, memory: [] };
    case 'stall.detected':
      // That nothing is printed has a limit of its own here, unless the run itself does something about it.
      return event.cause === 'no_output' && event.action === 'none'
        ? { ...watch, activity: event.activity }
        : { ...watch, activity: event.activity, hang: { cause: event.cause, sinceMs: atMs } };
    case 'stall.cleared':
      return { ...watch, activity: undefined, hang: watch.hang?.cause === event.cause ? undefined : watch.hang };
    case 'resource.sampled': {
      const { window } = ruleSettings<'window'>(settings, 'StepspanMemoryGrowing').thresholds;
      return watchMemory(watch, event.rssBytes, atMs, window);
    }
    default:
      return showsLife(event) ? { ...watch, quietSinceMs: atMs } : watch;
  }
}

function afterRunEvent(
  state: AlertEvaluation,
  { event }: EventRecord,
  atMs: number,
  settings: AlertSettings,
): AlertEvaluation {
  switch (event.type) {
    case 'run.paused':
      return event.now ? { ...state, frozenSinceMs: state.frozenSinceMs ?? atMs } : state;
    case 'run.resumed': {
      if (state.frozenSinceMs === undefined) return state;
      const frozenMs = atMs - state.frozenSinceMs;
      return thawed({ ...state, frozenSinceMs: undefined }, frozenMs, atMs, settings);
    }
    case 'run.suspended':
      // The time of a pause is taken off as a whole when it ends.
      return state.frozenSinceMs === undefined ? thawed(state, event.suspendedMs, atMs, settings) : state;
    default:
      return state;
  }
}

/** Takes lost time off every limit. What is no longer so ends now, not when somebody next looks at the clock. */
function thawed(state: AlertEvaluation, lostMs: number, atMs: number, settings: AlertSettings): AlertEvaluation {
  const watches = Object.fromEntries(
    Object.entries(state.watches).map(([step, watch]) => [step, thaw(watch, lostMs, atMs)] as const),
  );
  let { alerts } = state;
  for (const step in watches) {
    const key = alertKey({ rule: 'StepspanStepSlow', step });
    // It was said of time that does not count, and is said again when the time that counts has passed.
    if ((alerts[key]?.startsMs ?? 0) > atMs - lostMs) alerts = end(alerts, key, atMs);
  }
  return atTime({ ...state, watches, alerts }, atMs, settings);
}

/** A step that is no longer stuck; the clock rule says whether it is. */
function endedByLife(
  state: AlertEvaluation,
  step: string | undefined,
  atMs: number,
  settings: AlertSettings,
): AlertEvaluation {
  if (step === undefined || state.alerts[alertKey({ rule: 'StepspanRunStuck', step })] === undefined) {
    return memoryEnded(state, step, atMs);
  }
  return memoryEnded(atTime(state, atMs, settings), step, atMs);
}

/** The processes whose memory grew are gone with their attempt. */
function memoryEnded(state: AlertEvaluation, step: string | undefined, atMs: number): AlertEvaluation {
  if (step === undefined || stepEntry(state.watches, step)?.isRunning !== false) return state;
  const alerts = end(state.alerts, alertKey({ rule: 'StepspanMemoryGrowing', step }), atMs);
  return alerts === state.alerts ? state : { ...state, alerts };
}

function endedWithStep(state: AlertEvaluation, step: string, atMs: number): AlertEvaluation {
  const rules = ['StepspanRunStuck', 'StepspanStepSlow', 'StepspanMemoryGrowing'] as const;
  const alerts = rules.reduce((left, rule) => end(left, alertKey({ rule, step }), atMs), state.alerts);
  return { ...state, alerts };
}
