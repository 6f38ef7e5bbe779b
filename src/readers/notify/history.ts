// How long the steps of a workflow took when they succeeded in its earlier runs: what "slow" is compared to. Reading is
// bounded, however many runs there are and however much they have printed.
import type { RunId } from '../../core/ids.ts';
import { type DataFolder, openJournal } from '../../journal/index.ts';
import { emptyRunState, foldRun, type History, type RunState } from '../../runs/index.ts';
import { loadNotifierState } from './notifier-state.ts';

/** Earlier runs of the same workflow that are compared with: enough for a median that one odd run does not move. */
const comparedRuns = 20;
/** Runs of any workflow that are looked at to find them. Each costs a small file, or the first record of its journal. */
const lookedAtRuns = 300;
/** A journal without an alerts.json is read whole up to so many records and lines, which takes some 20 ms. */
const readRecords = 50_000;

/** @param before only runs that started earlier count */
export async function readHistory(data: DataFolder, workflow: string, before: RunId): Promise<History> {
  const durations = new Map<string, number[]>();
  let compared = 0;
  const earlier = data.listRunIds().filter((runId) => runId < before);
  for (const runId of earlier.slice(0, lookedAtRuns)) {
    if (compared >= comparedRuns) break;
    const run = await readRun(data, runId, workflow).catch(() => undefined);
    if (run === undefined) continue;
    compared += 1;
    for (const { id, phase } of run.steps) {
      if (phase.kind !== 'finished' || phase.outcome.kind !== 'success') continue;
      durations.set(id, [...(durations.get(id) ?? []), phase.durationMs]);
    }
  }
  return durations;
}

/** The state of an ended run of that workflow; undefined where it is of another one, goes on, or is too long to read. */
async function readRun(data: DataFolder, runId: RunId, workflow: string): Promise<RunState | undefined> {
  const folder = data.runDir(runId);
  const known = loadNotifierState(folder)?.rules.run;
  if (known?.phase.kind === 'finished') return known.workflow === workflow ? known : undefined;
  const reader = openJournal(folder);
  const { firstSeq, nextSeq, finished } = await reader.head();
  if (!finished || firstSeq > 0) return undefined;
  let state = emptyRunState();
  for await (const records of reader.read({ from: 0, maxBatchBytes: 1, onProblem: () => undefined })) {
    for (const record of records) state = foldRun(state, record);
    if (state.workflow !== workflow || nextSeq > readRecords) return undefined;
    break;
  }
  for await (const records of reader.read({ from: state.nextSeq, reuseMemory: true, onProblem: () => undefined }))
    for (const record of records) state = foldRun(state, record);
  return state;
}
