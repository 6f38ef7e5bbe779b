// Whether a process of a tree waits for its stdin: by the system call in which it sleeps, on Linux. Called while a step with `ask` runs.
import { openFile, readSystemCalls } from './proc-files.ts';
import { isLive } from './process-info.ts';
import type { ProcessTree } from './process-tree.ts';

/**
 * `reads`: it sleeps in a read of its stdin. `polls`: it waits for any of several files, which can be its stdin. `unknown`: the system
 * does not say.
 */
export type StdinState = 'reads' | 'polls' | 'works' | 'unknown';

export type StdinWatch = { readonly look: () => Promise<StdinState> };

type Calls = { readonly reads: readonly number[]; readonly polls: readonly number[] };

/** By `process.arch`, as the tables of the kernel number them: read, readv, recvfrom, recvmsg; poll, select, epoll_wait and their kin. */
const callsByArchitecture: Readonly<Record<string, Calls>> = {
  x64: { reads: [0, 19, 45, 47], polls: [7, 23, 232, 270, 271, 281, 441] },
  arm64: { reads: [63, 65, 207, 212], polls: [22, 72, 73, 441] },
};

/** @param tree of a child whose stdin only stepspan writes to, just started */
export function createStdinWatch(tree: ProcessTree): StdinWatch {
  const calls = callsByArchitecture[process.arch];
  // A script can close or replace its own stdin later, while a child of it reads the first one.
  const stdin = tree.root === undefined ? undefined : openFile(tree.root.pid, 0);
  return {
    async look() {
      if (calls === undefined || stdin === undefined) return 'unknown';
      const states = (await tree.look()).filter(isLive).map(({ pid }) => stateOf(pid, stdin, calls));
      const found = (['reads', 'unknown', 'polls'] as const).find((state) => states.includes(state));
      return found ?? 'works';
    },
  };
}

function stateOf(pid: number, stdin: string, { reads, polls }: Calls): StdinState {
  const asleep = readSystemCalls(pid);
  if (asleep === undefined) return 'unknown';
  const isOfStdin = (descriptor: number): boolean => openFile(pid, descriptor) === stdin;
  if (asleep.some(({ number, firstArgument }) => reads.includes(number) && isOfStdin(firstArgument))) return 'reads';
  return asleep.some(({ number }) => polls.includes(number)) && isOfStdin(0) ? 'polls' : 'works';
}
