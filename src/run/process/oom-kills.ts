// The kernel's counters of processes that it killed for lack of memory: of the control group of this process, and of the machine.
import { readFileSync } from 'node:fs';

export type OomKills = { readonly group: number | undefined; readonly machine: number | undefined };

/** A count is undefined if the system has no such counter. */
export function readOomKills(): OomKills {
  const group = /^0::(.*)$/m.exec(read('/proc/self/cgroup'))?.[1];
  return {
    group: group === undefined ? undefined : counterIn(`/sys/fs/cgroup${group === '/' ? '' : group}/memory.events`),
    machine: counterIn('/proc/vmstat'),
  };
}

function counterIn(file: string): number | undefined {
  const count = /^oom_kill (\d+)$/m.exec(read(file))?.[1];
  return count === undefined ? undefined : Number(count);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
