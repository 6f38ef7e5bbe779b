// What is made of all records of a run besides its state, its timeline and its samples, kept between requests. Each
// continues where it stopped, so that a page that asks again does not read the whole journal again. Bounded.
import type { Work } from '../../conversation/index.ts';
import type { RunId } from '../../core/ids.ts';
import { createRecent } from '../../core/recent.ts';
import { type JournalRecord, seqCount } from '../../core/record.ts';
import { type Catalogue, createTimeline, type Timeline } from '../../runs/index.ts';
import { type ClaudeWork, createClaudeWork } from './claude-work.ts';
import { createLineNumbers, type LineMark, type LineNumbers } from './line-numbers.ts';
import { createSamples, type Samples } from './samples.ts';

export type History = { readonly timeline: Timeline; readonly samples: Samples };

export type RunMemory = {
  /** `nextSeq` is behind what was read. */
  readonly historyOf: (runId: RunId) => Promise<History & { readonly nextSeq: number }>;
  /** What Claude did up to now. */
  readonly workOf: (runId: RunId) => Promise<Work>;
  /** See LineNumbers. */
  readonly lineNumbersOf: (runId: RunId, seqs: readonly number[]) => ReturnType<LineNumbers['of']>;
};

/** A timeline is 8 MB at most (see maxTimelineSpans), samples 0.5 MB. */
const keptHistories = 6;

/** Marks of a run of ten million lines are 40 KB. */
const keptNumbers = 50;

/** The changes of files that are held for one are 1 MB at most. */
const keptWorks = 6;

export function createRunMemory(catalogue: Pick<Catalogue, 'readerOf' | 'evaluationOf' | 'problemsOf'>): RunMemory {
  const histories = createRecent<RunId, { nextSeq: number; history: History }>(keptHistories);
  const numbers = createRecent<RunId, LineNumbers>(keptNumbers);
  const works = createRecent<RunId, ClaudeWork>(keptWorks);

  async function readHistory(runId: RunId): ReturnType<RunMemory['historyOf']> {
    const kept = histories.get(runId) ?? {
      nextSeq: 0,
      history: { timeline: createTimeline(), samples: createSamples() },
    };
    const reader = catalogue.readerOf(runId);
    const { firstSeq } = await reader.head();
    const from = Math.max(firstSeq, kept.nextSeq);
    for await (const records of reader.read({ from, only: 'events', onProblem: catalogue.problemsOf(runId).note })) {
      for (const record of records) take(kept.history, record);
      const last = records.at(-1);
      if (last !== undefined) kept.nextSeq = last.seq + seqCount(last);
    }
    histories.set(runId, kept);
    return { ...kept.history, nextSeq: kept.nextSeq };
  }

  async function readWork(runId: RunId): Promise<Work> {
    const { note } = catalogue.problemsOf(runId);
    const kept = works.get(runId) ?? createClaudeWork(catalogue.readerOf(runId), { onProblem: note });
    const work = await kept.read((await catalogue.evaluationOf(runId))?.run.steps ?? []);
    works.set(runId, kept);
    return work;
  }

  async function lineNumbersOf(runId: RunId, seqs: readonly number[]): ReturnType<LineNumbers['of']> {
    const kept = numbers.get(runId) ?? createLineNumbers(catalogue.readerOf(runId), catalogue.problemsOf(runId).note);
    numbers.set(runId, kept);
    return kept.of(seqs, await headOf(runId));
  }

  /** The state of the run counts its lines, so the end of a long run needs no reading from its beginning. */
  async function headOf(runId: RunId): Promise<LineMark> {
    const run = (await catalogue.evaluationOf(runId))?.run;
    if (run === undefined) return { seq: 0, lines: 0 };
    const { stdout, stderr, system } = run.lines;
    return { seq: run.nextSeq, lines: stdout + stderr + system };
  }

  return { lineNumbersOf, historyOf: sharedByRun(readHistory), workOf: sharedByRun(readWork) };
}

/** Two requests for the same run share one reading, and a later one continues where it stopped. */
function sharedByRun<T>(read: (runId: RunId) => Promise<T>): (runId: RunId) => Promise<T> {
  const working = new Map<RunId, Promise<T>>();
  return (runId) => {
    const running = working.get(runId) ?? read(runId).finally(() => working.delete(runId));
    working.set(runId, running);
    return running;
  };
}

function take({ timeline, samples }: History, record: JournalRecord): void {
  timeline.add(record);
  samples.add(record);
}
