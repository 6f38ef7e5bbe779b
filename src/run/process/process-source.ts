// Where processes are looked up: /proc on Linux, pidtree and `ps` elsewhere. Answers questions; remembers nothing.
import { adoptedPids, adoptsOrphans, collectOrphans } from './orphans.ts';
import { createPortableSource } from './portable-source.ts';
import {
  hasChildrenFiles,
  hasMarker,
  holdsFile,
  readAllPids,
  readChildren,
  readCommand,
  readStat,
} from './proc-files.ts';
import type { ProcessInfo, ProcessSource } from './process-info.ts';

export const systemProcesses: ProcessSource =
  process.platform === 'linux' ? createLinuxSource() : createPortableSource();

function createLinuxSource(): ProcessSource {
  let listsChildren: boolean | undefined;
  const listed = () => (listsChildren ??= hasChildrenFiles());
  const withDescendants = (pids: readonly number[]): ProcessInfo[] => {
    if (!listed()) return descendantsIn(present(readAllPids()), pids);
    const found = new Map(present(pids).map((info) => [info.pid, info]));
    // A map iterates in the order of insertion, over entries that are added meanwhile too.
    for (const parent of found.values()) {
      for (const pid of readChildren(parent.pid)) {
        const child = found.has(pid) ? undefined : readStat(pid);
        // A pid that was reused after the list was read has another parent.
        if (child?.parentPid === parent.pid) found.set(pid, child);
      }
    }
    return [...found.values()];
  };
  /** Also those that were orphaned, and so became our children, while this walked. */
  const belowUs = (): ProcessInfo[] => {
    const found = new Map<number, ProcessInfo>();
    for (let before = -1; before < found.size; ) {
      before = found.size;
      for (const info of withDescendants([process.pid])) if (info.pid !== process.pid) found.set(info.pid, info);
    }
    return [...found.values()];
  };
  return {
    get: async (pids) => present(pids),
    withDescendants: async (pids) => withDescendants(pids),
    async search({ marker, holding, sessions, reach }) {
      const ours = reach !== 'dead_run' && adoptsOrphans() && listed();
      if (ours) collectOrphans();
      const orphans = new Set(ours && reach === 'own_run' ? adoptedPids() : []);
      return (ours ? belowUs() : present(readAllPids())).filter(
        ({ pid, sessionId }) =>
          orphans.has(pid) ||
          sessions.has(sessionId) ||
          hasMarker(pid, marker) ||
          (holding !== undefined && pid !== process.pid && holdsFile(pid, holding)),
      );
    },
    command: async (pid) => readCommand(pid),
  };
}

function present(pids: readonly number[]): ProcessInfo[] {
  return pids.map(readStat).filter((info) => info !== undefined);
}

/** Walks down from `roots` in a list of all processes; parents before their children. */
export function descendantsIn(all: readonly ProcessInfo[], roots: readonly number[]): ProcessInfo[] {
  const childrenOf = Map.groupBy(all, (info) => info.parentPid);
  const found = new Set(all.filter((info) => roots.includes(info.pid)));
  for (const parent of found) for (const child of childrenOf.get(parent.pid) ?? []) found.add(child);
  return [...found];
}
