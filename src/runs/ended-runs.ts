// What is kept of runs that have ended, for lists, searches and estimates: a line of JSON per run in one file of the data folder.
// The hub writes it, and `stepspan ls` if no hub runs; everybody may read it. It is a cache: what is missing, torn or of another version is made again from journals.
import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isRunId, type RunId } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, replaceFileUnsynced } from '../journal/index.ts';
import type { RunState } from './run-state.ts';
import type { RunSummary } from './run-view.ts';

export type StepDurations = Readonly<Record<string, number>>;

export type EndedRun = {
  readonly summary: RunSummary;
  /** How long those of its steps took that succeeded, in milliseconds by step id. */
  readonly stepDurations: StepDurations;
  /** The number behind its last record: a journal that ends elsewhere has lost this end in a power cut. */
  readonly nextSeq: number;
  /**
   * The time of the folder of its journal (Unix ms) when all of that was archived, which is synced to the disk. As long as the folder
   * has this time, the run has ended, and nothing changes after that.
   */
  readonly archivedMs?: number;
};

export type EndedRuns = {
  readonly get: (runId: RunId) => EndedRun | undefined;
  readonly set: (runId: RunId, run: EndedRun) => void;
  /** Forgets runs that are gone. */
  readonly keepOnly: (runIds: ReadonlySet<RunId>) => void;
  readonly delete: (runId: RunId) => void;
  /** Reads the file, without blocking the event loop for long. What is known already stays. */
  readonly load: () => Promise<void>;
  /** Writes what is new to the file, if that was read before. Best effort: it is only a cache. */
  readonly save: () => void;
};

/** Raised with every change of `EndedRun`. */
const version = 4;
const head = JSON.stringify({ stepspanEndedRuns: version });

export function createEndedRuns(data: DataFolder): EndedRuns {
  const runs = new Map<RunId, EndedRun>();
  const path = data.hub.endedRuns;
  const unsaved = new Map<RunId, EndedRun>();
  /** Lines of the file without a run. If they outnumber the runs, the file is written again. */
  let stale = 0;
  let isWhole = false;
  let isLoaded = false;

  return {
    get: (runId) => runs.get(runId),
    set(runId, run) {
      if (runs.has(runId) && !unsaved.has(runId)) stale += 1;
      runs.set(runId, run);
      unsaved.set(runId, run);
    },
    keepOnly(runIds) {
      for (const runId of runs.keys()) if (!runIds.has(runId) && runs.delete(runId)) stale += 1;
    },
    delete(runId) {
      // The file still has it, so it is written again.
      if (runs.delete(runId)) isWhole = false;
    },
    async load() {
      const bytes = await readFile(path).catch(() => Buffer.alloc(0));
      isLoaded = true;
      isWhole = bytes.subarray(0, bytes.indexOf(0x0a)).equals(Buffer.from(head));
      if (!isWhole) return;
      const before = new Set(runs.keys());
      const slice = createTimeSlice();
      for (let at = head.length + 1; at < bytes.length; ) {
        const newline = bytes.indexOf(0x0a, at);
        const end = newline === -1 ? bytes.length : newline;
        const run = parse(bytes.toString('utf8', at, end));
        at = end + 1;
        await slice();
        if (run === undefined || !isRunId(run.summary.runId)) continue;
        if (runs.has(run.summary.runId)) stale += 1;
        if (!before.has(run.summary.runId)) runs.set(run.summary.runId, run);
      }
    },
    save() {
      if (!isLoaded || (isWhole && unsaved.size === 0 && stale <= runs.size)) return;
      try {
        if (!isWhole) mkdirSync(data.hub.dir, { recursive: true, mode: 0o700 });
        if (isWhole && stale <= runs.size) appendFileSync(path, linesOf(unsaved.values()));
        else {
          replaceFileUnsynced(path, `${head}\n${linesOf(runs.values())}`);
          stale = 0;
          isWhole = true;
        }
        unsaved.clear();
      } catch {
        // Nobody but the next hub misses it, and it reads the journals instead.
      }
    },
  };
}

/** Of steps that succeeded: one that failed early does not say how long it takes. */
export function stepDurationsOf(run: RunState): StepDurations {
  return Object.fromEntries(
    run.steps.flatMap(({ id, phase }) =>
      phase.kind === 'finished' && phase.outcome.kind === 'success' ? [[id, phase.durationMs] as const] : [],
    ),
  );
}

function linesOf(runs: Iterable<EndedRun>): string {
  return Array.from(runs, (run) => `${JSON.stringify(run)}\n`).join('');
}

function parse(line: string): EndedRun | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isEndedRun(value) ? value : undefined;
  } catch {
    // A line that a crash cut.
    return undefined;
  }
}

/** The head of the file has vouched for the version; a line is only asked whether it is whole. */
function isEndedRun(value: unknown): value is EndedRun {
  if (typeof value !== 'object' || value === null || !('summary' in value)) return false;
  const { summary } = value;
  return typeof summary === 'object' && summary !== null && 'runId' in summary && typeof summary.runId === 'string';
}
