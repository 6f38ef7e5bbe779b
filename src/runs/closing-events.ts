// The events that a run lacks if its stepspan was killed: the ends of its attempts, of its steps and of itself. Pure.
// Durations end at the last record that stepspan wrote. Who adopts the run writes them; until then views show the run with them.
import type { Event, EventOf } from '../core/event.ts';
import type { Outcome } from '../core/outcome.ts';
import { answeredEvent } from '../core/question-event.ts';
import type { Subject } from '../core/record.ts';
import { noOutput, type StepOutput } from '../core/step-output.ts';
import { msOfNs } from '../core/time.ts';
import { foldAll } from './fold-run.ts';
import { totalCost } from './model-use.ts';
import type { AttemptState, OpenQuestion, RunState, StepState } from './run-state.ts';
import { notClosedYet, runStatus } from './run-status.ts';

export type FoundOfSteps = {
  /** What they have printed for later steps, by step id. */
  readonly outputs: ReadonlyMap<string, StepOutput>;
  /** Ids of steps in which Claude Code was still running. */
  readonly withClaude: ReadonlySet<string>;
};

const nothingFound: FoundOfSteps = { outputs: new Map(), withClaude: new Set() };

export type ClosingEvent = { readonly event: Event; readonly subject: Subject | undefined };

/**
 * @param outcome of the run, and of each of its attempts and steps that were under way
 * @param found of these steps, by the process that closes the run
 */
export function closingEvents(state: RunState, outcome: Outcome, found: FoundOfSteps = nothingFound): ClosingEvent[] {
  return [
    ...state.steps.flatMap((step) => closeStep(step, { outcome, lastNs: state.lastNs, found })),
    {
      subject: undefined,
      event: {
        type: 'run.finished',
        outcome,
        durationMs: since(state.startedNs, state.lastNs),
        pausedMs: state.pauses.totalMs,
        costUsd: state.costUsd,
        ...(state.costBasis === 'unknown' || state.steps.some((step) => isCostUnknown(step, found))
          ? { costUnknown: true }
          : {}),
      },
    },
  ];
}

/** A run whose stepspan was killed, with its closing events: what ran has ended with it, also before anybody closes the run. */
export function closeIfKilled(run: RunState, isWriterGone: boolean): RunState {
  if (runStatus(run, isWriterGone).state !== 'abandoned') return run;
  const outcome = { kind: 'error', reason: 'abandoned', message: notClosedYet(run) } as const;
  const records = closingEvents(run, outcome).map(({ event, subject }, index) => ({
    kind: 'event' as const,
    seq: run.nextSeq + index,
    timeNs: run.lastNs,
    subject,
    event,
  }));
  return foldAll(records, run);
}

type Closing = { readonly outcome: Outcome; readonly lastNs: bigint; readonly found: FoundOfSteps };

function closeStep(step: StepState, closing: Closing): ClosingEvent[] {
  switch (step.phase.kind) {
    case 'finished':
      return [];
    case 'planned': {
      const message = 'stepspan was killed before the step started';
      return [stepEnd(step, { ...closing, outcome: { kind: 'skip', reason: 'run_ended', message } }, 0)];
    }
    case 'running':
    case 'retrying':
    case 'waiting':
      return [
        ...step.attempts.flatMap((attempt) => closeAttempt(step, attempt, closing)),
        stepEnd(step, closing, since(step.startedNs, closing.lastNs)),
      ];
  }
}

function closeAttempt(step: StepState, attempt: AttemptState, { outcome, lastNs, found }: Closing): ClosingEvent[] {
  if (attempt.phase.kind === 'finished') return [];
  const subject = { step: step.id, attempt: attempt.number };
  const cost = lastCost(step, attempt, found);
  const { resources } = attempt;
  return [
    ...step.questions
      .filter((question) => question.attempt === attempt.number)
      .map((question) => ({ subject, event: closeQuestion(question, lastNs) })),
    ...(cost === undefined ? [] : [{ subject, event: cost }]),
    {
      subject,
      event: {
        type: 'attempt.finished',
        outcome,
        durationMs: since(attempt.startedNs, lastNs),
        pausedMs: 0,
        cpuSeconds: resources?.cpuSeconds ?? 0,
        maxRssBytes: resources?.maxRssBytes ?? 0,
        lines: attempt.lines,
      },
    },
  ];
}

/** Claude Code outlives a killed stepspan: it continues to call the API until somebody adopts the run. */
const unseenAfterKill = 'stepspan was killed while Claude Code was running, and what it used after that is not known';

/** What is known of the cost of an attempt that has no end; undefined if it is recorded, or if no Claude Code was seen in it. */
function lastCost(
  { id, kind }: StepState,
  { cost }: AttemptState,
  { withClaude }: FoundOfSteps,
): EventOf<'claude.cost'> | undefined {
  const ranClaude = kind === 'claude' || withClaude.has(id);
  if (cost.kind === 'final' || (cost.kind === 'none' && !ranClaude)) return undefined;
  const models = cost.kind === 'live' ? cost.models : {};
  return {
    type: 'claude.cost',
    costUsd: totalCost(models),
    estimated: true,
    unknown: unseenAfterKill,
    models: Object.values(models),
  };
}

function isCostUnknown(step: StepState, found: FoundOfSteps): boolean {
  const isOpen = ({ phase }: AttemptState): boolean => phase.kind !== 'finished';
  return (
    step.costBasis === 'unknown' ||
    step.attempts.some((attempt) => isOpen(attempt) && lastCost(step, attempt, found) !== undefined)
  );
}

/** Nobody can answer it now, and nothing was allowed: what asked is gone. */
function closeQuestion({ questionId, kind, toolUseId, sinceNs }: OpenQuestion, lastNs: bigint): Event {
  return answeredEvent(
    { questionId, kind, toolUseId },
    { answer: 'unanswered', by: 'stepspan', from: 'stepspan', waitedMs: since(sinceNs, lastNs), text: '' },
  );
}

function stepEnd(step: StepState, { outcome, found }: Closing, durationMs: number): ClosingEvent {
  const attempts = step.attempts.length;
  return {
    // As in the engine: a step that never started ends in attempt 0.
    subject: { step: step.id, attempt: outcome.kind === 'skip' ? 0 : Math.max(attempts, 1) },
    event: {
      type: 'step.finished',
      outcome,
      attempts,
      durationMs,
      costUsd: step.costUsd,
      ...(isCostUnknown(step, found) ? { costUnknown: true } : {}),
      ...(found.outputs.get(step.id) ?? noOutput),
      tolerated: false,
    },
  };
}

function since(startedNs: bigint | undefined, endNs: bigint): number {
  return startedNs === undefined ? 0 : Math.max(0, msOfNs(endNs) - msOfNs(startedNs));
}
