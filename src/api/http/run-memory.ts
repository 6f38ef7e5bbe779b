// States and timelines of runs, kept between requests: each is a fold that goes on where it stopped, so that a page that
// asks every second does not read a journal anew. Bounded; what is let go of is folded again.
import type { RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import { type DataFolder, type JournalReader, openJournal } from '../../journal/index.ts';
import { createTimeline, foldAll, type RunState, type Timeline } from '../../runs/index.ts';
import { type ClaudeSpans, createClaudeSpans } from './claude-spans.ts';
import { readRunState } from './run-states.ts';
import { createSamples, type Samples } from './samples.ts';

/** What is made of all records of a run, beside its state. */
export type History = { readonly timeline: Timeline; readonly samples: Samples; readonly claude: ClaudeSpans };

export type RunMemory = {
  /** Undefined where the run has no journal (any more). @throws JournalError of a later version */
  readonly stateOf: (runId: RunId) => Promise<RunState | undefined>;
  readonly historyOf: (runId: RunId) => Promise<History>;
  readonly readerOf: (runId: RunId) => JournalReader;
};

/** A state is some 10 KB and a few more for each step: a fleet of 200 takes some MB. */
const keptStates = 200;

/** A timeline is 3 MB at most (see maxTimelineSpans), Claude's spans 6 MB, samples 0.5 MB. */
const keptHistories = 6;

export function createRunMemory(data: DataFolder): RunMemory {
  const states = createKept<RunId, { reader: JournalReader; state: RunState | undefined }>(keptStates);
  const histories = createKept<RunId, { nextSeq: number; history: History }>(keptHistories);
  const working = new Map<string, Promise<unknown>>();

  /** Two requests for the same fold share it, and the second goes on from where the first has come to. */
  function once<T>(key: string, work: () => Promise<T>): Promise<T> {
    const running = (working.get(key) as Promise<T> | undefined) ?? work().finally(() => working.delete(key));
    working.set(key, running);
    return running;
  }

  async function fold(runId: RunId): Promise<RunState | undefined> {
    const kept = states.get(runId);
    if (kept?.state?.phase.kind === 'finished') return kept.state;
    const folder = data.runDir(runId);
    const reader = kept?.reader ?? openJournal(folder);
    const { firstSeq, nextSeq } = await reader.head();
    let state = kept?.state;
    if (state === undefined || state.nextSeq > nextSeq || firstSeq > state.nextSeq) state = await readRunState(folder);
    else if (state.nextSeq < nextSeq) {
      for await (const records of reader.read({ from: state.nextSeq, onProblem: () => undefined }))
        state = foldAll(records, state);
    }
    states.set(runId, { reader, state });
    return state;
  }

  async function readHistory(runId: RunId): Promise<History> {
    const kept = histories.get(runId) ?? {
      nextSeq: 0,
      history: { timeline: createTimeline(), samples: createSamples(), claude: createClaudeSpans(runId) },
    };
    const reader = openJournal(data.runDir(runId));
    const { firstSeq } = await reader.head();
    for await (const records of reader.read({ from: Math.max(firstSeq, kept.nextSeq), onProblem: () => undefined })) {
      for (const record of records) take(kept.history, record);
      const last = records.at(-1);
      if (last !== undefined) kept.nextSeq = last.seq + (last.kind === 'output' ? last.lineCount : 1);
    }
    histories.set(runId, kept);
    return kept.history;
  }

  return {
    stateOf: (runId) => once(`state ${runId}`, () => fold(runId)),
    historyOf: (runId) => once(`history ${runId}`, () => readHistory(runId)),
    readerOf: (runId) => openJournal(data.runDir(runId)),
  };
}

function take({ timeline, samples, claude }: History, record: JournalRecord): void {
  claude.add(record);
  timeline.add(record);
  samples.add(record);
}

type Kept<K, V> = { readonly get: (key: K) => V | undefined; readonly set: (key: K, value: V) => void };

/** The last so many that were asked for. */
function createKept<K, V>(limit: number): Kept<K, V> {
  const entries = new Map<K, V>();
  const set = (key: K, value: V): void => {
    entries.delete(key);
    entries.set(key, value);
    if (entries.size > limit) entries.delete(entries.keys().next().value as K);
  };
  return {
    set,
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) set(key, value);
      return value;
    },
  };
}
