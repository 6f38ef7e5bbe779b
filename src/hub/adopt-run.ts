// Adopts a run whose stepspan was killed: ends its remaining processes, closes its steps in the journal, marks it as abandoned. The
// journal alone says what is to be done, so any process can do it; the lock of the writer admits one at a time. Called by the hub, and by
// `cancel`, `resume` and `ship` if no hub was faster.
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Event } from '../core/event.ts';
import type { RunId } from '../core/ids.ts';
import type { Outcome } from '../core/outcome.ts';
import type { StepOutput } from '../core/step-output.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import {
  createProblemLog,
  type DataFolder,
  isAlive,
  JournalError,
  type JournalWriter,
  type LockHolder,
  lockHolder,
  openJournal,
  type RunFolder,
  reopenJournal,
  runLockPath,
} from '../journal/index.ts';
import { add, type Measure, metrics } from '../readers/measure/index.ts';
import { createOutputCapture, type OutputCapture, outputOfCapture } from '../run/engine/output-capture.ts';
import {
  endLeftoverProcesses,
  findMarkedRuns,
  type Identity,
  type LeftoverProcesses,
  markerOf,
} from '../run/process/index.ts';
import { closingEvents, emptyRunState, foldRun, type RunState } from '../runs/index.ts';
import { readOutputWith } from '../workflow/environment.ts';
import type { RunTask, Supervisor } from './supervisor.ts';

export type Adoption =
  | {
      readonly kind: 'adopted';
      readonly state: RunState;
      readonly processes: number;
      readonly survivors: readonly number[];
      /** What could not be read of its journal, one sentence each. `state` lacks it. */
      readonly problems: readonly string[];
    }
  /** Its stepspan lives, or another process adopts it right now. */
  | { readonly kind: 'running'; readonly by: LockHolder | undefined }
  | { readonly kind: 'finished' }
  /** Nothing was written yet, or retention has removed it. */
  | { readonly kind: 'no_journal' }
  /** A later stepspan wrote it, or its files cannot be read. */
  | { readonly kind: 'unreadable'; readonly message: string; readonly error: unknown };

/** Whether a run has ended without its end in the journal. Reads a lock file and the end of one segment. */
export async function needsAdoption(folder: RunFolder): Promise<Exclude<Adoption, { kind: 'adopted' }> | undefined> {
  try {
    // The lock first: a writer releases it after its last record, so if the lock is free, that record is there.
    const by = lockHolder(runLockPath(folder, 'writer'));
    const { nextSeq, finished } = await openJournal(folder).head();
    if (finished) return { kind: 'finished' };
    if (by !== undefined) return { kind: 'running', by };
    return nextSeq === 0 ? { kind: 'no_journal' } : undefined;
  } catch (error) {
    return { kind: 'unreadable', message: errorText(error), error };
  }
}

/**
 * Adopts the run if it needs it. Never rejects because of what is wrong with the run; several processes can call it at once.
 * @param closedBy as the message about the run names it
 * @param markedRuns all runs that processes of this machine belong to, if they were looked for already
 */
export async function adoptRun(
  folder: RunFolder,
  closedBy = 'the hub',
  markedRuns?: ReadonlySet<string>,
): Promise<Adoption> {
  const not = await needsAdoption(folder);
  if (not !== undefined) return not;
  let writer: JournalWriter;
  try {
    writer = reopenJournal(folder);
  } catch (error) {
    if (error instanceof JournalError && error.code === 'locked') {
      return { kind: 'running', by: lockHolder(runLockPath(folder, 'writer')) };
    }
    return { kind: 'unreadable', message: errorText(error), error };
  }
  try {
    return await closeRun(folder, writer, { closedBy, markedRuns });
  } catch (error) {
    return { kind: 'unreadable', message: errorText(error), error };
  } finally {
    await writer.close();
  }
}

