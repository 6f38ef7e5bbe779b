// A run from its first event to its last: starts what is ready, holds or ends it on request, closes the journal's story.
// It reads as the table of contents of a run; what an attempt does is attempt's, what comes next is schedule's.
import { formatSpending, sumUsd } from '../../core/cost.ts';
import { formatDuration, formatSetDuration } from '../../core/duration.ts';
import type { EventOf } from '../../core/event.ts';
import type { Outcome } from '../../core/outcome.ts';
import { messageOf } from '../../core/outcome.ts';
import type { Append } from '../../core/record.ts';
import { noOutput, type StepOutput, stepOutputOf } from '../../core/step-output.ts';
import type { Step, Workflow } from '../../workflow/workflow.ts';
import { systemClock } from '../process/index.ts';
import type { Attempt, AttemptPlan, Continuation, SessionRef } from './attempt.ts';
import { type BudgetMeter, createBudgetMeter, type Used } from './budget.ts';
import { createPhaseMachine, type PhaseMachine } from './run-phase.ts';
import { outcomeOf, planOf } from './run-plan.ts';
import { runStep, type StepEnd } from './run-step.ts';
import { type Decision, decide, type Ended } from './schedule.ts';
import { createSystemLog, type SystemLog } from './system-log.ts';

/** What an attempt may know of and do to the run it belongs to. */
export type RunScope = {
  readonly workflow: Workflow;
  readonly append: Append;
  readonly log: SystemLog;
  readonly ended: ReadonlyMap<string, Ended>;
  /** Of the Claude steps that have ended, by step id. */
  readonly sessions: ReadonlyMap<string, SessionRef>;
  readonly budget: Pick<BudgetMeter, 'remainingUsd'>;
  /** Reports what an attempt has cost so far. Crossing the budget ends the run. */
  readonly use: (step: Step, attempt: number, used: Used) => void;
};

/** A step that a resumed run need not do again. */
export type PreviousResult = StepOutput & { readonly session: SessionRef | undefined };

export type RunOptions = {
  readonly workflow: Workflow;
  readonly append: Append;
  /** `run.started` but for what the workflow says itself. */
  readonly started: Pick<
    EventOf<'run.started'>,
    'runId' | 'traceId' | 'definition' | 'writer' | 'stepspanVersion' | 'resumedFrom'
  >;
  readonly startAttempt: (step: Step, attempt: number, scope: RunScope, how: AttemptPlan) => Attempt;
  /** Makes what was appended durable: called at the end of every step and of the run. */
  readonly sync: () => Promise<void>;
  /** Ends whatever the run left running, and says so in the journal. Called once, after the last step. */
  readonly endLeftoverProcesses: () => Promise<void>;
  /** Of a resumed run: the steps that succeeded in the runs before. */
  readonly previousResults?: ReadonlyMap<string, PreviousResult>;
  /** Of a resumed run: the session in which the first attempt of a step continues, by step id. */
  readonly continued?: ReadonlyMap<string, Continuation>;
  /** Of a resumed run: what the runs before have used of the budget. */
  readonly usedBefore?: Used;
};

export type RunEnd = { readonly outcome: Outcome; readonly steps: ReadonlyMap<string, StepEnd> };

export type RunHandle = {
  readonly done: Promise<RunEnd>;
  readonly phase: () => ReturnType<PhaseMachine['current']>;
  /** @param now freeze the running process trees as well; else only nothing new starts */
  readonly pause: (by: string, now: boolean) => boolean;
  readonly resume: (by: string) => boolean;
  /** Ends the run; a second call cuts the grace periods short. @param by `SIGINT`, `SIGTERM`, `api` */
  readonly cancel: (by: string) => void;
};

