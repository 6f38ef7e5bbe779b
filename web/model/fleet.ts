// Which runs the fleet view lists, the days that it groups them by, and the bars of earlier runs beside each. Pure.
import { labelsText } from '../../src/core/labels.ts';
import { elapsedMs, isBad, isOpen, msOf, type RunRow } from './run.ts';

export const stateFilters = ['all', 'active', 'failed', 'succeeded', 'cancelled'] as const;

export type StateFilter = (typeof stateFilters)[number];

export type FleetFilter = {
  readonly state: StateFilter;
  readonly workflow: string;
  /** `key=value`; '' for any. */
  readonly label: string;
  readonly search: string;
};

export function filterRuns(rows: readonly RunRow[], filter: FleetFilter): readonly RunRow[] {
  const search = filter.search.trim().toLowerCase();
  return rows.filter(
    (row) =>
      inState(row, filter.state) &&
      (filter.workflow === '' || row.workflow === filter.workflow) &&
      (filter.label === '' || labelTexts(row).includes(filter.label)) &&
      (search === '' ||
        `${row.workflow} ${row.runId} ${row.message} ${row.currentStep ?? ''} ${paramsText(row)} ${labelsText(row.labels)}`
          .toLowerCase()
          .includes(search)),
  );
}

/** `branch=main, deep=true` */
export function paramsText({ params }: Pick<RunRow, 'params'>): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

/** Claude Code has spent nothing in it, so that there is no cost to show. */
export function isFree({ costAtLeastUsd, costBasis, tokens }: RunRow): boolean {
  return costAtLeastUsd === 0 && costBasis !== 'unknown' && tokens === 0;
}

export type Day = { readonly name: string; readonly rows: readonly RunRow[] };

const dayMs = 86_400_000;

/** Rows by the day on which they started, in the time zone of who looks. The order stays. */
export function groupByDay(rows: readonly RunRow[], nowMs: number): readonly Day[] {
  const today = startOfDay(nowMs);
  const days = Map.groupBy(rows, (row) => startOfDay(msOf(row.startedAt) ?? nowMs));
  return [...days].map(([startMs, ofDay]) => ({ name: dayName(startMs, today), rows: ofDay }));
}

/** Midnight before. */
export function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** Midnight before Monday. */
export function startOfWeek(ms: number): number {
  const date = new Date(ms);
  date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  return date.setHours(0, 0, 0, 0);
}

/** A day is up to an hour longer or shorter where clocks are changed. */
function dayName(startMs: number, todayMs: number): string {
  const days = Math.round((todayMs - startMs) / dayMs);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const isThisYear = new Date(startMs).getFullYear() === new Date(todayMs).getFullYear();
  return new Date(startMs).toLocaleDateString(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    ...(isThisYear ? {} : { year: 'numeric' }),
  });
}

export function countByState(rows: readonly RunRow[]): Readonly<Record<StateFilter, number>> {
  const of = (state: StateFilter): number => rows.filter((row) => inState(row, state)).length;
  return {
    all: rows.length,
    active: of('active'),
    failed: of('failed'),
    succeeded: of('succeeded'),
    cancelled: of('cancelled'),
  };
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
    case 'cancelled':
      return row.state === 'cancellation';
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

/** Each as `key=value`. */
function labelTexts({ labels }: RunRow): readonly string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/** All that runs have, without repeats. */
export function labelsIn(rows: readonly RunRow[]): readonly string[] {
  return [...new Set(rows.flatMap(labelTexts))].sort();
}

export function workflowNames(rows: readonly RunRow[]): readonly string[] {
  return [...new Set(rows.map((row) => row.workflow))].sort();
}
