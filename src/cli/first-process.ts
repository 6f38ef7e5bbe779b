// The warning for a stepspan that is process 1 of a container. Called by main.ts.

/** The commands that start steps, or end what is left of runs. */
const startsProcesses: ReadonlySet<string | undefined> = new Set(['run', 'exec', 'serve']);

/**
 * The line to print, if any. The kernel makes process 1 the parent of each process whose parent has ended; it has to wait for them.
 * Node waits only for what it started, so that these stay as zombies until the container stops.
 */
export function firstProcessWarning(pid: number, command: string | undefined): string | undefined {
  if (pid !== 1 || !startsProcesses.has(command)) return undefined;
  return 'stepspan runs as process 1, which has to collect processes that have ended; start the container with an init (docker run --init, tini)\n';
}
