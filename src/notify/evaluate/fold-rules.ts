// The fold of the rules: one record or one look at the clock after the other, from nothing to the alerts of a run. Pure, so
// that whoever reads a journal again, from any saved state on, comes to the same alerts.
import type { EventRecord, JournalRecord } from '../../event/record.ts';
import { foldRun, msOfNs } from '../../state/index.ts';
import type { AlertSettings } from '../rules/alerts-file.ts';
import { alertKey, end } from './alert.ts';
import { atTime } from './clock-rules.ts';
import { afterEnd } from './end-rules.ts';
import { afterEvent } from './record-rules.ts';
import { ofStep, type RulesState, settingsOfRule } from './rules-state.ts';
import { newWatch, type StepWatch, showsLife, thaw, watchMemory, watchOutput } from './watch.ts';

/**
 * The state after one more record. One that was folded already changes nothing.
 * What the clock alone would have said before this record is said first, however late the record is read.
 */
export function foldRules(before: RulesState, record: JournalRecord, settings: AlertSettings): RulesState {
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
export function tickRules(state: RulesState, nowMs: number, settings: AlertSettings): RulesState {
  return state.run.nextSeq === 0 ? state : atTime(state, nowMs, settings);
}

function watched(state: RulesState, record: JournalRecord, atMs: number, settings: AlertSettings): RulesState {
  if (record.kind === 'event' && record.subject === undefined) return frozenOrNot(state, record, atMs);
  const step = record.subject?.step;
  if (step === undefined) return state;
  const before = ofStep(state.watches, step) ?? newWatch(atMs);
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
      const { window } = settingsOfRule<'window'>(settings, 'StepspanMemoryGrowing').thresholds;
      return watchMemory(watch, event.rssBytes, atMs, window);
    }
    default:
      return showsLife(event) ? { ...watch, quietSinceMs: atMs } : watch;
  }
}

function frozenOrNot(state: RulesState, { event }: EventRecord, atMs: number): RulesState {
  if (event.type === 'run.paused') return event.now ? { ...state, frozenSinceMs: atMs } : state;
  if (event.type !== 'run.resumed' || state.frozenSinceMs === undefined) return state;
  const frozenMs = atMs - state.frozenSinceMs;
  const watches = Object.entries(state.watches).map(([step, watch]) => [step, thaw(watch, frozenMs)] as const);
  return { ...state, frozenSinceMs: undefined, watches: Object.fromEntries(watches) };
}

/** A step that is no longer stuck; the clock rule says whether it is. */
function endedByLife(state: RulesState, step: string | undefined, atMs: number, settings: AlertSettings): RulesState {
  if (step === undefined || state.alerts[alertKey({ rule: 'StepspanRunStuck', step })] === undefined) {
    return memoryEnded(state, step, atMs);
  }
  return memoryEnded(atTime(state, atMs, settings), step, atMs);
}

/** The processes whose memory grew are gone with their attempt. */
function memoryEnded(state: RulesState, step: string | undefined, atMs: number): RulesState {
  if (step === undefined || ofStep(state.watches, step)?.isRunning !== false) return state;
  const alerts = end(state.alerts, alertKey({ rule: 'StepspanMemoryGrowing', step }), atMs);
  return alerts === state.alerts ? state : { ...state, alerts };
}

function endedWithStep(state: RulesState, step: string, atMs: number): RulesState {
  const rules = ['StepspanRunStuck', 'StepspanStepSlow', 'StepspanMemoryGrowing'] as const;
  const alerts = rules.reduce((left, rule) => end(left, alertKey({ rule, step }), atMs), state.alerts);
  return { ...state, alerts };
}
