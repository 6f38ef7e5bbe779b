// The state of one run as it changes, for all who watch it: a fold of its whole journal that continues with its live end. It has
// two forms: how far the run is, for programs, and the view of the run, for pages and lists.
import type { RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import type { JournalReader } from '../../journal/index.ts';
import {
  type Catalogue,
  currentSteps,
  diffViews,
  emptyRunState,
  estimate,
  foldRun,
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
  /** Undefined before the journal was read once. A new object whenever something has changed. */
  readonly progress: () => { readonly data: ProgressData } | undefined;
  /** Likewise. Made only while somebody watches it. */
  readonly view: () => RunAnswer | undefined;
  /** Keeps the view up to date. @returns what ends that */
  readonly watchView: () => () => void;
};

/** What runs are described with. */
export type Describer = {
  readonly catalogue: Pick<Catalogue, 'stateOf' | 'viewOfState' | 'historyOf'>;
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
  let state = emptyRunState();
  let phase: 'idle' | 'reading' | 'live' = 'idle';
  let history: History | undefined;
  let shown = '';
  let progress: { readonly data: ProgressData } | undefined;
  const describe = async (): Promise<RunAnswer> => {
    const { firstSeq } = await reader.head();
    return { ...(await catalogue.viewOfState(state)), firstSeq, links: linksOf(state) };
  };
  const view = createViewKeeper(describe, signal, onChange);

  const updateProgress = (): void => {
    const data = progressData(state, history ?? new Map());
    // The estimate moves with the clock; it is sent again when something happens.
    const steady = JSON.stringify({ ...data, estimatedCompletion: null });
    if (steady === shown) return;
    shown = steady;
    progress = { data };
  };

  /** @returns whether there was more than output, of which there is a thousand times as much and which moves no step */
  const fold = (records: readonly JournalRecord[]): boolean => {
    let isProgress = false;
    for (const record of records) {
      state = foldRun(state, record);
      isProgress ||= record.kind === 'event' && record.event.type !== 'resource.sampled';
    }
    return isProgress;
  };

  const readOnce = async (): Promise<void> => {
    state = (await catalogue.stateOf(runId)) ?? state;
    for (let from = state.nextSeq; !signal.aborted; from = state.nextSeq) {
      for await (const records of reader.read({ from, signal, reuseMemory: true, onProblem: () => undefined }))
        fold(records);
      if (history === undefined && state.phase.kind === 'running') {
        history = await catalogue.historyOf(state).catch(() => new Map());
        continue;
      }
      // What the live end has shown meanwhile is in the journal, and is read until the two meet.
      if (state.nextSeq >= liveSeq() || state.nextSeq === from) break;
    }
    phase = 'live';
    updateProgress();
    onChange();
    view.begin();
  };

  return {
    start() {
      if (phase !== 'idle') return;
      phase = 'reading';
      readOnce().catch(() => undefined);
    },
    take(records) {
      if (phase !== 'live') return;
      if (fold(records)) updateProgress();
      view.update();
    },
    progress: () => progress,
    view: view.now,
    watchView: view.watch,
  };
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
  const { currentStep, totalSteps, completedSteps, progress, averageStepDurationMs } = progressOf(state);
  const step = currentSteps(state)[0];
  const completion = estimate(state, history, Date.now());
  return {
    currentStep: currentStep ?? null,
    totalSteps,
    completedSteps,
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
