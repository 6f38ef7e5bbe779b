// What has to be remembered of a run between two of its records to count them right, and how that is kept on disk.
import type { RunId } from '../../core/ids.ts';
import { emptyRunState, type RunState, stateFromJson, stateToJson } from '../../runs/index.ts';
import type { Change } from './metric.ts';

/** A tool that was called and has not answered. */
export type OpenCall = { readonly tool: string; readonly step: string };

export type RunMemory = {
  readonly runId: RunId;
  readonly state: RunState;
  /** By the id of the call. */
  readonly calls: ReadonlyMap<string, OpenCall>;
  /** Names of subagents by the id of the call that started them: their spans come later, and do not say them. */
  readonly agents: ReadonlyMap<string, string>;
  /** Attempts whose cost and tokens were counted, as `step#attempt`. */
  readonly costed: ReadonlySet<string>;
  /** The last value of each series of Claude Code's own telemetry, which is cumulative in an attempt. */
  readonly telemetry: ReadonlyMap<string, number>;
};

/** What a part of the fold changes in the memory, and in the metrics. */
export type PartFold = { readonly memory: Partial<RunMemory>; readonly changes: readonly Change[] };

/** Calls without an answer that are remembered; a run with more has lost its answers anyway. */
export const maxOpenCalls = 1_000;
/** Subagents of a run whose names are remembered; a day of work has some hundred. */
export const maxAgents = 1_000;
/** Series of Claude Code's own telemetry in a run: ten metrics, a few models and tools, times a hundred attempts. */
export const maxTelemetrySeries = 10_000;

export function newRunMemory(runId: RunId): RunMemory {
  return {
    runId,
    state: emptyRunState(),
    calls: new Map(),
    agents: new Map(),
    costed: new Set(),
    telemetry: new Map(),
  };
}

export type StoredRun = {
  readonly runId: RunId;
  readonly state: string;
  readonly calls: readonly (readonly [string, OpenCall])[];
  /** Missing if an earlier version stored it. */
  readonly agents?: readonly (readonly [string, string])[];
  readonly costed: readonly string[];
  readonly telemetry: readonly (readonly [string, number])[];
};

export function storeRun(memory: RunMemory): StoredRun {
  return {
    runId: memory.runId,
    state: stateToJson(memory.state),
    calls: [...memory.calls],
    agents: [...memory.agents],
    costed: [...memory.costed],
    telemetry: [...memory.telemetry],
  };
}

/** Undefined if another version of the state was stored: it cannot be continued. */
export function unstoreRun(stored: StoredRun): RunMemory | undefined {
  const state = stateFromJson(stored.state);
  if (state === undefined) return undefined;
  return {
    runId: stored.runId,
    state,
    calls: new Map(stored.calls),
    agents: new Map(stored.agents),
    costed: new Set(stored.costed),
    telemetry: new Map(stored.telemetry),
  };
}
