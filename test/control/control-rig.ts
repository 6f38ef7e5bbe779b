// Runs as real processes in a data folder of their own, steered by the real commands.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../../src/core/event.ts';
import type { RunId } from '../../src/core/ids.ts';
import { type DataFolder, openJournal } from '../../src/journal/index.ts';
import { emptyRunState, foldAll, type RunState } from '../../src/runs/index.ts';
import { ended, startFixture } from '../journal/journal-rig.ts';
import { until } from '../support/until.ts';

export const counter = new URL('../fixtures/counts-up.sh', import.meta.url).pathname;

/** Starts `run FILE` and resolves when the run is in the data folder. */
export async function startRun(data: DataFolder, file: string, ...flags: string[]) {
  const before = new Set(data.listRunIds());
  const child = startFixture('../../src/cli/main.ts', 'run', file, '--data-dir', data.root, ...flags);
  const end = ended(child);
  let runId: RunId | undefined;
  await until(() => {
    runId = data.listRunIds().find((id) => !before.has(id));
    return runId !== undefined;
  });
  return { child, end, runId: runId as RunId };
}

/** A command as a process: what it printed on both streams, and its exit code. */
export async function stepspan(data: DataFolder, ...args: string[]) {
  const child = startFixture('../../src/cli/main.ts', ...args, '--data-dir', data.root);
  let err = '';
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes.toString();
  });
  return { ...(await ended(child)), err };
}

export async function stateOf(data: DataFolder, runId: RunId): Promise<RunState> {
  let state = emptyRunState();
  for await (const batch of openJournal(data.runDir(runId)).read({ from: 0, onProblem: () => undefined }))
    state = foldAll(batch, state);
  return state;
}

export async function eventsOf(data: DataFolder, runId: RunId): Promise<readonly Event[]> {
  const events: Event[] = [];
  for await (const batch of openJournal(data.runDir(runId)).read({ from: 0 }))
    for (const record of batch) if (record.kind === 'event') events.push(record.event);
  return events;
}

export function readCount(folder: string): number {
  try {
    return Number(readFileSync(join(folder, 'count'), 'utf8'));
  } catch {
    return 0;
  }
}
