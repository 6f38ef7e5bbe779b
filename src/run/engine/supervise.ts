// One child under supervision: started, timed, sampled, watched for stalls, stopped when asked, and cleaned up after.
// Common to shell commands and Claude Code. Judges nothing: how it ended is told, what that means is the caller's.
import { formatDuration, formatSetDuration } from '../../core/duration.ts';
import type { EventOf, StallCause } from '../../core/event.ts';
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
import { createTreeFreezer } from './tree-freezer.ts';

export type SuperviseOptions = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
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
  /** Told of the process tree as soon as there is one. */
  readonly onTree?: (tree: ProcessTree) => void;
  /** Told of every process group that was started, so that the end of the run can look for what is left of it. */
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
  /** Lets the timeout stand still for this long, as while the child waits for a rate limit. */
  readonly holdTimeout: (forMs: number) => void;
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

export function supervise(options: SuperviseOptions): Supervision {
  const { append, subject, stalls, log } = options;
  const startedAt = performance.now();
  const oomBefore = readOomKills();
  const suspendedBefore = systemClock.suspendedMs();
  const killNow = new AbortController();
  let child: StartedProcess | undefined;
  let stopped: Stop | undefined;
  let ending: Promise<unknown> | undefined;
  /** When the child itself had ended. What is cleaned up after it is not its time. */
  let exitedAt: number | undefined;

  const timer = createPausableTimer(options.timeLeftMs ?? options.timeoutMs, () => {
    const limitMs = options.timeoutMs;
    stop(
      { kind: 'timeout', limitMs, message: `took longer than its timeout of ${formatSetDuration(limitMs)}` },
      'timeout',
    );
  });
  /** Why the timeout stands still. */
  const holds = new Set<'frozen' | 'rate_limit'>();
  let holdOver: NodeJS.Timeout | undefined;
  const hold = (why: 'frozen' | 'rate_limit'): void => {
    holds.add(why);
    timer.pause();
  };
  const release = (why: 'frozen' | 'rate_limit'): void => {
    if (holds.delete(why) && holds.size === 0) timer.resume();
  };
  const limits = new Set<PausableTimer>();
  const freezer = createTreeFreezer(
    () => child,
    (text) => log('warning', text, subject),
  );
  const stallWatch = createStallWatch<StallCause>({
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
      stop({ kind: 'error', reason: 'stalled', message: what }, what, {
        cause,
        retryAsked: action === 'retry',
      });
    },
    onCleared(cause, forMs) {
      append.event({ type: 'stall.cleared', cause, durationMs: Math.round(forMs) }, subject);
    },
  });
  const watchFor = (cause: OwnCause): void => stallWatch.start(cause, stalls[cause].afterMs);

  function stop(outcome: Outcome, why: string, stall?: StallFound): void {
    if (stopped !== undefined || exitedAt !== undefined) return;
    const hadResult = options.hasResult?.() ?? false;
    stopped = { outcome: withCause(outcome, options.activity), why, stall, hadResult };
    endChild();
  }

  /** Also called when the child turns up after the stop. */
  function endChild(): void {
    if (child === undefined || stopped === undefined || ending !== undefined) return;
    const { why, hadResult } = stopped;
    const { end } = child;
    timer.cancel();
    for (const limit of limits) limit.cancel();
    // A reader that was held back would keep the child from writing its last words.
    child.resumeReading();
    ending = (hadResult ? reportOutliving(child) : Promise.resolve()).then(() =>
      end({
        killNow: killNow.signal,
        onSignal: (signal) => append.event({ type: 'process.signalled', signal, reason: why }, subject),
      }),
    );
  }

  async function run(): Promise<Supervised> {
    await options.prepare?.();
    watchFor('no_output');
    const started = await startProcess({
      file: options.file,
      args: options.args,
      cwd: options.cwd,
      env: options.env,
      stdin: options.stdin,
      inheritsStdin: options.inheritsStdin,
      joinsStderr: options.joinsStderr,
      marker: options.marker,
      onOutput(stream, batch) {
        stallWatch.beat('no_output');
        options.onOutput(stream, batch);
      },
    });
    if (started.kind === 'failed') {
      timer.cancel();
      stallWatch.close();
      return { ending: { kind: 'not_started', failure: started }, durationMs: elapsed(), pausedMs: 0, usage: noUsage };
    }
    child = started;
    freezer.apply();
    options.onTree?.(started.tree);
    append.event(
      {
        type: 'attempt.started',
        command: options.command,
        cwd: options.cwd,
        pid: started.pid,
        pidStartTime: started.identity.startTime,
        ...(options.inputFiles === undefined ? {} : { inputFiles: options.inputFiles }),
      },
      subject,
    );
    options.onStarted?.(started.identity);
    for (const notice of started.notices) log('warning', notice, subject);
    const sampler = createSampler({
      tree: started.tree,
      onSample: (sample) => append.event({ type: 'resource.sampled', ...sample }, subject),
    });
    endChild();
    void started.outputEnded.then(() => {
      stallWatch.clear('no_output');
      if (exitedAt === undefined) watchFor('output_closed');
    });

    const exit = await started.ended;
    exitedAt = performance.now();
    const suspendedMs = systemClock.suspendedMs() - suspendedBefore;
    timer.cancel();
    clearTimeout(holdOver);
    for (const limit of limits) limit.cancel();
    stallWatch.close();
    await ending;
    await started.outputEndedWithin(OUTPUT_GRACE_MS);
    await endLeftoverProcesses(started);
    await started.drain();
    await started.outputEnded;
    const usage = await sampler.finish(started.lastSeen());
    started.release();
    return {
      ending:
        stopped === undefined
          ? { kind: 'exited', exit, oomKills: { before: oomBefore, after: readOomKills() } }
          : { kind: 'stopped', exit, outcome: stopped.outcome, stall: stopped.stall, hadResult: stopped.hadResult },
      durationMs: elapsed(),
      pausedMs: Math.round(timer.pausedMs() + suspendedMs),
      usage,
    };
  }

  async function endLeftoverProcesses(started: StartedProcess): Promise<void> {
    const { found, survivors } = await started.endLeftoverProcesses({ killNow: killNow.signal });
    reportLeftOver(found);
    for (const { pid } of survivors) log('error', `process ${pid} could not be ended`, subject);
  }

  /** What the child started and still has running, which is ended with it. */
  async function reportOutliving({ tree, pid }: StartedProcess): Promise<void> {
    const members = await tree.search().catch(() => []);
    const others = members.filter((info) => info.pid !== pid && isLive(info));
    reportLeftOver(
      await Promise.all(others.map(async (info) => ({ pid: info.pid, command: await tree.source.command(info.pid) }))),
    );
  }

  function reportLeftOver(processes: EventOf<'process.orphaned'>['processes']): void {
    if (processes.length === 0) return;
    append.event({ type: 'process.orphaned', processes }, subject);
    const names = processes.map(({ pid, command }) => `${pid} (${command})`).join(', ');
    const what = processes.length === 1 ? 'a process' : `${processes.length} processes`;
    log('warning', `left ${what} running, now ended: ${names}`, subject);
  }

  const elapsed = (): number => Math.round((exitedAt ?? performance.now()) - startedAt);

  return {
    done: run(),
    stop,
    killNow: () => killNow.abort(),
    freeze() {
      hold('frozen');
      for (const limit of limits) limit.pause();
      stallWatch.pause();
      freezer.freeze();
    },
    thaw() {
      release('frozen');
      for (const limit of limits) limit.resume();
      stallWatch.resume();
      freezer.thaw();
    },
    holdTimeout(forMs) {
      clearTimeout(holdOver);
      hold('rate_limit');
      holdOver = setTimeout(() => release('rate_limit'), forMs);
    },
    endAfter(ms, outcome, why) {
      const limit = createPausableTimer(ms, () => {
        limits.delete(limit);
        stop(outcome, why);
      });
      limits.add(limit);
      return () => {
        limit.cancel();
        limits.delete(limit);
      };
    },
    stallWatch,
  };
}

/** The outcome with what the child was doing when it was stopped, where that is the cause or tells what was cut short. */
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

/** The outcome of a child that was not stopped and whose own word is its exit code. */
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
        const message = signal === 'SIGKILL' ? explainSignal(signal, before, after) : `ended by ${signal}`;
        return { kind: 'error', reason: 'signal', signal, message };
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

/** An outcome of ours for what should not happen, so that a defect ends a step and not the run's record of it. */
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
