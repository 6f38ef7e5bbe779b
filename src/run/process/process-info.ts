// What is known of one process at one moment, and what distinguishes it from a later process with the same pid. No IO.
import type { ProcessIdentity } from '../../core/event.ts';

export type ProcessInfo = {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat in clock ticks since boot, or the start time as `ps` prints it. */
  readonly startTime: string;
  readonly parentPid: number;
  readonly groupId: number;
  /** What the process calls itself, at most 15 characters; absent if the system does not say. */
  readonly name?: string;
  /** The session; 0 if the system does not say. */
  readonly sessionId: number;
  /** The state letter of /proc/PID/stat and of `ps`: R, S, D, T, t, Z, X, I. */
  readonly state: string;
  /** User and system CPU time of the process itself, in seconds. */
  readonly ownSeconds: number;
  /** CPU time of its children that ended and that it waited for, theirs included; 0 if the system does not say. */
  readonly reapedSeconds: number;
  /** Resident memory; absent if the system does not say. */
  readonly residentBytes?: number;
};

/** `NAME=value` entries that are in the environment of every process that belongs to a run or to a step. */
export type Marker = readonly string[];

/** Distinguishes a process from every other one since boot: a pid alone is reused. */
export function processKey(process: Pick<ProcessIdentity, 'pid' | 'startTime'>): string {
  return `${process.pid}:${process.startTime}`;
}

/** A zombie holds its pid until its parent waits for it, but runs nothing and takes no signal: it counts as dead. */
export function isLive(process: ProcessInfo): boolean {
  return process.state !== 'Z' && process.state !== 'X';
}

/** Stopped by SIGSTOP or the like (T), or by a debugger (t). */
export function isStopped(process: ProcessInfo): boolean {
  return process.state === 'T' || process.state === 't';
}

/** What makes a process ours, apart from its ancestors. */
export type SearchCriteria = {
  readonly marker: Marker;
  /** Part of the path of a file of ours: a process that has one open has inherited it. */
  readonly holding: string | undefined;
  /** Sessions in which every process is ours. */
  readonly sessions: ReadonlySet<number>;
  readonly reach: SearchReach;
};

/**
 * Where processes can be. `own_step` and `own_run`: this process started them, so all are below it if it adopts orphans; every orphan
 * is a member of the run, with or without the marker. `dead_run`: the process that started them was killed; they can be anywhere.
 */
export type SearchReach = 'own_step' | 'own_run' | 'dead_run';

export type ProcessSource = {
  readonly get: (pids: readonly number[]) => Promise<ProcessInfo[]>;
  /** The given processes, as far as they exist, and all below them; parents before their children. */
  readonly withDescendants: (pids: readonly number[]) => Promise<ProcessInfo[]>;
  /** Looks at every process of the machine, unless all that can be meant are below this one. On demand only: it is slow. */
  readonly search: (criteria: SearchCriteria) => Promise<ProcessInfo[]>;
  readonly command: (pid: number) => Promise<string>;
};
