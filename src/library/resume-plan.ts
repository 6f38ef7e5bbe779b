// Which steps of a run that continues an earlier one are kept, which run, and why. Pure: what the earlier run has left and
// what has changed since are given. Asked by resume.ts, before anything is started, and by `stepspan resume --plan`.
import { messageOf } from '../core/outcome.ts';
import { classifyApiError } from '../run/index.ts';
import { topologicalOrder, type Workflow } from '../workflow/index.ts';
import type { PastSession, PastStep } from './read-past.ts';

export type StepPlan = {
  readonly id: string;
  /** `skip`: its `when` was false and is not asked again, as nothing before it runs. */
  readonly action: 'keep' | 'run' | 'skip';
  /** One phrase. */
  readonly why: string;
  /** Of a Claude step that runs: the session in which it continues; undefined if it starts a new one. */
  readonly session: PastSession | undefined;
  /** What the step has used up to now: what keeping it saves. */
  readonly costUsd: number;
  readonly durationMs: number;
};

export type PlanInputs = {
  /** The workflow that is to run. */
  readonly workflow: Workflow;
  readonly past: ReadonlyMap<string, PastStep>;
  /** What has changed of a step since, in the words of the file; empty if the workflow of the earlier run is used. */
  readonly changesOf: (id: string) => readonly string[];
  /** This step and all that need it run, however they ended. */
  readonly fromStep: string | undefined;
  /** No step continues in its session. */
  readonly fresh: boolean;
};

/** One entry for each step of the workflow, in the order of the file. */
export function planSteps(inputs: PlanInputs): readonly StepPlan[] {
  const { workflow, past } = inputs;
  const plans = new Map<string, StepPlan>();
  for (const step of topologicalOrder(workflow.steps)) {
    const before = past.get(step.id);
    const { action, why } = decide(step.id, step.needs, inputs, plans);
    const needsStand = step.needs.every((need) => plans.get(need)?.action !== 'run');
    const canContinue = step.kind === 'claude' && action === 'run' && !inputs.fresh && step.id !== inputs.fromStep;
    const isSame = inputs.changesOf(step.id).length === 0;
    const session =
      canContinue && needsStand && isSame && before !== undefined && isInterrupted(before.end)
        ? before.session
        : undefined;
    const { costUsd = 0, durationMs = 0 } = before ?? {};
    plans.set(step.id, { id: step.id, action, why, session, costUsd, durationMs });
  }
  return workflow.steps.flatMap(({ id }) => plans.get(id) ?? []);
}

/** What was stopped in the middle of its work can continue; a step that itself failed starts again. */
export function isInterrupted(end: PastStep['end']): boolean {
  if (end.kind === 'cut_off') return true;
  if (end.kind !== 'ended') return false;
  const { outcome } = end;
  switch (outcome.kind) {
    case 'timeout':
    case 'cancellation':
      return true;
    case 'error':
      return outcome.reason !== 'spawn' && outcome.reason !== 'setup';
    case 'failure':
      return outcome.reason === 'claude_error' && isApiTrouble(outcome.message);
    case 'success':
    case 'skip':
      return false;
  }
}

/** The API did not answer or had no room: that cuts work off, and says nothing about it. */
function isApiTrouble(message: string): boolean {
  const kind = classifyApiError({ text: message });
  return kind === 'overloaded' || kind === 'rate_limited' || kind === 'network';
}

type Decision = Pick<StepPlan, 'action' | 'why'>;

function decide(
  id: string,
  needs: readonly string[],
  { past, changesOf, fromStep }: PlanInputs,
  plans: ReadonlyMap<string, StepPlan>,
): Decision {
  if (id === fromStep) return { action: 'run', why: 'you asked for it' };
  const changes = changesOf(id);
  if (changes.length > 0) {
    const [first = ''] = changes;
    const why = changes.length === 1 && first.startsWith('new ') ? `it is ${first}` : `changed: ${changes.join(', ')}`;
    return { action: 'run', why };
  }
  const end: PastStep['end'] = past.get(id)?.end ?? { kind: 'not_reached' };
  if (end.kind === 'ended') return { action: 'run', why: `it ended in ${describeEnd(end)}` };
  if (end.kind === 'cut_off' || end.kind === 'unreadable') return { action: 'run', why: describeEnd(end) };
  const rerun = needs.find((need) => plans.get(need)?.action === 'run');
  if (rerun !== undefined) return { action: 'run', why: `step \`${rerun}\`, which it needs, runs` };
  switch (end.kind) {
    case 'not_reached':
      return { action: 'run', why: 'it was not reached' };
    case 'switched_off':
      return { action: 'skip', why: 'its `when` was false' };
    case 'succeeded':
      return { action: 'keep', why: 'it succeeded, and nothing that it depends on runs' };
  }
}

/** How a step ended, in one phrase that can follow `because`. */
export function describeEnd(end: PastStep['end']): string {
  if (end.kind === 'cut_off') return 'the run was killed while it ran';
  if (end.kind === 'unreadable') return 'the record of its end is damaged';
  if (end.kind !== 'ended') return end.kind.replaceAll('_', ' ');
  const message = messageOf(end.outcome);
  return message === '' ? end.outcome.kind : `${end.outcome.kind}: ${message}`;
}
