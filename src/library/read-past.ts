// What a run that is to be continued, and the runs that it continued itself, have left: how each step ended, its output,
// its session, its cost, the files it was given. Read from journals alone, by resume.ts; resume-plan.ts decides what follows from it.
import { errorCode, errorPath, toError } from '../core/errors.ts';
import type { EventOf } from '../core/event.ts';
import { isRunId, type RunId } from '../core/ids.ts';
import type { Outcome } from '../core/outcome.ts';
import { noOutput, type StepOutput, stepOutputOf } from '../core/step-output.ts';
import {
  dataFolder,
  JournalError,
  type JournalProblem,
  openJournal,
  problemText,
  type RunFolder,
} from '../journal/index.ts';
import { emptyRunState, foldRun, lastAttempt, type RunState, type StepState, totalsOf } from '../runs/index.ts';
import { changesOfWork, type Workflow, workflowFromJson } from '../workflow/index.ts';
import type { Unusable } from './refusal.ts';

/** A conversation of Claude Code, and the folder that it belongs to. */
export type PastSession = { readonly sessionId: string; readonly cwd: string | undefined };

/** SHA-256 of files that an attempt was given, by path. */
export type FileHashes = Readonly<Record<string, string>>;

export type PastStep = {
  readonly end:
    | { readonly kind: 'succeeded' }
    /** Its `when` was false. */
    | { readonly kind: 'switched_off' }
    | { readonly kind: 'ended'; readonly outcome: Outcome }
    /** It came up and has no end: the run was killed. */
    | { readonly kind: 'cut_off' }
    /** Whether it ended, and how, was in a part of the journal that cannot be read. */
    | { readonly kind: 'unreadable' }
    | { readonly kind: 'not_reached' };
  readonly output: StepOutput;
  /** Of its last attempt, in the newest run in which it had one. */
  readonly session: PastSession | undefined;
  readonly costUsd: number;
  readonly durationMs: number;
  readonly files: FileHashes;
  /** Unix milliseconds. */
  readonly startedMs: number | undefined;
};

export type Used = { readonly usd: number; readonly tokens: number; readonly estimated: boolean };

export type Past = {
  readonly state: RunState;
  readonly started: EventOf<'run.started'>;
  readonly workflow: Workflow;
  readonly steps: ReadonlyMap<string, PastStep>;
  /** By this run and all before it. */
  readonly used: Used;
  /** What cannot be read in the journals of this run and of those before it: one sentence for each. */
  readonly damage: readonly string[];
};

type NoPast = { readonly ok: false } & Unusable;

export type PastResult = ({ readonly ok: true } & Past) | NoPast;

/** Reads the run and those that it continued. One of these that retention has removed is gone, with what it had. */
export async function readPast(dataDir: string, runId: RunId): Promise<PastResult> {
  const data = dataFolder(dataDir);
  const own = await readOne(data.runDir(runId));
  if (!own.ok) return own;
  const before = own.started.resumedFrom ?? '';
  const isThere = isRunId(before) && data.listRunIds().includes(before);
  const earlier = isThere ? await readPast(dataDir, before) : undefined;
  const totals = totalsOf(own.state);
  const isKnown = totals.costBasis === 'known' && own.damage.length === 0;
  const used = { usd: totals.costAtLeastUsd, tokens: totals.tokens, estimated: !isKnown };
  if (earlier?.ok !== true) return { ...own, used };
  return {
    ...own,
    steps: new Map([...own.steps].map(([id, step]) => [id, withEarlier(id, step, own.workflow, earlier)])),
    used: {
      usd: used.usd + earlier.used.usd,
      tokens: used.tokens + earlier.used.tokens,
      estimated: used.estimated || earlier.used.estimated,
    },
    damage: [...own.damage, ...earlier.damage],
  };
}

/** A step that was not started in this run is as the run before left it, unless the file was edited in between. */
function withEarlier(id: string, step: PastStep, workflow: Workflow, earlier: Past): PastStep {
  const before = earlier.steps.get(id);
  if (before === undefined || step.startedMs !== undefined) return step;
  if (changesOfWork(earlier.workflow, workflow, id).length > 0) return step;
  switch (step.end.kind) {
    case 'succeeded':
      return { ...before, end: step.end, output: step.output, session: step.session ?? before.session };
    case 'not_reached':
      return ['ended', 'cut_off', 'unreadable'].includes(before.end.kind) ? before : step;
    case 'switched_off':
    case 'ended':
    case 'cut_off':
    case 'unreadable':
      return step;
  }
}

