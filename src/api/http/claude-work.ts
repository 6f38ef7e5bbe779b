// What Claude did over all steps of a run, read from its journal without what other steps print, which may be most of it. Called by
// run-memory.ts, which continues it from request to request, and by `show --markdown`.
import { createEntryCollector, createWorkFold, type Work } from '../../conversation/index.ts';
import { seqCount } from '../../core/record.ts';
import type { JournalReader, ReadOptions } from '../../journal/index.ts';
import type { StepState } from '../../runs/index.ts';

type Problems = Required<Pick<ReadOptions, 'onProblem'>>;

export type ClaudeWork = {
  /** Up to now. Continues where the call before stopped. @param steps of the state of the run */
  readonly read: (steps: readonly StepState[]) => Promise<Work>;
};

export function createClaudeWork(reader: JournalReader, { onProblem }: Problems): ClaudeWork {
  let kept = newWork();
  return {
    async read(steps) {
      const parts = claudeParts(steps);
      // A step without tool calls is not read; one that had its first call since then has a part that is missing.
      if (parts.some(({ step, from }) => from < kept.nextSeq && !kept.steps.has(step))) kept = newWork();
      for (const { step, from, to } of parts) {
        kept.steps.add(step);
        const start = Math.max(from, kept.nextSeq);
        if (start < to) kept.nextSeq = await readPart(reader, kept, { from: start, to, onProblem });
      }
      return kept.fold.work();
    },
  };
}

function newWork() {
  return {
    nextSeq: 0,
    /** Whose attempts were read up to there. */
    steps: new Set<string>(),
    collector: createEntryCollector(),
    fold: createWorkFold(),
  };
}

type Part = { readonly from: number; readonly to: number };

/** Where in the journal attempts of Claude Code are, by their begin. */
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
  { collector, fold }: Pick<ReturnType<typeof newWork>, 'collector' | 'fold'>,
  { from, to, onProblem }: Part & Problems,
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