/** Such as `stepspan (pid 4711)`. */
export function stepspanOf({ writer }: Pick<RunState, 'writer'>): string {
  return writer === undefined ? 'stepspan' : `stepspan (pid ${writer.pid})`;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Left = { readonly step: string; readonly attempt: number; readonly identity: Identity | undefined };

type Closing = { readonly closedBy: string; readonly markedRuns: ReadonlySet<string> | undefined };

async function closeRun(
  folder: RunFolder,
  writer: JournalWriter,
  { closedBy, markedRuns }: Closing,
): Promise<Adoption> {
  const { state, left, outputs, problems } = await readRun(folder);
  // Another process was faster, and has released the lock again.
  if (state.phase.kind === 'finished') return { kind: 'finished' };
  // A saved state may have an end that a power cut took from the journal.
  rmSync(folder.summaryFile, { force: true });
  const { processes, survivors, withClaude } = mayHaveProcesses(folder, left, markedRuns)
    ? await endProcesses(folder, state, left, writer)
    : noProcesses;
  const outcome: Outcome = {
    kind: 'error',
    reason: 'abandoned',
    message: `${stepspanOf(state)} was killed; ${closedBy} marked this run as abandoned`,
  };
  writer.output({
    subject: undefined,
    stream: 'system',
    severity: 'error',
    lineCount: 1,
    bytes: Buffer.from(`abandoned: ${outcome.message}\n`),
    unterminated: false,
  });
  for (const { event, subject } of closingEvents(state, outcome, { outputs, withClaude })) writer.event(event, subject);
  await writer.sync();
  return { kind: 'adopted', state, processes, survivors, problems };
}

type ReadRun = {
  readonly state: RunState;
  readonly left: readonly Left[];
  /** What shell steps without an end have printed on stdout, bounded as later steps would get it. */
  readonly outputs: ReadonlyMap<string, StepOutput>;
  readonly problems: readonly string[];
};

/** The state of the run, and its attempts that have no end, with the process of each. */
async function readRun(folder: RunFolder): Promise<ReadRun> {
  const reader = openJournal(folder);
  const { firstSeq } = await reader.head();
  const left = new Map<string, Left & { readonly capture: OutputCapture }>();
  let state = emptyRunState();
  const problems = createProblemLog();
  // The run has to be closed, whatever of it cannot be read.
  for await (const records of reader.read({ from: firstSeq, reuseMemory: true, onProblem: problems.note })) {
    for (const record of records) {
      state = foldRun(state, record);
      if (record.subject === undefined) continue;
      const { step, attempt } = record.subject;
      const key = `${step}#${attempt}`;
      if (record.kind === 'output') {
        const { stream, bytes, lineCount, unterminated } = record;
        if (stream === 'stdout') left.get(key)?.capture.push(bytes, lineCount - (unterminated ? 1 : 0));
      } else if (record.event.type === 'attempt.started') {
        const { pid, pidStartTime: startTime } = record.event;
        const identity = pid === undefined ? undefined : { pid, startTime };
        left.set(key, { step, attempt, identity, capture: createOutputCapture() });
      } else if (record.event.type === 'attempt.finished') left.delete(key);
    }
  }
  const open = [...left.values()];
  return { state, left: open, outputs: outputsOf(state, open), problems: problems.sentences() };
}

function outputsOf(
  state: RunState,
  left: readonly { readonly step: string; readonly capture: OutputCapture }[],
): ReadonlyMap<string, StepOutput> {
  const isShell = (id: string): boolean => state.steps.find((step) => step.id === id)?.kind === 'run';
  return new Map(
    left
      .filter(({ step }) => isShell(step))
      .map(({ step, capture }) => {
        const { output } = outputOfCapture(capture.captured(), readOutputWith(state.runId, step));
        return [step, output];
      }),
  );
}

function mayHaveProcesses({ runId }: RunFolder, left: readonly Left[], markedRuns: Closing['markedRuns']): boolean {
  if (markedRuns === undefined || markedRuns.has(runId)) return true;
  return left.some(({ identity }) => identity !== undefined && isAlive({ ...identity, host: hostname() }));
}

type EndedProcesses = {
  readonly processes: number;
  readonly survivors: readonly number[];
  /** Ids of steps in which Claude Code was still running. */
  readonly withClaude: ReadonlySet<string>;
};

const noProcesses: EndedProcesses = { processes: 0, survivors: [], withClaude: new Set() };

/** By its path or by its name, also behind the program that interprets it. */
const claudeCommand = /(^|[\s/])claude(\.exe)?(\s|$)/;

/** Step by step, so that the journal names the step of each process; then those with the mark of the run alone. */
async function endProcesses(
  folder: RunFolder,
  state: RunState,
  left: readonly Left[],
  writer: JournalWriter,
): Promise<EndedProcesses> {
  // A run of another machine on a shared disk has no processes here; its pids belong to others.
  if (state.writer !== undefined && state.writer.host !== hostname()) return noProcesses;
  const withClaude = new Set<string>();
  const ofSteps = await Promise.all(
    left.map(async ({ step, attempt, identity }) => {
      const known = identity === undefined ? [] : [identity];
      const ended = await endLeftoverProcesses({ marker: markerOf(folder.runId, step), known, reach: 'dead_run' });
      recordLeftovers(writer, ended, { step, attempt });
      if (ended.found.some(({ command }) => claudeCommand.test(command))) withClaude.add(step);
      return ended;
    }),
  );
  const ofRun = await endLeftoverProcesses({ marker: markerOf(folder.runId), reach: 'dead_run' });
  recordLeftovers(writer, ofRun, undefined);
  const all = [...ofSteps, ofRun];
  return {
    processes: all.reduce((sum, { found }) => sum + found.length, 0),
    survivors: all.flatMap((each) => each.survivors.map(({ pid }) => pid)),
    withClaude,
  };
}

function recordLeftovers(
  writer: JournalWriter,
  { found }: LeftoverProcesses,
  subject: Parameters<JournalWriter['event']>[1],
): void {
  if (found.length === 0) return;
  // The program only: its arguments may hold secrets, and the list of secrets died with stepspan.
  const processes = found.map(({ pid, command }) => ({ pid, command: command.split(' ', 1)[0] ?? '' }));
  const event: Event = { type: 'process.orphaned', processes };
  writer.event(event, subject);
}

export type AdoptOptions = {
  readonly data: DataFolder;
  readonly measure: Pick<Measure, 'apply'>;
  /** Lets the next tasks see that the run has ended. */
  readonly examine: Supervisor['examine'];
  readonly log: (line: string) => void;
  readonly onError: (runId: RunId, error: unknown) => void;
};

/** For so many dead runs at once the processes of each are searched by themselves: a run that has just died may be starting some. */
const searchedEach = 3;

/** The task of the supervisor that adopts runs. */
export function createAdoption({ data, measure, examine, log, onError }: AdoptOptions): RunTask {
  /** Not tried or reported again in the life of this hub. */
  const failed = new Set<RunId>();

  async function adopt(runId: RunId, markedRuns: ReadonlySet<string> | undefined): Promise<void> {
    const adoption = await adoptRun(data.runDir(runId), 'the hub', markedRuns);
    if (adoption.kind === 'unreadable') {
      failed.add(runId);
      onError(runId, new Error(adoption.message));
    }
    if (adoption.kind !== 'adopted') return;
    measure.apply(add(metrics.adoptedRuns, {}));
    const { processes, survivors, state, problems } = adoption;
    const ended = processes === 0 ? '' : `; ${processes} of its processes were still running and were ended`;
    log(`run ${runId}: ${stepspanOf(state)} was killed; the run is marked as abandoned${ended}`);
    for (const pid of survivors) log(`run ${runId}: process ${pid} could not be ended`);
    for (const problem of problems) log(`run ${runId}: ${problem}`);
    await examine(runId);
  }

  return {
    name: 'adopt',
    async look({ runs, settle }) {
      const slice = createTimeSlice();
      const dead: RunId[] = [];
      for (const run of runs) {
        if (run.kind === 'ended') settle(run.runId);
        else if (run.writer === undefined && !failed.has(run.runId)) dead.push(run.runId);
      }
      const markedRuns = dead.length > searchedEach ? await findMarkedRuns() : undefined;
      for (const runId of dead) {
        await adopt(runId, markedRuns);
        await slice();
      }
    },
  };
}