export function startRun(options: RunOptions): RunHandle {
  const { workflow, append } = options;
  const startedAt = performance.now();
  const phase = createPhaseMachine();
  const log = createSystemLog(append);
  const budget = createBudgetMeter(workflow.budget);
  const running = new Map<string, Attempt | undefined>();
  const ended = new Map<string, Ended>();
  const ends = new Map<string, StepEnd>();
  const sessions = new Map<string, SessionRef>();
  const finished = Promise.withResolvers<RunEnd>();
  /** The run is ending, and its shell steps were left to end by themselves. */
  let spared = false;
  /** Steps that have used anything of the budget, shell steps among them. */
  const spending = new Set<string>();

  const scope: RunScope = { workflow, append, log, ended, sessions, budget, use };

  append.event({ ...options.started, ...planOf(workflow) });
  for (const step of workflow.steps) {
    const before = options.previousResults?.get(step.id);
    if (before !== undefined) skipCompletedStep(step, before);
  }
  const stopClock = watchTimeout(workflow.timeoutMs, phase, (limitMs) => {
    endRun('timeout', {
      kind: 'timeout',
      limitMs,
      message: `the run took longer than its timeout of ${formatSetDuration(limitMs)}`,
    });
  });
  const stopReporting = systemClock.onSuspended((ms) => {
    const suspendedMs = Math.round(ms);
    append.event({ type: 'run.suspended', suspendedMs });
    log('warning', `stepspan was suspended for ${formatDuration(suspendedMs)}; no timeout or wait counts that time`);
  });
  if (options.usedBefore !== undefined) account('runs before', options.usedBefore);
  // Whoever started the run gets its handle before the first step begins, and can still cancel it.
  setImmediate(scheduleReadySteps);

  /** Starts and skips what can be, and finishes the run when nothing is left. Called after every change. */
  function scheduleReadySteps(): void {
    if (phase.current().kind === 'paused') return;
    let decisions: readonly Decision[];
    do {
      if (phase.current().kind === 'ending') skipRemainingSteps();
      decisions = decide(workflow, { ended, running: new Set(running.keys()) });
      for (const decision of decisions) {
        const { kind, step } = decision;
        if (kind === 'start') launch(step);
        else if (kind === 'skip') skipStep(step, { kind, reason: decision.reason, message: decision.message });
        else refuseStep(step, decision.message);
      }
    } while (decisions.some((decision) => decision.kind !== 'start'));
    if (ended.size === workflow.steps.length && phase.current().kind !== 'finished') void finish();
  }

  function launch(step: Step): void {
    running.set(step.id, undefined);
    void runStep(step, {
      append,
      log,
      phase,
      now: () => performance.now(),
      continued: options.continued?.get(step.id),
      startAttempt(each, number, how) {
        const attempt = options.startAttempt(each, number, scope, how);
        running.set(each.id, attempt);
        return attempt;
      },
    }).then(async (end) => {
      await options.sync();
      running.delete(step.id);
      ends.set(step.id, end);
      ended.set(step.id, end);
      if (end.session !== undefined) sessions.set(step.id, end.session);
      scheduleReadySteps();
    });
  }

  function skipRemainingSteps(): void {
    for (const step of workflow.steps) {
      if (ended.has(step.id) || running.has(step.id)) continue;
      skipStep(step, { kind: 'skip', reason: 'run_ended', message: 'the run was ending before the step came up' });
    }
  }

  function refuseStep(step: Step, message: string): void {
    skipStep(step, { kind: 'error', reason: 'setup', message }, undefined, step.continueOnFailure);
  }

  function skipStep(step: Step, outcome: Outcome, before?: PreviousResult, tolerated = false): void {
    const output = stepOutputOf(before ?? noOutput);
    const spent = { attempts: 0, costUsd: 0, costUnknown: false };
    const end = { outcome, ...output, tolerated, ...spent, session: before?.session };
    append.event(
      {
        type: 'step.finished',
        outcome,
        attempts: 0,
        durationMs: 0,
        costUsd: 0,
        ...output,
        tolerated,
      },
      { step: step.id, attempt: 0 },
    );
    const [severity, what] = outcome.kind === 'skip' ? (['info', 'skipped'] as const) : (['error', 'not run'] as const);
    log(severity, `${what}: ${messageOf(outcome)}`, { step: step.id, attempt: 0 });
    ends.set(step.id, end);
    ended.set(step.id, end);
  }

  function skipCompletedStep(step: Step, before: PreviousResult): void {
    skipStep(step, { kind: 'skip', reason: 'already_done', message: 'it succeeded in the run before' }, before);
    if (before.session !== undefined) sessions.set(step.id, before.session);
  }

  function use(step: Step, attempt: number, used: Used): void {
    spending.add(step.id);
    account(`${step.id}#${attempt}`, used);
    const now = phase.current();
    // It was left to end by itself, and has started Claude Code since.
    if (spared && step.kind === 'run' && now.kind === 'ending') stopAttempt(step.id, now.outcome);
  }

  function stopAttempt(id: string, outcome: Outcome): void {
    running.get(id)?.thaw();
    running.get(id)?.stop(outcome, messageOf(outcome));
  }

  function account(key: string, used: Used): void {
    for (const crossing of budget.update(key, used)) {
      append.event(crossing);
      if (crossing.type === 'run.budget_uncertain') {
        log('warning', `the budget of the run cannot hold: ${crossing.reason}`);
      } else if (crossing.type === 'run.budget_warned') {
        log('warning', `the run has used ${Math.floor(crossing.share * 100)} % of its budget`);
      } else {
        const estimate = crossing.estimated ? ' (estimated)' : '';
        const message = `the budget of ${formatSpending(crossing.limit, crossing.unit)} is used up: ${formatSpending(crossing.used, crossing.unit)}${estimate}`;
        endRun('budget', { kind: 'error', reason: 'budget', message }, 'claude');
      }
    }
  }

  /** @param which steps to stop: a used-up budget lets shell steps end by themselves that start no Claude Code */
  function endRun(by: string, outcome: Outcome, which: 'all' | 'claude' = 'all'): void {
    // What a used-up budget has spared can still be cancelled, or outlive the run's timeout; the run's outcome stays.
    if (!phase.end(outcome) && !(spared && which === 'all')) return;
    spared = which === 'claude';
    append.event({ type: 'run.cancelling', by });
    log('warning', `ending the run: ${messageOf(outcome)}`);
    for (const [id, attempt] of running) {
      const kind = workflow.steps.find((step) => step.id === id)?.kind;
      attempt?.thaw();
      if (which === 'all' || kind === 'claude' || spending.has(id)) attempt?.stop(outcome, messageOf(outcome));
    }
    scheduleReadySteps();
  }

  async function finish(): Promise<void> {
    const before = phase.current();
    phase.finish();
    stopClock();
    stopReporting();
    await options.endLeftoverProcesses();
    const outcome = before.kind === 'ending' ? before.outcome : outcomeOf(workflow, ended);
    append.event({
      type: 'run.finished',
      outcome,
      durationMs: Math.round(performance.now() - startedAt),
      pausedMs: Math.round(phase.pausedMs()),
      costUsd: sumUsd([...ends.values()].map((end) => end.costUsd)),
      costUnknown: [...ends.values()].some((end) => end.costUnknown),
    });
    await options.sync();
    finished.resolve({ outcome, steps: ends });
  }

  return {
    done: finished.promise,
    phase: phase.current,
    pause(by, now) {
      if (!phase.pause(now)) return false;
      append.event({ type: 'run.paused', by, now });
      if (now) for (const attempt of running.values()) attempt?.freeze();
      return true;
    },
    resume(by) {
      const pausedMs = phase.resume();
      if (pausedMs === undefined) return false;
      append.event({ type: 'run.resumed', by, pausedMs: Math.round(pausedMs) });
      for (const attempt of running.values()) attempt?.thaw();
      scheduleReadySteps();
      return true;
    },
    cancel(by) {
      if (phase.current().kind === 'ending' && !spared) {
        for (const attempt of running.values()) attempt?.killNow();
        return;
      }
      endRun(by, { kind: 'cancellation', message: `cancelled by ${by}` });
    },
  };
}

/** How often a run's own timeout is looked at, in milliseconds: a run is timed in minutes, a pause moves its end. */
const timeoutLookMs = 200;

function watchTimeout(
  limitMs: number | undefined,
  phase: PhaseMachine,
  onTimeout: (limitMs: number) => void,
): () => void {
  if (limitMs === undefined) return () => undefined;
  const startedAt = systemClock.now();
  const look = (): void => {
    if (systemClock.now() - startedAt - phase.pausedMs() >= limitMs) onTimeout(limitMs);
    else cancel = systemClock.after(Math.min(timeoutLookMs, limitMs), look);
  };
  let cancel = systemClock.after(Math.min(timeoutLookMs, limitMs), look);
  return () => cancel();
}
