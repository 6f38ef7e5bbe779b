// The set of processes that belong to one child, or to everything of one run: its descendants, those that were once
// seen below it, and those that carry its marker. Remembers members by pid and start time, so that a reused pid is never
// taken for a member. Sends no signal.
import type { ProcessIdentity } from '../../core/event.ts';
import {
  isLive,
  type Marker,
  type ProcessInfo,
  type ProcessSource,
  processKey,
  type SearchReach,
} from './process-info.ts';
import { systemProcesses } from './process-source.ts';

export type ProcessTree = {
  /**
   * Members that exist now, zombies included, parents first. Cheap enough for every second: walks down from members known
   * before, so that one that has called setsid and lost its parent since is still seen.
   */
  readonly look: () => Promise<readonly ProcessInfo[]>;
  /**
   * The same after a search for the mark in environments, for sessions of members, and for who holds our pipes: among the
   * processes below this one, or if it does not adopt orphans or the run is another's, in the whole machine. Also finds a daemon whose parents were gone before anybody looked. Reads a few files a process.
   */
  readonly search: () => Promise<readonly ProcessInfo[]>;
  /** The process that the tree was made for, as long as it lives. */
  readonly root: Identity | undefined;
  /** Where members are looked up; start times of two sources do not compare. */
  readonly source: ProcessSource;
};

export type Identity = Pick<ProcessIdentity, 'pid' | 'startTime'>;

/**
 * @param options.known processes to walk down from: the root first; those whose identity no longer fits are ignored
 * @param options.marker environment entries of every member; none: no search by environment
 * @param options.reach where members can be
 * @param options.holding part of the paths of files that only members have inherited; undefined if no process has one open
 */
export function createProcessTree(options: {
  readonly known?: readonly Identity[];
  readonly marker: Marker;
  readonly reach: SearchReach;
  readonly holding?: () => string | undefined;
  readonly source?: ProcessSource;
}): ProcessTree {
  const source = options.source ?? systemProcesses;
  let members = new Map((options.known ?? []).map((identity) => [processKey(identity), identity]));
  /** Pids of members that led a session. Every process of such a session is below the member: none can join from outside. */
  const leaders = new Set<number>();

  const keep = async (found: readonly ProcessInfo[]) => {
    const protectedOnes = await protectedPids(source);
    const kept = found.filter((info) => !protectedOnes.has(info.pid));
    for (const info of kept) if (info.sessionId === info.pid) leaders.add(info.pid);
    members = new Map(kept.map((info) => [processKey(info), info]));
    return kept;
  };
  /** Checks the identity first: a reused pid must not bring in the children of another process. */
  const alive = async () => {
    const there = await source.get([...members.values()].map((member) => member.pid));
    return there.filter((info) => members.has(processKey(info)));
  };

  return {
    root: options.known?.[0],
    source,
    async look() {
      const known = await alive();
      return known.length === 0 ? keep([]) : keep(await source.withDescendants(known.map((info) => info.pid)));
    },
    async search() {
      const known = await alive();
      // The number of a session is ours only while a member is in it; afterwards it can be reused.
      const sessions = new Set(known.filter(isLive).map((info) => info.sessionId));
      const ours = new Set([...sessions].filter((session) => leaders.has(session)));
      const { marker, reach } = options;
      const found = await source.search({ marker, holding: options.holding?.(), sessions: ours, reach });
      const pids = new Set([...known, ...found].map((info) => info.pid));
      const protectedOnes = await protectedPids(source);
      return keep(await source.withDescendants([...pids].filter((pid) => !protectedOnes.has(pid))));
    },
  };
}

/** This process and its ancestors: whatever mark they carry, they are not what we started. */
export async function protectedPids(source: ProcessSource): Promise<ReadonlySet<number>> {
  const line = new Set<number>();
  for (let pid = process.pid; pid > 0 && !line.has(pid); ) {
    line.add(pid);
    const [info] = pid === process.pid ? [{ parentPid: process.ppid }] : await source.get([pid]);
    pid = info?.parentPid ?? 0;
  }
  return line.add(1);
}
