// One child under supervision: started, timed, sampled, watched for stalls, stopped when asked, and cleaned up after.
// Called by both kinds of attempt. It reports how the child ended; the caller decides what that means for the step.
import type { Readable } from 'node:stream';
import { formatDuration, formatSetDuration } from '../../core/duration.ts';
import type { StallCause } from '../../core/event.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Append, Subject } from '../../core/record.ts';
import type { StallRules } from '../../workflow/workflow.ts';
import { type Activity, describeActivity } from '../claude/index.ts';
import {
  createPausableTimer,
  createSampler,
  createStallWatch,
  type Exit,
  type Identity,
  isLive,
  type LeftoverProcesses,
  type LineBatch,
  type Marker,
  type OomKills,
  OUTPUT_GRACE_MS,
  type OutputStream,
  type PausableTimer,
  type ProcessTree,
  readOomKills,
  type SpawnFailure,
  type StallWatch,
  type StartedProcess,
  startProcess,
  systemClock,
  type UsageTotals,
} from '../process/index.ts';
import { explainExitCode, explainSignal } from './exit-hint.ts';
import type { SystemLog } from './system-log.ts';
import { createTreeFreezer, type TreeFreezer } from './tree-freezer.ts';

export type SuperviseOptions = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the child reads: a text, or a stream that stays open until its caller ends it. */
  readonly stdin?: string | Readable;
  readonly inheritsStdin?: boolean | undefined;
  readonly joinsStderr?: boolean;
  readonly marker: Marker;
  /** For people; see `attempt.started`. */
  readonly command: string;
  readonly subject: Subject;
  readonly append: Append;
  readonly log: SystemLog;
  /** See `attempt.started`. */
  readonly inputFiles?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** What earlier attempts have left of the timeout; all of it, if there is none. */
  readonly timeLeftMs?: number | undefined;
  readonly stalls: StallRules;
  readonly onOutput: (stream: OutputStream, batch: LineBatch) => void;
  /** Done before the child starts; its time is the attempt's. Never rejects. */
  readonly prepare?: () => Promise<void>;
  /** Whether the child has said how its work ended, so that ending it now ends only what it left running. */
  readonly hasResult?: () => boolean;
  /** What it does now: the cause that a timeout, a stall or a cancellation names. */
  readonly activity: () => Activity;
  /** Called with the process tree as soon as there is one. */
  readonly onTree?: (tree: ProcessTree) => void;
  /** Called for every process group that was started, so that the end of the run can look for its remaining processes. */
  readonly onStarted?: (process: Identity) => void;
};

/** How the child ended. */
export type Ending =
  | { readonly kind: 'not_started'; readonly failure: SpawnFailure }
  | {
      readonly kind: 'exited';
      readonly exit: Exit;
      /** The kernel's counters when it was started and when it had ended. */
      readonly oomKills?: { readonly before: OomKills; readonly after: OomKills };
    }
  /** stepspan ended it: `outcome` says why, `exit` what came of it. */
  | {
      readonly kind: 'stopped';
      readonly exit: Exit;
      readonly outcome: Outcome;
      /** Of one that was ended for a stall. */
      readonly stall: StallFound | undefined;
      /** It had given its result before it was ended. */
      readonly hadResult: boolean;
    };

type StallFound = { readonly cause: StallCause; readonly retryAsked: boolean };

export type Supervised = {
  readonly ending: Ending;
  readonly durationMs: number;
  readonly pausedMs: number;
  readonly usage: UsageTotals;
};

export type Supervision = {
  /** Never rejects. Everything the child printed has been given to `onOutput` by then. */
  readonly done: Promise<Supervised>;
  readonly stop: (outcome: Outcome, why: string) => void;
  readonly killNow: () => void;
  readonly freeze: () => void;
  readonly thaw: () => void;
  /**
   * Ends the child after `ms`, without paused time, for a reason that only the reader of its output knows.
   * @returns takes it back
   */
  readonly endAfter: (ms: number, outcome: Outcome, why: string) => () => void;
  /** Stops the timeout for this long, as while the child waits for a rate limit. */
  readonly holdTimeout: (forMs: number) => void;
  /** Stops the timeout and the stall clocks while a person is asked. */
  readonly waitForPerson: (isWaiting: boolean) => void;
  /** For causes that only the reader of the output can see. */
  readonly stallWatch: StallWatch<StallCause>;
};

type Stop = {
  readonly outcome: Outcome;
  readonly why: string;
  readonly stall: StallFound | undefined;
  readonly hadResult: boolean;
};

