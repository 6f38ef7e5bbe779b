// CPU time of a whole tree, from looks at its members. Pure arithmetic; reads nothing.
//
// The system adds a process's time to its parent's "reaped" time when the parent waits for it. So the time of all members
// with what each has reaped is the time of the tree, as long as every member ends under a parent that is a member. Time
// is lost from that sum when a process ends whose parent is not one (a daemon below init; the root, below us) or does not
// wait (SIGCHLD ignored). And a process must not be counted twice: when it was seen alive, and again in its parent's sum.
// So for each parent is kept what its ended children were last seen with ("owed"). Of that, what its reaped time did not
// grow by is missing, and is added. Where children that nobody saw make it grow too, this can only count too little.
import { type ProcessInfo, processKey } from './process-info.ts';

export type CpuLedger = {
  /** Takes a whole look: who is missing in it has ended. @returns CPU seconds of the tree so far; never falls */
  readonly observe: (members: readonly ProcessInfo[]) => number;
  /** Takes one member's newest numbers, of which it says nothing that others have ended. */
  readonly update: (member: ProcessInfo) => void;
};

type Entry = {
  info: ProcessInfo;
  /** Its reaped time when it was first seen: of children that were never owed. */
  readonly reapedBefore: number;
  owed: number;
};

export function createCpuLedger(): CpuLedger {
  const entries = new Map<string, Entry>();
  /** Time of members that ended where nobody in the tree could take it over. */
  let retired = 0;
  let total = 0;

  const update = (info: ProcessInfo) => {
    const entry = entries.get(processKey(info));
    if (entry === undefined) entries.set(processKey(info), { info, reapedBefore: info.reapedSeconds, owed: 0 });
    else entry.info = info;
  };

  /** Adds the time of ended members to that of their parents, children first, as theirs adds to their parent's. */
  const settle = (ended: Map<number, Entry>) => {
    const byPid = new Map([...entries.values()].map((entry) => [entry.info.pid, entry]));
    const settleOne = (entry: Entry) => {
      if (!ended.delete(entry.info.pid)) return;
      for (const child of ended.values()) if (child.info.parentPid === entry.info.pid) settleOne(child);
      const parent = byPid.get(entry.info.parentPid);
      if (parent === undefined) retired += secondsOf(entry);
      else parent.owed += secondsOf(entry);
      entries.delete(processKey(entry.info));
    };
    for (const entry of ended.values()) settleOne(entry);
  };

  return {
    update,
    observe(members) {
      const present = new Set(members.map(processKey));
      const gone = [...entries.values()].filter((entry) => !present.has(processKey(entry.info)));
      settle(new Map(gone.map((entry) => [entry.info.pid, entry])));
      for (const info of members) update(info);
      const alive = [...entries.values()].reduce((sum, entry) => sum + secondsOf(entry), 0);
      total = Math.max(total, retired + alive);
      return total;
    },
  };
}

function secondsOf({ info, reapedBefore, owed }: Entry): number {
  const missing = Math.max(0, owed - (info.reapedSeconds - reapedBefore));
  return info.ownSeconds + info.reapedSeconds + missing;
}