type OnePast = ({ readonly ok: true } & Omit<Past, 'used'>) | NoPast;

/** A journal that cannot be read is a refusal; damage in it is one only if it hides what the run was to do. */
async function readOne(folder: RunFolder): Promise<OnePast> {
  try {
    return await readWhole(folder);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return unreadable(folder, error);
  }
}

async function readWhole(folder: RunFolder): Promise<OnePast> {
  let state = emptyRunState();
  let started: EventOf<'run.started'> | undefined;
  const outputs = new Map<string, StepOutput>();
  const files = new Map<string, FileHashes>();
  const problems: JournalProblem[] = [];
  /** Steps of which nothing was read since the last damage: each may have ended in it. */
  const doubtful = new Set<string>();
  const onProblem = (problem: JournalProblem): void => {
    // What a killed writer left half written was never the end of a step.
    if (problem.kind === 'torn' || problem.kind === 'unknown_record') return;
    problems.push(problem);
    for (const { id } of state.steps) doubtful.add(id);
  };
  for await (const batch of openJournal(folder).read({ from: 0, onProblem })) {
    for (const record of batch) {
      state = foldRun(state, record);
      if (record.subject !== undefined) doubtful.delete(record.subject.step);
      if (record.kind !== 'event') continue;
      const { event, subject } = record;
      if (event.type === 'run.started') started = event;
      if (subject === undefined) continue;
      if (event.type === 'step.finished') outputs.set(subject.step, stepOutputOf(event));
      if (event.type === 'attempt.started') files.set(subject.step, event.inputFiles ?? {});
    }
  }
  const damage = problems.slice(0, 1).map((problem) => `${folder.runId}: ${problemText(problem)}`);
  if (started === undefined) return noBeginning(folder, damage[0]);
  const stored = workflowFromJson(started.definition);
  if (!stored.ok) {
    const message = `run ${folder.runId}: ${stored.message}`;
    return { ok: false, kind: 'unusable', code: 'unreadable', path: folder.journalDir, message };
  }
  const pastOf = (step: StepState): PastStep => {
    const past = pastStep(step, outputs.get(step.id) ?? noOutput, files.get(step.id) ?? {});
    const hasEnd = step.phase.kind === 'finished';
    return hasEnd || !doubtful.has(step.id) ? past : { ...past, end: { kind: 'unreadable' } };
  };
  const steps = new Map(state.steps.map((step) => [step.id, pastOf(step)]));
  return { ok: true, state, started, workflow: stored.workflow, steps, damage };
}

/** @param damage what hides the beginning */
export function noBeginning({ runId, journalDir }: RunFolder, damage?: string): NoPast {
  const why = damage === undefined ? '' : `: it is damaged (${damage})`;
  const message = `run ${runId} has no beginning in its journal, so there is nothing to continue${why}`;
  return { ok: false, kind: 'unusable', code: 'no_journal', path: journalDir, message };
}

export function unreadable({ runId, journalDir }: RunFolder, error: unknown): NoPast {
  const code = errorCode(error) ?? 'unreadable';
  const path = error instanceof JournalError ? error.file : (errorPath(error) ?? journalDir);
  const message = `run ${runId} cannot be read: ${toError(error).message}`;
  return { ok: false, kind: 'unusable', code, path, message };
}

function pastStep(step: StepState, output: StepOutput, files: FileHashes): PastStep {
  const session = lastAttempt(step)?.session;
  const { phase } = step;
  return {
    end: endOf(step),
    output,
    session: session === undefined ? undefined : { sessionId: session.sessionId, cwd: session.cwd },
    costUsd: step.costUsd,
    durationMs: phase.kind === 'finished' ? phase.durationMs : 0,
    files,
    startedMs: step.startedNs === undefined ? undefined : Number(step.startedNs / 1_000_000n),
  };
}

function endOf({ phase }: StepState): PastStep['end'] {
  switch (phase.kind) {
    case 'planned':
      return { kind: 'not_reached' };
    case 'running':
    case 'retrying':
    case 'waiting':
      return { kind: 'cut_off' };
    case 'finished': {
      const { outcome } = phase;
      if (outcome.kind === 'success') return { kind: 'succeeded' };
      if (outcome.kind !== 'skip') return { kind: 'ended', outcome };
      if (outcome.reason === 'already_done') return { kind: 'succeeded' };
      return { kind: outcome.reason === 'when' ? 'switched_off' : 'not_reached' };
    }
  }
}
