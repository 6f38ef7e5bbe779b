// Lists of runs with their filters, newest first, in pages. Called by the catalogue, which has the summaries.
import type { RunId } from '../core/ids.ts';
import { hasLabels, type Labels, labelsText } from '../core/labels.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import type { RunStateName, RunSummary } from './run-view.ts';

export type RunFilter = {
  readonly workflow?: string | undefined;
  readonly states?: readonly RunStateName[] | undefined;
  /** Only runs that have all of these. */
  readonly labels?: Labels | undefined;
  /** Any part of what a list shows, without regard to case. */
  readonly search?: string | undefined;
  /** Only runs with smaller ids, which are older. */
  readonly before?: string | undefined;
  /** Unix milliseconds: only runs that started then or later. */
  readonly sinceMs?: number | undefined;
  /** 0 for all. */
  readonly limit: number;
  /** Receives runs that cannot be read; they are left out of the list. */
  readonly onUnreadable?: (runId: RunId, error: unknown) => void;
};

export type RunPage = {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** The last run that was examined, if there are older ones: ask for `before` this to continue. */
  readonly next: RunId | undefined;
  /** Older runs that were not examined. */
  readonly unexamined: number;
  /** Runs in the data folder, whatever the filter. */
  readonly total: number;
};

type SummarySource = {
  /** Of an ended run, if it is in memory. */
  readonly knownSummary: (runId: RunId) => RunSummary | undefined;
  /** Undefined for a run without a record. */
  readonly summaryOf: (runId: RunId) => Promise<RunSummary | undefined>;
};

export async function listRuns(
  all: readonly RunId[],
  filter: RunFilter,
  { knownSummary, summaryOf }: SummarySource,
): Promise<RunPage> {
  const { before, limit } = filter;
  const slice = createTimeSlice();
  const runIds = before === undefined ? all : all.filter((runId) => runId < before);
  const fits = matcherOf(filter);
  const runs: RunSummary[] = [];
  let examined = 0;
  for (const runId of runIds) {
    if (limit > 0 && runs.length >= limit) break;
    examined += 1;
    await slice();
    try {
      const summary = knownSummary(runId) ?? (await summaryOf(runId));
      if (summary !== undefined && fits(summary)) runs.push(summary);
    } catch (error) {
      filter.onUnreadable?.(runId, error);
    }
  }
  const next = examined < runIds.length ? runIds[examined - 1] : undefined;
  return { runs, next, unexamined: runIds.length - examined, total: all.length };
}

function matcherOf({ workflow, states, labels, search, sinceMs }: RunFilter): (summary: RunSummary) => boolean {
  const sought = search?.toLowerCase();
  return (summary) => {
    if (workflow !== undefined && summary.workflow !== workflow) return false;
    if (states !== undefined && !states.includes(summary.state)) return false;
    if (labels !== undefined && !hasLabels(summary.labels, labels)) return false;
    if (sinceMs !== undefined && !(summary.startedAt !== null && Date.parse(summary.startedAt) >= sinceMs))
      return false;
    return sought === undefined || searchedText(summary).includes(sought);
  };
}

function searchedText(summary: RunSummary): string {
  const { runId, workflow, state, cause, message, traceId, file, description, labels } = summary;
  return [runId, workflow, state, cause, message, traceId, file, description, labelsText(labels)]
    .join('\n')
    .toLowerCase();
}
