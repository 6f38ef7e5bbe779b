// What a step or a run left running when it had ended: found by its marker, named for the report, ended. Also called by the
// hub when it closes a run whose process was killed, with the processes that the journal names.
import { createTimeSlice } from '../../core/time-slice.ts';
import { type Ended, type EndOptions, endTree, KILL_WAIT_MS } from './end-tree.ts';
import { pipesNameOf } from './output-pipes.ts';
import { heldFiles, readAllPids, readEnvironment } from './proc-files.ts';
import { isLive, type Marker } from './process-info.ts';
import { createProcessTree, type Identity, type ProcessTree } from './process-tree.ts';

/** Nobody waits for what was left behind: enough for a server to close its files, not for it to finish its work. */
export const LEFT_OVER_GRACE_MS = 2_000;

export type LeftoverProcesses = Ended & {
  /** What was alive when the search began, with its command line. Not redacted. */
  readonly found: readonly { readonly pid: number; readonly command: string }[];
};

/** The environment entries that mark processes of a run; with `stepId`, of that step of it alone. */
export function markerOf(runId: string, stepId?: string): Marker {
  const run = `STEPSPAN_RUN_ID=${runId}`;
  return stepId === undefined ? [run] : [run, `STEPSPAN_STEP_ID=${stepId}`];
}

/** The processes of a run or of one of its steps, by marker, and those that the journal names. */
export type MarkedProcesses = {
  readonly marker: Marker;
  readonly known?: readonly Identity[];
  /** `dead_run`: the run was killed before it could search itself, so a process that still has our pipes open is one of them too. */
  readonly reach: 'own_run' | 'dead_run';
};

/**
 * Finds and ends, with SIGTERM and then SIGKILL, every process that carries the marker, or that is in the given tree.
 * @param target the tree of the process that has ended, which remembers members that took the mark off; or a marker and
 *   what a journal says of the process: both find descendants too
 */
export async function endLeftoverProcesses(
  target: ProcessTree | MarkedProcesses,
  options: Pick<EndOptions, 'killNow' | 'onSignal'> = {},
): Promise<LeftoverProcesses> {
  const tree = 'look' in target ? target : createProcessTree({ ...target, holding: () => pipesOf(target) });
  const alive = (await tree.search()).filter(isLive);
  if (alive.length === 0) return { found: [], signalled: [], survivors: [] };
  const found = await Promise.all(alive.map(async ({ pid }) => ({ pid, command: await tree.source.command(pid) })));
  const steps = [
    { signal: 'SIGTERM', graceMs: LEFT_OVER_GRACE_MS },
    { signal: 'SIGKILL', graceMs: KILL_WAIT_MS },
  ] as const;
  return { found, ...(await endTree(tree, { ...options, steps })) };
}

function pipesOf({ marker, reach }: MarkedProcesses): string | undefined {
  return reach === 'dead_run' ? `/${pipesNameOf(marker)}` : undefined;
}

/**
 * The ids of all runs that any process of the machine belongs to, found by reading each process once. For the hub, before it closes many
 * dead runs, as after a crash of the machine.
 * @returns undefined if the system does not show it (everything but Linux)
 */
export async function findMarkedRuns(): Promise<ReadonlySet<string> | undefined> {
  if (process.platform !== 'linux') return undefined;
  const [entry = ''] = markerOf('');
  const pipes = `/${pipesNameOf(markerOf(''))}`.slice(0, -1);
  const slice = createTimeSlice();
  const found = new Set<string>();
  for (const pid of readAllPids()) {
    for (const text of readEnvironment(pid)) if (text.startsWith(entry)) found.add(text.slice(entry.length));
    for (const file of heldFiles(pid)) {
      const at = file.indexOf(pipes);
      if (at !== -1) found.add(file.slice(at + pipes.length).split('.', 1)[0] ?? '');
    }
    await slice();
  }
  return found;
}
