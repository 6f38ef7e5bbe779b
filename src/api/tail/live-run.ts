// The state of one run as it changes, for all who watch it: the catalogue's fold of its journal, continued with its live end. It has
// three forms: how far the run is and which of its alerts fire, for programs, and the view of the run, for pages and lists.
import type { RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import type { JournalReader } from '../../journal/index.ts';
import { type AlertEvaluation, emptyEvaluation, viewAlerts, withHistory } from '../../runs/alerts/index.ts';
import {
  type ActiveAlert,
  type Catalogue,
  currentSteps,
  diffViews,
  estimate,
  type History,
  isoOfNs,
  nsOfMs,
  progressOf,
  type RunReference,
  type RunState,
  waitingUntilNs,
} from '../../runs/index.ts';
import type { ProgressData, SubscriptionMessage } from '../schema/messages.ts';
import type { Link, RunAnswer } from '../schema/run.ts';

export type LiveRun = {
  /** Reads the journal up to now, the first time it is called. */
  readonly start: () => void;
  /** Takes what came at the live end. */
  readonly take: (records: readonly JournalRecord[]) => void;
  /** Whether the journal was read up to its live end, or cannot be: before, neither progress nor alerts are those of now. */
  readonly isSettled: () => boolean;
  /** Undefined before the journal was read once. A new object whenever something has changed. */
  readonly progress: () => { readonly data: ProgressData } | undefined;
  /** Those that fire, likewise. */
  readonly alerts: () => readonly ActiveAlert[] | undefined;
  /** Likewise. Made only while somebody watches it. */
  readonly view: () => RunAnswer | undefined;
  /** Keeps the view up to date. @returns what ends that */
  readonly watchView: () => () => void;
};

/** What runs are described with. */
export type Describer = {
  readonly catalogue: Pick<Catalogue, 'evaluationOf' | 'fold' | 'tick' | 'viewOf' | 'historyOf' | 'problemsOf'>;
  readonly linksOf: (run: RunReference) => readonly Link[];
};

export type LiveRunOptions = Describer & {
  readonly runId: RunId;
  readonly reader: JournalReader;
  /** The number that the next live record has. */
  readonly liveSeq: () => number;
  readonly signal: AbortSignal;
  readonly onChange: () => void;
};

/** A person sees five changes a second as continuous; a run that prints fast has thousands. */
const viewEveryMs = 200;

/** Some of a view changes without a record: alerts and estimates with the clock, and a process that dies. */
const clockEveryMs = 2_000;

export function createLiveRun({
  runId,
  reader,
  liveSeq,
  catalogue,
  linksOf,
  signal,
  onChange,
}: LiveRunOptions): LiveRun {
  let evaluation = emptyEvaluation();
  let phase: 'idle' | 'reading' | 'live' | 'unreadable' = 'idle';
  let history: History | undefined;
  const progress = createProgressKeeper();
  const alerts = createAlertKeeper();
  const describe = async (): Promise<RunAnswer> => {
    const { firstSeq } = await reader.head();
    return { ...(await catalogue.viewOf(evaluation)), firstSeq, links: linksOf(evaluation.run) };
  };
  const view = createViewKeeper(describe, signal, onChange);

  /** Some alerts come with the clock alone. */
  const watchClock = (): void => {
    const timer = setInterval(() => {
      if (evaluation.run.phase.kind === 'finished') {
        clearInterval(timer);
        return;
      }
      if (evaluation.run.nextSeq < liveSeq()) return;
      evaluation = catalogue.tick(evaluation);
      if (alerts.update(evaluation)) onChange();
    }, clockEveryMs);
    signal.addEventListener('abort', () => clearInterval(timer));
  };

  const readOnce = async (): Promise<void> => {
    evaluation = (await catalogue.evaluationOf(runId)) ?? evaluation;
    for (let from = evaluation.run.nextSeq; !signal.aborted; from = evaluation.run.nextSeq) {
      const onProblem = catalogue.problemsOf(runId).note;
      for await (const records of reader.read({ from, signal, reuseMemory: true, onProblem }))
        evaluation = catalogue.fold(evaluation, records);
      if (history === undefined && evaluation.run.phase.kind === 'running') {
        history = await catalogue.historyOf(evaluation.run).catch(() => new Map());
        evaluation = withHistory(evaluation, history);
        continue;
      }
      // What the live end has shown meanwhile is in the journal, and is read until the two meet.
      if (evaluation.run.nextSeq >= liveSeq() || evaluation.run.nextSeq === from) break;
    }
    phase = 'live';
    progress.update(evaluation, history);
    alerts.update(evaluation);
    if (!signal.aborted) watchClock();
    onChange();
    view.begin();
  };

  return {
    start() {
      if (phase !== 'idle') return;
      phase = 'reading';
      readOnce().catch(() => {
        // Each watcher learns it by its own reading.
        phase = 'unreadable';
        onChange();
      });
    },
    take(records) {
      if (phase !== 'live') return;
      evaluation = catalogue.fold(evaluation, records);
      if (records.some(movesProgress)) progress.update(evaluation, history);
      alerts.update(evaluation);
      view.update();
    },
    isSettled: () => phase === 'live' || phase === 'unreadable',
    progress: progress.now,
    alerts: alerts.now,
    view: view.now,
    watchView: view.watch,
  };
}

/** How far the run is, as a new object whenever that has changed. */
function createProgressKeeper() {
  let shown = '';
  let progress: { readonly data: ProgressData } | undefined;
  return {
    now: () => progress,
    update({ run }: AlertEvaluation, history: History = new Map()): void {
      const data = progressData(run, history);
      // The estimate moves with the clock; it is sent again when something happens.
      const steady = JSON.stringify({ ...data, estimatedCompletion: null });
      if (steady === shown) return;
      shown = steady;
      progress = { data };
    },
  };
}

/** The alerts that fire, as a new list whenever they have changed. */
function createAlertKeeper() {
  let source: AlertEvaluation['alerts'] | undefined;
  let alerts: readonly ActiveAlert[] | undefined;
  return {
    now: () => alerts,
    /** @returns whether they have changed */
    update(evaluation: AlertEvaluation): boolean {
      if (evaluation.alerts === source) return false;
      source = evaluation.alerts;
      const now = viewAlerts(source);
      if (JSON.stringify(now) === JSON.stringify(alerts)) return false;
      alerts = now;
      return true;
    },
  };
}

/** Of output there is a thousand times as much as of all else, and it moves no step. */
function movesProgress(record: JournalRecord): boolean {
  return record.kind === 'event' && record.event.type !== 'resource.sampled';
}

/** Makes the view of a run again when the run changes, and with the clock, while somebody watches it. */
function createViewKeeper(describe: () => Promise<RunAnswer>, signal: AbortSignal, onChange: () => void) {
  let view: RunAnswer | undefined;
  let viewers = 0;
  let hasBegun = false;
  let timer: NodeJS.Timeout | undefined;
  /** The next view is made by this time at the latest. */
  let dueAt = Number.POSITIVE_INFINITY;

  const make = async (): Promise<void> => {
    const now = await describe();
    const isNew = view === undefined || diffViews(view, now) !== undefined;
    if (isNew) view = now;
    schedule(clockEveryMs);
    if (isNew) onChange();
  };

  const schedule = (ms: number): void => {
    const at = performance.now() + ms;
    if (viewers === 0 || !hasBegun || signal.aborted || at >= dueAt) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(() => {
      dueAt = Number.POSITIVE_INFINITY;
      // A journal that cannot be read is reported to each watcher by its own reading.
      make().catch(() => undefined);
    }, ms);
  };
  signal.addEventListener('abort', () => clearTimeout(timer));

  return {
    now: () => view,
    begin() {
      hasBegun = true;
      schedule(0);
    },
    update: () => schedule(viewEveryMs),
    watch() {
      viewers += 1;
      schedule(0);
      return () => {
        viewers -= 1;
      };
    },
  };
}

export function progressMessage(runId: RunId, data: ProgressData, seq: number): SubscriptionMessage {
  return { type: 'progress', executionId: runId, seq, timestamp: isoNow(), data };
}

/** For messages that show no record. The digits below the millisecond are 0. */
export function isoNow(): string {
  return isoOfNs(nsOfMs(Date.now()));
}

function progressData(state: RunState, history: History): ProgressData {
  const { currentStep, steps, progress, averageStepDurationMs } = progressOf(state);
  const step = currentSteps(state)[0];
  const completion = estimate(state, history, Date.now());
  return {
    currentStep: currentStep ?? null,
    ...steps,
    progress,
    startTime: isoOrNull(state.startedNs),
    currentStepStartTime: isoOrNull(step?.startedNs),
    averageStepDuration: averageStepDurationMs ?? null,
    estimatedCompletion: completion === undefined ? null : isoOfNs(nsOfMs(completion.completionMs)),
    waitingUntil: isoOrNull(waitingUntilNs(state)),
  };
}

function isoOrNull(ns: bigint | undefined): string | null {
  return ns === undefined ? null : isoOfNs(ns);
}
