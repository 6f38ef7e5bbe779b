// How far a run is, as messages: a fold of its whole journal that goes on with its live end. One for all who watch the run.
import type { RunId } from '../../core/ids.ts';
import { type JournalRecord, seqCount } from '../../core/record.ts';
import type { JournalReader } from '../../journal/index.ts';
import {
  currentSteps,
  emptyRunState,
  estimate,
  foldRun,
  type History,
  isoOfNs,
  nsOfMs,
  progressOf,
  type RunState,
  waitingUntilNs,
} from '../../runs/index.ts';
import type { ProgressData, SubscriptionMessage } from './protocol.ts';

export type RunProgress = {
  /** Reads what was there before, the first time it is called. */
  readonly start: () => void;
  /** Takes what came at the live end. */
  readonly take: (records: readonly JournalRecord[]) => void;
  /** Undefined before the journal was read once. A new object whenever something has changed. */
  readonly now: () => { readonly data: ProgressData } | undefined;
};

export type ProgressOptions = {
  readonly reader: JournalReader;
  /** The number that the next live record has. */
  readonly liveSeq: () => number;
  /** How long steps took in earlier runs of the same workflow. Asked once. */
  readonly history: (state: RunState) => Promise<History>;
  readonly signal: AbortSignal;
  readonly onChange: () => void;
};

export function createRunProgress({ reader, liveSeq, history, signal, onChange }: ProgressOptions): RunProgress {
  let state = emptyRunState();
  let phase: 'idle' | 'reading' | 'live' = 'idle';
  let earlier: History | undefined;
  let shown = '';
  let current: { readonly data: ProgressData } | undefined;

  const look = (): void => {
    const data = progressData(state, earlier ?? new Map());
    // The estimate moves with the clock; it is told again when something happens.
    const steady = JSON.stringify({ ...data, estimatedCompletion: null });
    if (steady === shown) return;
    shown = steady;
    current = { data };
  };

  /** Output moves no step, and there is a thousand times more of it. @returns whether there was anything else */
  const fold = (records: readonly JournalRecord[]): boolean => {
    let changed = false;
    for (const record of records) {
      if (record.kind === 'output') continue;
      state = foldRun(state, record);
      changed ||= record.event.type !== 'resource.sampled';
    }
    return changed;
  };

  const readOnce = async (): Promise<void> => {
    for (let from = 0, next = 0; !signal.aborted; from = next) {
      for await (const records of reader.read({ from, signal, reuseMemory: true, onProblem: () => undefined })) {
        fold(records);
        const last = records.at(-1)!;
        next = last.seq + seqCount(last);
      }
      if (earlier === undefined && state.phase.kind === 'running') {
        earlier = await history(state).catch(() => new Map());
        continue;
      }
      // What the live end has given meanwhile is in the journal, and is read until the two meet.
      if (next >= liveSeq() || next === from) break;
    }
    phase = 'live';
    look();
    onChange();
  };

  return {
    start() {
      if (phase !== 'idle') return;
      phase = 'reading';
      // A journal that cannot be read is told to each watcher by its own reading.
      readOnce().catch(() => undefined);
    },
    take(records) {
      if (phase === 'live' && fold(records)) look();
    },
    now: () => current,
  };
}

export function progressMessage(runId: RunId, data: ProgressData, seq: number): SubscriptionMessage {
  return { type: 'progress', executionId: runId, seq, timestamp: isoNow(), data };
}

/** For messages that tell of no record. The digits below the millisecond are 0. */
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
