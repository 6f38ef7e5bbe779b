// Finds the processes that a test has left behind, from /proc, and kills them. Used by tests that start children.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

type Found = { readonly pid: number; readonly command: string };

/**
 * Processes, this one aside, that carry the mark in their environment or work in the folder that it names: one of the two is not
 * enough, as a process can be started with an empty environment or in another folder. Zombies have neither and are not found.
 * @returns each as `pid command`
 */
export function processesOf(mark: string): readonly string[] {
  return find(mark).map(({ pid, command }) => `${pid} ${command}`);
}

/** The command line of a process, its words apart by NUL; empty before it has one, and when the process has ended. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Ends them without asking; what has ended by itself meanwhile is fine. */
export function killProcesses(mark: string): void {
  for (const { pid } of find(mark)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

function find(mark: string): readonly Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const of = (file: string): string => readFileSync(`/proc/${name}/${file}`, 'utf8');
        const isMarked = of('environ').includes(mark) || readlinkSync(`/proc/${name}/cwd`).startsWith(mark);
        return isMarked ? [{ pid: Number(name), command: of('cmdline').replaceAll('\0', ' ').trim() }] : [];
      } catch {
        // It has ended meanwhile, or is another user's.
        return [];
      }
    });
}
