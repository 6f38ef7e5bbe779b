// Adopts a run whose wrapper died: ends what is left of its processes, closes its steps in the journal, records it as
// abandoned. The journal alone says what is to be done, so any process may do it; the writer lock lets one at a time.
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Event } from '../core/event.ts';
import type { Outcome } from '../core/outcome.ts';
import {
  JournalError,
  type JournalWriter,
  type LockHolder,
  lockHolder,
  openJournal,
  type RunFolder,
  reopenJournal,
  runLockPath,
} from '../journal/index.ts';
import { endLeftoverProcesses, type Identity, type LeftoverProcesses, markerOf } from '../run/process/index.ts';
import { emptyRunState, foldRun, type RunState } from '../runs/index.ts';
import { closingEvents } from './closing-events.ts';

export type Adoption =
  | {
      readonly kind: 'adopted';
      readonly state: RunState;
      readonly processes: number;
      readonly survivors: readonly number[];
    }
  /** Its wrapper lives, or another process adopts it right now. */
  | { readonly kind: 'running'; readonly by: LockHolder | undefined }
  | { readonly kind: 'finished' }
  /** Nothing was written yet, or retention has removed it. */
  | { readonly kind: 'no_journal' }
  /** A later stepspan wrote it, or its files cannot be read. */
  | { readonly kind: 'unreadable'; readonly message: string };

/** Whether a run has ended without its end in the journal. Reads a lock file and the end of one segment. */
export async function needsAdoption(folder: RunFolder): Promise<Exclude<Adoption, { kind: 'adopted' }> | undefined> {
  try {
    // The lock first: a wrapper that ends writes its last record and then lets go, so a free lock means that it is there.
    const by = lockHolder(runLockPath(folder, 'writer'));
    const { nextSeq, finished } = await openJournal(folder).head();
    if (finished) return { kind: 'finished' };
    if (by !== undefined) return { kind: 'running', by };
    return nextSeq === 0 ? { kind: 'no_journal' } : undefined;
  } catch (error) {
    return { kind: 'unreadable', message: (error as Error).message };
  }
}

/** Adopts the run if it needs it. Never rejects for what is wrong with the run; safe to be called by several at once. */
export async function adoptRun(folder: RunFolder): Promise<Adoption> {
  const not = await needsAdoption(folder);
  if (not !== undefined) return not;
  let writer: JournalWriter;
  try {
    writer = reopenJournal(folder);
  } catch (error) {
    if (error instanceof JournalError && error.code === 'locked') {
      return { kind: 'running', by: lockHolder(runLockPath(folder, 'writer')) };
    }
    return { kind: 'unreadable', message: (error as Error).message };
  }
  try {
    return await closeRun(folder, writer);
  } catch (error) {
    return { kind: 'unreadable', message: (error as Error).message };
  } finally {
    await writer.close();
  }
}

type Left = { readonly step: string; readonly attempt: number; readonly identity: Identity | undefined };

async function closeRun(folder: RunFolder, writer: JournalWriter): Promise<Adoption> {
  const { state, left } = await readRun(folder);
  // Somebody else was as fast, and has let go again.
  if (state.phase.kind === 'finished') return { kind: 'finished' };
  // A fold that was saved may know an end that a power cut has taken from the journal, and would answer for it from then on.
  rmSync(folder.summaryFile, { force: true });
  const { processes, survivors } = await endProcesses(folder, state, left, writer);
  const who = state.writer === undefined ? 'its wrapper' : `its wrapper (process ${state.writer.pid})`;
  const outcome: Outcome = {
    kind: 'error',
    reason: 'abandoned',
    message: `${who} ended without closing the run; process ${process.pid} closed it`,
  };
  writer.output({
    subject: undefined,
    stream: 'system',
    severity: 'error',
    lineCount: 1,
    bytes: Buffer.from(`abandoned: ${outcome.message}\n`),
    unterminated: false,
  });
  for (const { event, subject } of closingEvents(state, outcome)) writer.event(event, subject);
  await writer.sync();
  return { kind: 'adopted', state, processes, survivors };
}

/** The state of the run, and its attempts that have no end, with the process of each. */
async function readRun(folder: RunFolder): Promise<{ state: RunState; left: readonly Left[] }> {
  const reader = openJournal(folder);
  const { firstSeq } = await reader.head();
  const left = new Map<string, Left>();
  let state = emptyRunState();
  // Damage in the middle is passed over: the run is to be closed all the same.
  for await (const records of reader.read({ from: firstSeq, onProblem: () => undefined })) {
    for (const record of records) {
      state = foldRun(state, record);
      if (record.kind !== 'event' || record.subject === undefined) continue;
      const { step, attempt } = record.subject;
      const key = `${step}#${attempt}`;
      if (record.event.type === 'attempt.started') {
        const { pid, pidStartTime: startTime } = record.event;
        left.set(key, { step, attempt, identity: pid === undefined ? undefined : { pid, startTime } });
      } else if (record.event.type === 'attempt.finished') left.delete(key);
    }
  }
  return { state, left: [...left.values()] };
}

/** Step by step, so that the journal says whose they were; then what carries the mark of the run alone. */
async function endProcesses(
  folder: RunFolder,
  state: RunState,
  left: readonly Left[],
  writer: JournalWriter,
): Promise<{ processes: number; survivors: readonly number[] }> {
  // Of another machine's run, found on a shared disk, no process is here, and its pids are others'.
  if (state.writer !== undefined && state.writer.host !== hostname()) return { processes: 0, survivors: [] };
  const ofSteps = await Promise.all(
    left.map(async ({ step, attempt, identity }) => {
      const known = identity === undefined ? [] : [identity];
      const ended = await endLeftoverProcesses({ marker: markerOf(folder.runId, step), known, byPipes: true });
      tell(writer, ended, { step, attempt });
      return ended;
    }),
  );
  const ofRun = await endLeftoverProcesses({ marker: markerOf(folder.runId), byPipes: true });
  tell(writer, ofRun, undefined);
  const all = [...ofSteps, ofRun];
  return {
    processes: all.reduce((sum, { found }) => sum + found.length, 0),
    survivors: all.flatMap((each) => each.survivors.map(({ pid }) => pid)),
  };
}

function tell(
  writer: JournalWriter,
  { found }: LeftoverProcesses,
  subject: Parameters<JournalWriter['event']>[1],
): void {
  if (found.length === 0) return;
  // The program only: its arguments may hold secrets, and which they are died with the wrapper.
  const processes = found.map(({ pid, command }) => ({ pid, command: command.split(' ', 1)[0] ?? '' }));
  const event: Event = { type: 'process.orphaned', processes };
  writer.event(event, subject);
}
