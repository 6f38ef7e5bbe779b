// How long the steps of a workflow took in its earlier runs, for estimates: read from the saved folds of the data folder.
import { isRunId, type RunId } from '../../core/ids.ts';
import { type DataFolder, openJournal } from '../../journal/index.ts';
import { type History, historyOf, type RunState } from '../../runs/index.ts';
import { readRunState } from './run-states.ts';

/** How many earlier runs of the workflow an estimate stands on: enough for a median, few enough to follow a change. */
const usedRuns = 10;

/** How far back they are looked for. One that has ended is a small file to read, so that all of it takes some 50 ms. */
const lookBack = 100;

/** A history is some numbers for each step. What is let go of is read again. */
const keptHistories = 100;

/** What cannot be read is no history. @param stateOf reads the state of a run; by its saved fold unless told otherwise */
export async function readHistory(
  data: DataFolder,
  run: { readonly runId: string; readonly workflow: string },
  stateOf: (runId: RunId) => Promise<RunState | undefined> = (runId) => readRunState(data.runDir(runId)),
): Promise<History> {
  const states: RunState[] = [];
  // Ids sort by time.
  const earlier = data.listRunIds().filter((runId) => runId < run.runId);
  for (const runId of earlier.slice(0, lookBack)) {
    if (states.length === usedRuns) break;
    const state = await endedState(data, runId, stateOf).catch(() => undefined);
    if (state?.workflow === run.workflow) states.push(state);
  }
  return historyOf(states);
}

/** Of a run that goes on, or was never closed, not even the journal is folded: it says nothing here. */
async function endedState(
  data: DataFolder,
  runId: RunId,
  stateOf: (runId: RunId) => Promise<RunState | undefined>,
): Promise<RunState | undefined> {
  const { finished } = await openJournal(data.runDir(runId)).head();
  const state = finished ? await stateOf(runId) : undefined;
  return state?.phase.kind === 'finished' ? state : undefined;
}

/** Reads the history of a run once for all who ask: what lies before a run does not change while it goes on. */
export function createEarlierRuns(
  data: DataFolder,
): (run: { readonly runId: string; readonly workflow: string }) => Promise<History> {
  const kept = new Map<string, Promise<History>>();
  return (run) => {
    // The head of a journal may be gone, and with it what run it was of.
    if (!isRunId(run.runId)) return Promise.resolve(new Map());
    let history = kept.get(run.runId);
    if (history === undefined) {
      history = readHistory(data, run);
      kept.set(run.runId, history);
      if (kept.size > keptHistories) kept.delete(kept.keys().next().value as string);
    }
    return history;
  };
}
