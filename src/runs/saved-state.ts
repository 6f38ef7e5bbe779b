// The state of a run of the data folder, without reading all of its journal each time: `summary.json` in the run's folder is a
// saved state. The journal is the truth; if the file is missing, old or of another version, it is made again from there.
// A finished run never changes, so its file alone is read.
import { readFileSync } from 'node:fs';
import { type JournalProblem, openJournal, type RunFolder, replaceFileUnsynced } from '../journal/index.ts';
import { foldAll } from './fold-run.ts';
import { emptyRunState, type RunState } from './run-state.ts';
import { stateFromJson, stateToJson } from './stored-state.ts';

/** Folding this many records takes about as long as a person notices; past it, the state of an active run is saved too. */
const saveAfterRecords = 50_000;

/**
 * @param onProblem receives damage and gaps, which are skipped
 * @returns undefined if the run has no journal
 * @throws JournalError if a later version of stepspan wrote the journal
 */
export async function readRunState(
  folder: RunFolder,
  onProblem: (problem: JournalProblem) => void,
): Promise<RunState | undefined> {
  const saved = savedState(folder);
  if (saved?.phase.kind === 'finished') return saved;
  const reader = openJournal(folder);
  const { firstSeq, nextSeq } = await reader.head();
  if (nextSeq === firstSeq) return undefined;
  // A state from behind the journal's end is of a journal that was cut since then.
  const start = saved !== undefined && saved.nextSeq <= nextSeq ? saved : emptyRunState();
  let state = start;
  for await (const records of reader.read({ from: Math.max(firstSeq, start.nextSeq), reuseMemory: true, onProblem }))
    state = foldAll(records, state);
  if (state.phase.kind === 'finished' || state.nextSeq - start.nextSeq > saveAfterRecords) saveRunState(folder, state);
  return state;
}

/** Saves a state for the next reader. A data folder that cannot be written is only read more slowly. */
export function saveRunState(folder: RunFolder, state: RunState): void {
  try {
    // Two processes that save at once save the same, and what a power cut loses is made again.
    replaceFileUnsynced(folder.summaryFile, stateToJson(state));
  } catch {
    // The next reader folds the journal again.
  }
}

/** The state that was saved last, whatever the journal says by now; undefined if there is none of this version. */
export function savedState(folder: RunFolder): RunState | undefined {
  try {
    const state = stateFromJson(readFileSync(folder.summaryFile, 'utf8'));
    return state?.runId === folder.runId ? state : undefined;
  } catch {
    return undefined;
  }
}
