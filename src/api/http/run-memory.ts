// What is made of all records of a run besides its state, its timeline and its samples, kept between requests. Each
// continues where it stopped, so that a page that asks again does not read the whole journal again. Bounded.
import {
  createEntryCollector,
  createWorkFold,
  type EntryCollector,
  type Work,
  type WorkFold,
} from '../../conversation/index.ts';
import type { RunId } from '../../core/ids.ts';
import { createRecent } from '../../core/recent.ts';
import { type JournalRecord, seqCount } from '../../core/record.ts';
import type { JournalReader, ReadOptions } from '../../journal/index.ts';
import { type Catalogue, createTimeline, type StepState, type Timeline } from '../../runs/index.ts';
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

type KeptWork = {
  nextSeq: number;
  /** Whose attempts were read up to there. */
  readonly steps: Set<string>;
  readonly collector: EntryCollector;
  readonly fold: WorkFold;
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
  const works = createRecent<RunId, KeptWork>(keptWorks);

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
    const reader = catalogue.readerOf(runId);
    const onProblem = catalogue.problemsOf(runId).note;
    const parts = claudeParts((await catalogue.evaluationOf(runId))?.run.steps ?? []);
    const before = works.get(runId);
    // A step without tool calls is not read; one that had its first call since then has a part that is missing.
    const isMissing = parts.some(
      ({ step, from }) => from < (before?.nextSeq ?? 0) && before?.steps.has(step) === false,
    );
    const kept = before === undefined || isMissing ? newWork() : before;
    for (const { step, from, to } of parts) {
      kept.steps.add(step);
      const start = Math.max(from, kept.nextSeq);
      if (start < to) kept.nextSeq = await readPart(reader, kept, { from: start, to, onProblem });
    }
    works.set(runId, kept);
    return kept.fold.work();
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

function newWork(): KeptWork {
  return { nextSeq: 0, steps: new Set(), collector: createEntryCollector(), fold: createWorkFold() };
}

type Part = { readonly from: number; readonly to: number };

/** Where in the journal attempts of Claude Code are: what other steps print, which may be most of it, is not read. By their begin. */
function claudeParts(steps: readonly StepState[]): readonly (Part & { readonly step: string })[] {
  return steps
    .filter(({ kind, toolCalls }) => kind === 'claude' || toolCalls > 0)
    .flatMap(({ id, attempts }) =>
      attempts.map(({ firstSeq, lastSeq = Number.POSITIVE_INFINITY }) => ({
        step: id,
        from: firstSeq,
        to: lastSeq + 1,
      })),
    )
    .toSorted((a, b) => a.from - b.from);
}

/** @returns the number behind what was read */
async function readPart(
  reader: JournalReader,
  { collector, fold }: KeptWork,
  { from, to, onProblem }: Part & Required<Pick<ReadOptions, 'onProblem'>>,
): Promise<number> {
  const { firstSeq } = await reader.head();
  let next = Math.max(from, firstSeq);
  for await (const records of reader.read({ from: next, onProblem })) {
    for (const record of records) {
      // Up to the end of the batch: an attempt that runs beside it may be in the middle of a message.
      for (const entry of collector.add(record)) fold.add(entry);
      next = record.seq + seqCount(record);
    }
    if (next >= to) break;
  }
  return next;
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
