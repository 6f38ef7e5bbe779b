// A run from its first event to its last: starts the steps that are ready, pauses or ends them on request, and says what their
// outcomes come to. It reads as the table of contents of a run: run-step.ts has the attempts of a step, schedule.ts what is next.
import { formatSpending, sumUsd } from '../../core/cost.ts';
import { formatDuration, formatSetDuration } from '../../core/duration.ts';
import type { EventOf, PlannedStep } from '../../core/event.ts';
import { isReused, messageOf, type Outcome } from '../../core/outcome.ts';
import type { Append } from '../../core/record.ts';
import { noOutput, type StepOutput, stepOutputOf } from '../../core/step-output.ts';
import { printWhen } from '../../workflow/expression/when.ts';
import type { Step, Workflow } from '../../workflow/workflow.ts';
import { systemClock } from '../process/index.ts';
import type { Attempt, AttemptPlan, AttemptTurns, Continuation, SessionRef } from './attempt.ts';
import { type BudgetMeter, createBudgetMeter, type Used } from './budget.ts';
import { type Answerer, type AnswerResult, createQuestions, type Questions } from './questions.ts';
import { createPhaseMachine, type PhaseMachine } from './run-phase.ts';
import { runStep, type StepEnd } from './run-step.ts';
import { type Decision, decide, type Ended, isOk } from './schedule.ts';
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
  readonly questions: Questions;
  /** Reports what an attempt has cost so far. Crossing the budget ends the run. */
  readonly use: (step: Step, attempt: number, used: Used) => void;
};

/** A step that a resumed run does not repeat. */
export type PreviousResult = StepOutput & { readonly session: SessionRef | undefined };

export type RunOptions = {
  readonly workflow: Workflow;
  readonly append: Append;
  /** `run.started` but for what the workflow says itself. */
  readonly started: Pick<
    EventOf<'run.started'>,
    | 'runId'
    | 'traceId'
    | 'definition'
    | 'writer'
    | 'stepspanVersion'
    | 'resumedFrom'
    | 'labels'
    | 'versionControl'
    | 'ci'
    | 'publicUrl'
    | 'startedBy'
    | 'resumedFromTraceId'
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
  /** Answers an open question of a step. The first answer wins; a later one is refused with a sentence. */
  readonly answer: Questions['answer'];
  /** Sends a message to Claude Code in a step, or says in a sentence why that cannot be done. */
  readonly message: (step: string, text: string, who: Answerer) => AnswerResult;
  /** Ends the turn of Claude Code in a step, which then asks how to continue; or says why that cannot be done. */
  readonly interrupt: (step: string, who: Answerer) => AnswerResult;
};

/** What ends with a run: everything at once, or Claude Code and approvals alone. A used-up budget lets shell steps finish that cost nothing. */
type Ending = 'all' | 'claudeOnly';

/** A run under way: what the functions below share. */
type Run = ReturnType<typeof openRun> & {
  /** Set when the run is ending. */
  ending?: Ending;
  stopWatching?: readonly (() => void)[];
};

function openRun(options: RunOptions) {
  const { workflow, append } = options;
  return {
    options,
    workflow,
    append,
    log: createSystemLog(append),
    startedAt: performance.now(),
    phase: createPhaseMachine(),
    budget: createBudgetMeter(workflow.budget),
    questions: createQuestions(append),
    /** Steps that are running, with their attempt once there is one. */
    running: new Map<string, Attempt | undefined>(),
    ended: new Map<string, Ended>(),
    ends: new Map<string, StepEnd>(),
    sessions: new Map<string, SessionRef>(),
    /** Steps that have used anything of the budget, shell steps among them. */
    spending: new Set<string>(),
    finished: Promise.withResolvers<RunEnd>(),
  };
}

export function startRun(options: RunOptions): RunHandle {
  const run: Run = openRun(options);
  const { workflow, append, log, phase } = run;
  append.event({ ...options.started, ...planOf(workflow) });
  for (const step of workflow.steps) {
    const before = options.previousResults?.get(step.id);
    if (before !== undefined) skipCompletedStep(run, step, before);
  }
  const stopClock = watchTimeout(workflow.timeoutMs, phase, (limitMs) => {
    const message = `the run took longer than its timeout of ${formatSetDuration(limitMs)}`;
    endRun(run, 'timeout', { kind: 'timeout', limitMs, message });
  });
  const stopReporting = systemClock.onSuspended((ms) => {
    const suspendedMs = Math.round(ms);
    append.event({ type: 'run.suspended', suspendedMs });
    log('warning', `stepspan was suspended for ${formatDuration(suspendedMs)}; no timeout or wait counts that time`);
  });
  run.stopWatching = [stopClock, stopReporting];
  if (options.usedBefore !== undefined) recordUse(run, 'runs before', options.usedBefore);
  // The caller gets its handle before the first step begins, and can still cancel the run.
  setImmediate(scheduleReadySteps, run);

  return {
    done: run.finished.promise,
    phase: phase.current,
    answer: run.questions.answer,
    message: (step, text, who) => steerTurns(run, step, 'takes no messages', (turns) => turns.sendMessage(text, who)),
    interrupt(step, who) {
      const now = phase.current();
      if (now.kind === 'paused' && now.now)
        return { ok: false, message: 'its processes are frozen; continue it first' };
      return steerTurns(run, step, 'cannot be interrupted', (turns) => turns.interrupt(who));
    },
    pause(by, now) {
      if (!phase.pause(now)) return false;
      append.event({ type: 'run.paused', by, now });
      for (const attempt of run.running.values()) {
        if (now) attempt?.freeze();
        else attempt?.turns?.pause({ by, from: 'stepspan' });
      }
      return true;
    },
    resume(by) {
      const pausedMs = phase.resume();
      if (pausedMs === undefined) return false;
      append.event({ type: 'run.resumed', by, pausedMs: Math.round(pausedMs) });
      for (const attempt of run.running.values()) {
        attempt?.thaw();
        attempt?.turns?.resume();
      }
      scheduleReadySteps(run);
      return true;
    },
    cancel(by) {
      if (phase.current().kind === 'ending' && run.ending !== 'claudeOnly') {
        for (const attempt of run.running.values()) attempt?.killNow();
        return;
      }
      endRun(run, by, { kind: 'cancellation', message: `cancelled by ${by}` });
    },
  };
}

