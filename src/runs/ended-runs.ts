// What is kept of runs that have ended, for lists, searches and estimates: a line of JSON per run in one file of the data folder.
// The hub writes it, everybody may read it. It is a cache: what is missing, torn or of another version is made again from journals.
import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { isRunId, type RunId } from '../core/ids.ts';
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
};

export type EndedRuns = {
  readonly get: (runId: RunId) => EndedRun | undefined;
  readonly set: (runId: RunId, run: EndedRun) => void;
  /** Forgets runs that are gone. */
  readonly keepOnly: (runIds: ReadonlySet<RunId>) => void;
  readonly delete: (runId: RunId) => void;
  /** Reads the file, without blocking the event loop for long. */
  readonly load: () => Promise<void>;
  /** Writes what is new to the file. Best effort: it is only a cache. */
  readonly save: () => void;
};

/** Raised with every change of `EndedRun`. */
const version = 1;
const head = JSON.stringify({ stepspanEndedRuns: version });

/** Parsing this many lines takes about 2 ms. */
const linesAtOnce = 200;

export function createEndedRuns(data: DataFolder): EndedRuns {
  const runs = new Map<RunId, EndedRun>();
  const path = data.hub.endedRuns;
  let unsaved: EndedRun[] = [];
  /** Lines of the file that stand for no run any more. More of them than of runs, and the file is written again. */
  let stale = 0;
  let isWhole = false;

  return {
    get: (runId) => runs.get(runId),
    set(runId, run) {
      runs.set(runId, run);
      unsaved.push(run);
    },
    keepOnly(runIds) {
      for (const runId of runs.keys()) if (!runIds.has(runId) && runs.delete(runId)) stale += 1;
    },
    delete(runId) {
      // The file still has it, so it is written again.
      if (runs.delete(runId)) isWhole = false;
    },
    async load() {
      const [first, ...lines] = (await readFile(path, 'utf8').catch(() => '')).split('\n');
      isWhole = first === head;
      if (!isWhole) return;
      for (const [index, line] of lines.entries()) {
        if (index % linesAtOnce === linesAtOnce - 1) await setImmediate();
        const run = parse(line);
        if (run === undefined || !isRunId(run.summary.runId)) continue;
        if (runs.has(run.summary.runId)) stale += 1;
        runs.set(run.summary.runId, run);
      }
    },
    save() {
      if (isWhole && unsaved.length === 0 && stale <= runs.size) return;
      try {
        if (isWhole && stale <= runs.size) appendFileSync(path, linesOf(unsaved));
        else {
          replaceFileUnsynced(path, `${head}\n${linesOf(runs.values())}`);
          stale = 0;
          isWhole = true;
        }
        unsaved = [];
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