const noUsage: UsageTotals = { cpuSeconds: 0, maxRssBytes: 0, basis: 'complete' };

/** Causes whose clock the supervision itself starts and beats. */
type OwnCause = Extract<StallCause, 'no_output' | 'output_closed'>;

/** A child under supervision: what the functions below share. */
type Watched = {
  readonly options: SuperviseOptions;
  readonly startedAt: number;
  readonly killNow: AbortController;
  readonly clocks: Clocks;
  readonly freezer: TreeFreezer;
  child: StartedProcess | undefined;
  stopped: Stop | undefined;
  /** Under way as soon as the child is being ended. */
  ending: Promise<unknown> | undefined;
  /** When the child itself had ended. What is cleaned up after it is not its time. */
  exitedAt: number | undefined;
};

export function supervise(options: SuperviseOptions): Supervision {
  const { log, subject } = options;
  const freezer = createTreeFreezer(
    () => watched.child,
    (text) => log('warning', text, subject),
  );
  const clocks = createClocks(options, (outcome, why, stall) => stop(watched, outcome, why, stall));
  const watched: Watched = {
    options,
    startedAt: performance.now(),
    killNow: new AbortController(),
    clocks,
    freezer,
    child: undefined,
    stopped: undefined,
    ending: undefined,
    exitedAt: undefined,
  };
  return {
    done: run(watched),
    stop: (outcome, why) => stop(watched, outcome, why),
    killNow: () => watched.killNow.abort(),
    freeze() {
      clocks.freeze();
      freezer.freeze();
    },
    thaw() {
      clocks.thaw();
      freezer.thaw();
    },
    holdTimeout: clocks.holdTimeout,
    waitForPerson: clocks.waitForPerson,
    endAfter: clocks.endAfter,
    stallWatch: clocks.stallWatch,
  };
}

type StopChild = (outcome: Outcome, why: string, stall?: StallFound) => void;

type Clocks = Pick<Supervision, 'freeze' | 'thaw' | 'holdTimeout' | 'waitForPerson' | 'endAfter' | 'stallWatch'> & {
  readonly watchFor: (cause: OwnCause) => void;
  /** No timeout and no limit stops the child from now on. */
  readonly cancel: () => void;
  readonly pausedMs: () => number;
};

/** Why a timeout does not count. A rate limit has a stall clock of its own. */
type Hold = 'frozen' | 'rate_limit' | 'person';

/** Everything that can stop a child for the time that has passed: its timeout, limits of its reader, stalls. */
function createClocks(options: SuperviseOptions, stopChild: StopChild): Clocks {
  const { stalls, timeoutMs } = options;
  const timer = createPausableTimer(options.timeLeftMs ?? timeoutMs, () => {
    const message = `took longer than its timeout of ${formatSetDuration(timeoutMs)}`;
    stopChild({ kind: 'timeout', limitMs: timeoutMs, message }, 'timeout');
  });
  const stallWatch = createStallReports(options, stopChild);
  /** Why the timeout is stopped. */
  const holds = new Set<Hold>();
  let holdOver: NodeJS.Timeout | undefined;
  const hold = (why: Hold): void => {
    holds.add(why);
    timer.pause();
    if (why !== 'rate_limit') stallWatch.pause();
  };
  const release = (why: Hold): void => {
    if (!holds.delete(why)) return;
    if (holds.size === 0) timer.resume();
    if (!holds.has('frozen') && !holds.has('person')) stallWatch.resume();
  };
  const limits = new Set<PausableTimer>();
  return {
    stallWatch,
    watchFor: (cause) => stallWatch.start(cause, stalls[cause].afterMs),
    pausedMs: timer.pausedMs,
    cancel() {
      timer.cancel();
      clearTimeout(holdOver);
      for (const limit of limits) limit.cancel();
    },
    freeze() {
      hold('frozen');
      for (const limit of limits) limit.pause();
    },
    thaw() {
      release('frozen');
      for (const limit of limits) limit.resume();
    },
    waitForPerson: (isWaiting) => (isWaiting ? hold('person') : release('person')),
    holdTimeout(forMs) {
      clearTimeout(holdOver);
      hold('rate_limit');
      holdOver = setTimeout(() => release('rate_limit'), forMs);
    },
    endAfter(ms, outcome, why) {
      const limit = createPausableTimer(ms, () => {
        limits.delete(limit);
        stopChild(outcome, why);
      });
      limits.add(limit);
      return () => {
        limit.cancel();
        limits.delete(limit);
      };
    },
  };
}