/** @param cannot what a step does not do that has no conversation */
function steerTurns(
  { workflow, running, ended }: Run,
  id: string,
  cannot: string,
  steer: (turns: AttemptTurns) => AnswerResult,
): AnswerResult {
  const no = (message: string): AnswerResult => ({ ok: false, message });
  const step = workflow.steps.find((each) => each.id === id);
  if (step === undefined) return no(`it has no step \`${id}\``);
  if (step.kind === 'run') return no(`step \`${id}\` is a command, and ${cannot}`);
  if (step.kind === 'approve') return no(`step \`${id}\` waits for an approval, and ${cannot}`);
  if (ended.has(id)) return no(`step \`${id}\` has ended`);
  const attempt = running.get(id);
  if (attempt === undefined) return no(`step \`${id}\` is not running`);
  if (attempt.turns === undefined) return no(`step \`${id}\` ${cannot}; give it \`ask\` in the workflow`);
  return steer(attempt.turns);
}

/** Starts and skips what can be, and finishes the run when nothing is left. Called after every change. */
function scheduleReadySteps(run: Run): void {
  const { workflow, phase, running, ended } = run;
  if (phase.current().kind === 'paused') return;
  let decisions: readonly Decision[];
  do {
    if (phase.current().kind === 'ending') skipRemainingSteps(run);
    decisions = decide(workflow, { ended, running: new Set(running.keys()) });
    for (const { step, ...decision } of decisions) {
      switch (decision.kind) {
        case 'start':
          startStep(run, step);
          break;
        case 'skip':
          skipStep(run, step, { kind: 'skip', reason: decision.reason, message: decision.message });
          break;
        case 'refuse':
          skipStep(run, step, { kind: 'error', reason: 'setup', message: decision.message });
          break;
      }
    }
  } while (decisions.some((decision) => decision.kind !== 'start'));
  if (ended.size === workflow.steps.length && phase.current().kind !== 'finished') void finishRun(run);
}

function startStep(run: Run, step: Step): void {
  const { append, log, phase, options, running } = run;
  running.set(step.id, undefined);
  const { workflow, ended, sessions, budget, questions } = run;
  const use = (each: Step, attempt: number, used: Used): void => recordStepUse(run, each, attempt, used);
  const scope: RunScope = { workflow, append, log, ended, sessions, budget, questions, use };
  const done = runStep(step, {
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
  });
  void done.then(async (end) => {
    await options.sync();
    running.delete(step.id);
    recordEnd(run, step, end);
    scheduleReadySteps(run);
  });
}

function recordEnd({ ends, ended, sessions }: Run, step: Step, end: StepEnd): void {
  ends.set(step.id, end);
  ended.set(step.id, end);
  if (end.session !== undefined) sessions.set(step.id, end.session);
}

function skipRemainingSteps(run: Run): void {
  for (const step of run.workflow.steps) {
    if (run.ended.has(step.id) || run.running.has(step.id)) continue;
    skipStep(run, step, { kind: 'skip', reason: 'run_ended', message: 'the run was ending before the step came up' });
  }
}

function skipCompletedStep(run: Run, step: Step, before: PreviousResult): void {
  skipStep(run, step, { kind: 'skip', reason: 'already_done', message: 'it succeeded in the run before' }, before);
}

/** Ends a step that is not run: skipped, or with the error that keeps it from starting. */
function skipStep(run: Run, step: Step, outcome: Outcome, before?: PreviousResult): void {
  const output = stepOutputOf(before ?? noOutput);
  const tolerated = outcome.kind === 'error' && step.continueOnFailure;
  const subject = { step: step.id, attempt: 0 };
  const facts = { outcome, attempts: 0, costUsd: 0, ...output, tolerated };
  run.append.event({ type: 'step.finished', durationMs: 0, ...facts }, subject);
  const what = outcome.kind !== 'skip' ? 'not run' : isReused(outcome) ? 'reused' : 'skipped';
  run.log(what === 'not run' ? 'error' : 'info', `${what}: ${messageOf(outcome)}`, subject);
  recordEnd(run, step, { ...facts, costUnknown: false, session: before?.session });
}

