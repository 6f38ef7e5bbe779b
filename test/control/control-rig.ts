// Runs as real processes in a data folder of their own, steered by the real commands.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import type { RunId } from '../../src/core/ids.ts';
import type { DataFolder } from '../../src/journal/index.ts';
import { foldAll, type RunState } from '../../src/runs/index.ts';
import { type Finished, type RunningCli, startCli } from '../support/cli.ts';
import { eventsIn, readRecords } from '../support/journal.ts';
import { until } from '../support/until.ts';

export const counter = new URL('../fixtures/counts-up.sh', import.meta.url).pathname;

/** The CLI with the data folder; it is killed when the test ends, whatever happened. */
export function startIn(data: DataFolder, ...args: readonly string[]): RunningCli {
  const cli = startCli([...args, '--data-dir', data.root]);
  onTestFinished(() => void cli.child.kill('SIGKILL'));
  return cli;
}

/** Starts `run FILE` and resolves when the run is in the data folder. */
export async function startRun(data: DataFolder, file: string, ...flags: string[]) {
  const before = new Set(data.listRunIds());
  const cli = startIn(data, 'run', file, ...flags);
  const runId = await until(() => data.listRunIds().find((id) => !before.has(id)));
  return { ...cli, runId };
}

/** A command to its end. */
export const stepspan = (data: DataFolder, ...args: string[]): Promise<Finished> => startIn(data, ...args).done;

export async function stateOf(data: DataFolder, runId: RunId): Promise<RunState> {
  return foldAll(await readRecords(data.runDir(runId), { onProblem: () => undefined }));
}

export async function eventsOf(data: DataFolder, runId: RunId): Promise<readonly Event[]> {
  return eventsIn(await readRecords(data.runDir(runId)));
}

export function readCount(folder: string): number {
  try {
    return Number(readFileSync(join(folder, 'count'), 'utf8'));
  } catch {
    return 0;
  }
}