/** Reports stalls as they come and go, and stops the child if its rule says so. */
function createStallReports(options: SuperviseOptions, stopChild: StopChild): StallWatch<StallCause> {
  const { append, subject, log, stalls } = options;
  return createStallWatch<StallCause>({
    onDetected(cause, forMs) {
      const { action } = stalls[cause];
      const activity = describeActivity(options.activity());
      append.event({ type: 'stall.detected', cause, durationMs: Math.round(forMs), action, activity }, subject);
      const what = `stalled (${describeCause(cause)}) for ${formatDuration(forMs)}`;
      const text = `${what}; ${activity}`;
      if (action === 'none') {
        log('warning', text, subject);
        return;
      }
      log('error', `${text}; ${action === 'kill' ? 'ending it' : 'ending it to try again'}`, subject);
      const outcome = { kind: 'error', reason: 'stalled', message: what } as const;
      stopChild(outcome, what, { cause, retryAsked: action === 'retry' });
    },
    onCleared(cause, forMs) {
      append.event({ type: 'stall.cleared', cause, durationMs: Math.round(forMs) }, subject);
    },
  });
}

function stop(watched: Watched, outcome: Outcome, why: string, stall?: StallFound): void {
  const { options } = watched;
  if (watched.stopped !== undefined || watched.exitedAt !== undefined) return;
  const hadResult = options.hasResult?.() ?? false;
  watched.stopped = { outcome: withCause(outcome, options.activity), why, stall, hadResult };
  endChild(watched);
}

/** Also called when the child turns up after the stop. */
function endChild(watched: Watched): void {
  const { child, stopped, ending, clocks, killNow, options } = watched;
  if (child === undefined || stopped === undefined || ending !== undefined) return;
  const { why, hadResult } = stopped;
  const { append, subject } = options;
  clocks.cancel();
  // A reader that was held back would keep the child from writing its last words.
  child.resumeReading();
  watched.ending = (hadResult ? reportOutliving(child, options) : Promise.resolve()).then(() =>
    child.end({
      killNow: killNow.signal,
      onSignal: (signal) => append.event({ type: 'process.signalled', signal, reason: why }, subject),
    }),
  );
}

async function run(watched: Watched): Promise<Supervised> {
  const { options, clocks, freezer } = watched;
  const { append, subject } = options;
  const oomBefore = readOomKills();
  const suspendedBefore = systemClock.suspendedMs();
  await options.prepare?.();
  clocks.watchFor('no_output');
  const started = await startProcess({
    ...startOptions(options),
    onOutput(stream, batch) {
      clocks.stallWatch.beat('no_output');
      options.onOutput(stream, batch);
    },
  });
  if (started.kind === 'failed') {
    clocks.cancel();
    clocks.stallWatch.close();
    const durationMs = elapsedMs(watched);
    return { ending: { kind: 'not_started', failure: started }, durationMs, pausedMs: 0, usage: noUsage };
  }
  watched.child = started;
  freezer.apply();
  reportStart(started, options);
  const sampler = createSampler({
    tree: started.tree,
    onSample: (sample) => append.event({ type: 'resource.sampled', ...sample }, subject),
  });
  endChild(watched);
  void started.outputEnded.then(() => {
    clocks.stallWatch.clear('no_output');
    if (watched.exitedAt === undefined) clocks.watchFor('output_closed');
  });

  const exit = await started.ended;
  watched.exitedAt = performance.now();
  const suspendedMs = systemClock.suspendedMs() - suspendedBefore;
  clocks.cancel();
  clocks.stallWatch.close();
  await watched.ending;
  await cleanUp(started, watched);
  const usage = await sampler.finish(started.lastSeen());
  started.release();
  return {
    ending: endingOf(watched, exit, oomBefore),
    durationMs: elapsedMs(watched),
    pausedMs: Math.round(clocks.pausedMs() + suspendedMs),
    usage,
  };
}

function startOptions(options: SuperviseOptions) {
  const { file, args, cwd, env, stdin, inheritsStdin, joinsStderr, marker } = options;
  return { file, args, cwd, env, stdin, inheritsStdin, joinsStderr, marker };
}

function reportStart(started: StartedProcess, options: SuperviseOptions): void {
  const { append, subject, log, command, cwd, inputFiles } = options;
  options.onTree?.(started.tree);
  const process = { pid: started.pid, pidStartTime: started.identity.startTime };
  const files = inputFiles === undefined ? {} : { inputFiles };
  append.event({ type: 'attempt.started', command, cwd, ...process, ...files }, subject);
  options.onStarted?.(started.identity);
  for (const notice of started.notices) log('warning', notice, subject);
}