function recordStepUse(run: Run, step: Step, attempt: number, used: Used): void {
  run.spending.add(step.id);
  recordUse(run, `${step.id}#${attempt}`, used);
  const now = run.phase.current();
  // It was left to end by itself, and has started Claude Code since.
  if (run.ending === 'claudeOnly' && step.kind === 'run' && now.kind === 'ending')
    stopAttempt(run, step.id, now.outcome);
}

function recordUse(run: Run, key: string, used: Used): void {
  for (const crossing of run.budget.update(key, used)) {
    run.append.event(crossing);
    if (crossing.type === 'run.budget_uncertain') {
      run.log('warning', `the budget of the run cannot hold: ${crossing.reason}`);
    } else if (crossing.type === 'run.budget_warned') {
      run.log('warning', `the run has used ${Math.floor(crossing.share * 100)} % of its budget`);
    } else {
      const [limit, spent] = [crossing.limit, crossing.used].map((amount) => formatSpending(amount, crossing.unit));
      const message = `the budget of ${limit} is used up: ${spent}${crossing.estimated ? ' (estimated)' : ''}`;
      endRun(run, 'budget', { kind: 'error', reason: 'budget', message }, 'claudeOnly');
    }
  }
}

function endRun(run: Run, by: string, outcome: Outcome, ending: Ending = 'all'): void {
  // A run whose shell steps were left to end can still be cancelled or reach its timeout; its outcome stays.
  if (!run.phase.end(outcome) && !(run.ending === 'claudeOnly' && ending === 'all')) return;
  run.ending = ending;
  run.append.event({ type: 'run.cancelling', by });
  run.log('warning', `ending the run: ${messageOf(outcome)}`);
  for (const [id, attempt] of run.running) {
    const isShell = run.workflow.steps.find((step) => step.id === id)?.kind === 'run';
    if (ending === 'all' || !isShell || run.spending.has(id)) stopAttempt(run, id, outcome);
    else attempt?.thaw();
  }
  scheduleReadySteps(run);
}

function stopAttempt({ running }: Run, id: string, outcome: Outcome): void {
  const attempt = running.get(id);
  attempt?.thaw();
  attempt?.stop(outcome, messageOf(outcome));
}

async function finishRun(run: Run): Promise<void> {
  const { options, phase, append, workflow, ended, ends } = run;
  const before = phase.current();
  phase.finish();
  for (const stop of run.stopWatching ?? []) stop();
  await options.endLeftoverProcesses();
  const outcome = before.kind === 'ending' ? before.outcome : outcomeOf(workflow, ended);
  append.event({
    type: 'run.finished',
    outcome,
    durationMs: Math.round(performance.now() - run.startedAt),
    pausedMs: Math.round(phase.pausedMs()),
    costUsd: sumUsd([...ends.values()].map((end) => end.costUsd)),
    costUnknown: [...ends.values()].some((end) => end.costUnknown),
  });
  await options.sync();
  run.finished.resolve({ outcome, steps: ends });
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

/** The run's own outcome, if nothing ended it from outside. */
function outcomeOf(workflow: Workflow, ended: ReadonlyMap<string, Ended>): Outcome {
  const failed = workflow.steps.filter((step) => {
    const end = ended.get(step.id);
    return end !== undefined && end.outcome.kind !== 'skip' && !isOk(end);
  });
  const [first] = failed;
  if (first === undefined) return { kind: 'success' };
  const outcomes = failed.map((step) => ended.get(step.id)?.outcome);
  const cause = outcomes[0] ?? { kind: 'success' };
  const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
  const message = `step \`${first.id}\`: ${messageOf(cause)}${others}`;
  // If no step failed by its own word, the surroundings of the steps have to be fixed, and not their work.
  if (cause.kind === 'error' && outcomes.every((outcome) => outcome?.kind === 'error'))
    return { kind: 'error', reason: cause.reason, message };
  return { kind: 'failure', reason: 'step_failed', message };
}

/** What `run.started` says of the workflow. */
function planOf(workflow: Workflow) {
  return {
    type: 'run.started',
    workflow: workflow.name,
    description: workflow.description,
    file: workflow.file,
    params: workflow.paramValues,
    steps: workflow.steps.map(
      ({ id, name, kind, needs, when, retries }): PlannedStep => ({
        ...{ id, name, kind, needs },
        ...(when.kind !== 'success' && { when: printWhen(when) }),
        ...(retries.max > 0 && { maxAttempts: retries.max + 1 }),
      }),
    ),
    cwd: workflow.cwd,
    concurrency: workflow.concurrency,
    budgetUsd: workflow.budget.usd,
    budgetTokens: workflow.budget.tokens,
  } as const;
}
