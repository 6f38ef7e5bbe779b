// The events that a run lacks if its stepspan was killed: the ends of its attempts, of its steps and of itself. Pure.
// Durations end at the last record that stepspan wrote.
import type { Event } from '../core/event.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Subject } from '../core/record.ts';
import { noOutput } from '../core/step-output.ts';
import { type AttemptState, msOfNs, type RunState, type StepState, totalCost } from '../runs/index.ts';

export type ClosingEvent = { readonly event: Event; readonly subject: Subject | undefined };

/** @param outcome of the run, and of each of its attempts and steps that were under way */
export function closingEvents(state: RunState, outcome: Outcome): ClosingEvent[] {
  return [
    ...state.steps.flatMap((step) => closeStep(step, outcome, state.lastNs)),
    {
      subject: undefined,
      event: {
        type: 'run.finished',
        outcome,
        durationMs: since(state.startedNs, state.lastNs),
        pausedMs: state.pauses.totalMs,
        costUsd: state.costUsd,
        ...(state.costBasis === 'unknown' ? { costUnknown: true } : {}),
      },
    },
  ];
}

function closeStep(step: StepState, outcome: Outcome, lastNs: bigint): ClosingEvent[] {
  switch (step.phase.kind) {
    case 'finished':
      return [];
    case 'planned': {
      const message = 'stepspan was killed before the step started';
      return [stepEnd(step, { kind: 'skip', reason: 'run_ended', message }, 0)];
    }
    case 'running':
    case 'retrying':
    case 'waiting':
      return [
        ...step.attempts.flatMap((attempt) => closeAttempt(step.id, attempt, outcome, lastNs)),
        stepEnd(step, outcome, since(step.startedNs, lastNs)),
      ];
  }
}

function closeAttempt(step: string, attempt: AttemptState, outcome: Outcome, lastNs: bigint): ClosingEvent[] {
  if (attempt.phase.kind === 'finished') return [];
  const subject = { step, attempt: attempt.number };
  const { cost, resources } = attempt;
  // The sum of its model calls is all that will ever be known of its cost.
  const costs: ClosingEvent[] =
    cost.kind === 'live'
      ? [
          {
            subject,
            event: {
              type: 'claude.cost',
              costUsd: totalCost(cost.models),
              estimated: true,
              models: Object.values(cost.models),
            },
          },
        ]
      : [];
  return [
    ...costs,
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

function stepEnd(step: StepState, outcome: Outcome, durationMs: number): ClosingEvent {
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
      ...(step.costBasis === 'unknown' ? { costUnknown: true } : {}),
      ...noOutput,
      tolerated: false,
    },
  };
}

function since(startedNs: bigint | undefined, endNs: bigint): number {
  return startedNs === undefined ? 0 : Math.max(0, msOfNs(endNs) - msOfNs(startedNs));
}
