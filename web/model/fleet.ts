// Which runs the fleet view lists, and the bars of earlier runs beside each. Pure.
import { elapsedMs, isBad, isOpen, msOf, type RunRow } from './run.ts';

export type StateFilter = 'all' | 'active' | 'failed' | 'succeeded';

export const stateFilters = ['all', 'active', 'failed', 'succeeded'] as const satisfies readonly StateFilter[];

export function filterRuns(
  rows: readonly RunRow[],
  filter: { readonly state: StateFilter; readonly workflow: string; readonly search: string },
): readonly RunRow[] {
  const search = filter.search.trim().toLowerCase();
  return rows.filter(
    (row) =>
      inState(row, filter.state) &&
      (filter.workflow === '' || row.workflow === filter.workflow) &&
      (search === '' ||
        `${row.workflow} ${row.runId} ${row.message} ${row.currentStep ?? ''}`.toLowerCase().includes(search)),
  );
}

export function countByState(rows: readonly RunRow[]): Readonly<Record<StateFilter, number>> {
  const of = (state: StateFilter): number => rows.filter((row) => inState(row, state)).length;
  return { all: rows.length, active: of('active'), failed: of('failed'), succeeded: of('succeeded') };
}

function inState(row: RunRow, state: StateFilter): boolean {
  switch (state) {
    case 'all':
      return true;
    case 'active':
      return isOpen(row.state);
    case 'failed':
      return isBad(row.state);
    case 'succeeded':
      return row.state === 'success';
  }
}

export type Bar = {
  readonly id: string;
  readonly height: number;
  readonly state: RunRow['state'];
  readonly self: boolean;
};

/** So many bars fit beside a row and can still be distinguished. */
const sparkBars = 12;

/** Durations of this run and of those of the same workflow before it, oldest first; heights are shares of the longest. */
export function sparkline(rows: readonly RunRow[], row: RunRow, nowMs: number): readonly Bar[] {
  const same = rows.filter(
    (other) => other.workflow === row.workflow && (msOf(other.startedAt) ?? 0) <= (msOf(row.startedAt) ?? 0),
  );
  const shown = [...same].sort((a, b) => (msOf(a.startedAt) ?? 0) - (msOf(b.startedAt) ?? 0)).slice(-sparkBars);
  const longest = Math.max(1, ...shown.map((other) => elapsedMs(other, nowMs) ?? 0));
  return shown.map((other) => ({
    id: other.runId,
    height: Math.max(0.08, (elapsedMs(other, nowMs) ?? 0) / longest),
    state: other.state,
    self: other.runId === row.runId,
  }));
}

export function workflowNames(rows: readonly RunRow[]): readonly string[] {
  return [...new Set(rows.map((row) => row.workflow))].sort();
}