/** Ends what the child has left running, and reads the last of the output. */
async function cleanUp(started: StartedProcess, { options, killNow }: Watched): Promise<void> {
  await started.outputEndedWithin(OUTPUT_GRACE_MS);
  const { found, survivors } = await started.endLeftoverProcesses({ killNow: killNow.signal });
  reportLeftovers(found, options);
  for (const { pid } of survivors) options.log('error', `process ${pid} could not be ended`, options.subject);
  await started.drain();
  await started.outputEnded;
}

function endingOf({ stopped }: Watched, exit: Exit, oomBefore: OomKills): Ending {
  if (stopped === undefined) return { kind: 'exited', exit, oomKills: { before: oomBefore, after: readOomKills() } };
  return { kind: 'stopped', exit, outcome: stopped.outcome, stall: stopped.stall, hadResult: stopped.hadResult };
}

function elapsedMs({ exitedAt, startedAt }: Watched): number {
  return Math.round((exitedAt ?? performance.now()) - startedAt);
}

/** What the child started and still has running, which is ended with it. */
async function reportOutliving({ tree, pid }: StartedProcess, options: SuperviseOptions): Promise<void> {
  const members = await tree.search().catch(() => []);
  const others = members.filter((info) => info.pid !== pid && isLive(info));
  const command = (info: { readonly pid: number }) => tree.source.command(info.pid);
  reportLeftovers(
    await Promise.all(others.map(async (info) => ({ pid: info.pid, command: await command(info) }))),
    options,
  );
}

function reportLeftovers(processes: LeftoverProcesses['found'], { append, log, subject }: SuperviseOptions): void {
  if (processes.length === 0) return;
  append.event({ type: 'process.orphaned', processes }, subject);
  const names = processes.map(({ pid, command }) => `${pid} (${command})`).join(', ');
  const what = processes.length === 1 ? 'a process' : `${processes.length} processes`;
  log('warning', `left ${what} running, now ended: ${names}`, subject);
}

/** The outcome with what the child was doing when it was stopped, if that is the cause or shows what was interrupted. */
function withCause(outcome: Outcome, activity: () => Activity): Outcome {
  switch (outcome.kind) {
    case 'timeout':
    case 'cancellation':
      return { ...outcome, message: `${outcome.message}; ${describeActivity(activity())}` };
    case 'error':
      if (outcome.reason !== 'stalled') return outcome;
      return { ...outcome, message: `${outcome.message}; ${describeActivity(activity())}` };
    case 'success':
    case 'failure':
    case 'skip':
      return outcome;
  }
}

/** What `attempt.finished` says besides the outcome. */
export function attemptFacts({ durationMs, pausedMs, usage }: Supervised) {
  return { durationMs, pausedMs, cpuSeconds: usage.cpuSeconds, maxRssBytes: usage.maxRssBytes };
}

/** The outcome of a child that is judged by its exit code. */
export function exitOutcome(ending: Ending): Outcome {
  switch (ending.kind) {
    case 'not_started':
      return { kind: 'error', reason: 'spawn', message: ending.failure.message };
    case 'stopped':
      return ending.outcome;
    case 'exited': {
      const { exitCode, signal } = ending.exit;
      const { before, after } = ending.oomKills ?? {};
      if (signal !== undefined) {
        return { kind: 'error', reason: 'signal', signal, message: explainSignal(signal, before, after) };
      }
      if (exitCode === 0) return { kind: 'success' };
      const code = exitCode ?? -1;
      return {
        kind: 'failure',
        reason: 'exit_code',
        exitCode: code,
        message: `exit code ${code}${explainExitCode(code, before, after)}`,
      };
    }
  }
}

/** The outcome of a defect of stepspan: it ends the step and not the record of the run. */
export function internalError(error: unknown): Outcome {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'error', reason: 'internal', message: `a defect of stepspan: ${text}` };
}

function describeCause(cause: StallCause): string {
  switch (cause) {
    case 'no_output':
      return 'no output';
    case 'output_closed':
      return 'its output is closed but it does not end';
    case 'no_exit_after_result':
      return 'Claude Code gave its result but does not end';
    case 'rate_limited':
      return 'rate limited';
    case 'waiting_for_permission':
      return 'waiting for a permission that nobody can give';
  }
}
