// The state of a run of the data folder, without reading all of its journal each time.
// `summary.json` in the run's folder is a saved fold. The journal is the truth: the file may be missing, old or of another version,
// and is then made anew. A finished run never changes, so its file answers alone; that makes `ls` of 1,000 runs fast.
import { readFileSync } from 'node:fs';
import { isAlive, type JournalProblem, openJournal, type RunFolder, replaceFileUnsynced } from '../../journal/index.ts';
import { emptyRunState, foldAll, type RunState, stateFromJson, stateToJson } from '../../runs/index.ts';

/** How a run stands: its outcome, or what it is doing. `abandoned`: its wrapper is gone and nobody has closed it yet. */
export type Standing =
  | 'running'
  | 'paused'
  | 'cancelling'
  | 'abandoned'
  | 'success'
  | 'failure'
  | 'error'
  | 'timeout'
  | 'cancellation'
  | 'skip';

/** Folding so many records takes about as long as a person notices; past it the fold is saved also of a run that goes on. */
const saveAfterRecords = 50_000;

export const standings = [
  'running',
  'paused',
  'cancelling',
  'abandoned',
  'success',
  'failure',
  'error',
  'timeout',
  'cancellation',
] as const satisfies readonly Standing[];

/**
 * @param onProblem is told of damage and gaps, which are passed over
 * @returns undefined where the run has no journal (any more)
 * @throws JournalError where a later version of stepspan wrote the journal
 */
export async function readRunState(
  folder: RunFolder,
  onProblem: (problem: JournalProblem) => void = () => undefined,
): Promise<RunState | undefined> {
  const saved = readSaved(folder);
  if (saved?.phase.kind === 'finished') return saved;
  const reader = openJournal(folder);
  const { firstSeq, nextSeq } = await reader.head();
  if (nextSeq === firstSeq) return undefined;
  // A fold from behind the journal's end was of a journal that was cut since then.
  const start = saved !== undefined && saved.nextSeq <= nextSeq ? saved : emptyRunState();
  let state = start;
  for await (const records of reader.read({ from: Math.max(firstSeq, start.nextSeq), reuseMemory: true, onProblem }))
    state = foldAll(records, state);
  if (state.phase.kind === 'finished' || state.nextSeq - start.nextSeq > saveAfterRecords) saveRunState(folder, state);
  return state;
}

/** Saves a fold for whoever reads next. Best effort: a data folder that cannot be written is read all the same. */
export function saveRunState(folder: RunFolder, state: RunState): void {
  try {
    // Of two that save at once either result is right, and what a power cut costs is made anew.
    replaceFileUnsynced(folder.summaryFile, stateToJson(state));
  } catch {
    // Slower next time, and nothing else.
  }
}

export function standingOf(state: RunState): Standing {
  switch (state.phase.kind) {
    case 'finished':
      return state.phase.outcome.kind;
    case 'unknown':
      // Its head is gone, and with it who wrote it; nothing says that it does not go on.
      return 'running';
    case 'running':
    case 'paused':
    case 'cancelling':
      return state.writer !== undefined && !isAlive(state.writer) ? 'abandoned' : state.phase.kind;
  }
}

function readSaved(folder: RunFolder): RunState | undefined {
  try {
    const state = stateFromJson(readFileSync(folder.summaryFile, 'utf8'));
    return state?.runId === folder.runId ? state : undefined;
  } catch {
    return undefined;
  }
}
