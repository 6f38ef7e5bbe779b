// What follows from a workflow alone at both ends of a run: what its first event says of it, and what the outcomes of its
// steps come to. Pure.
import type { PlannedStep } from '../../core/event.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import type { Workflow } from '../../workflow/workflow.ts';
import { type Ended, isOk } from './schedule.ts';

/** The run's own outcome, where nothing ended it from outside. */
export function outcomeOf(workflow: Workflow, ended: ReadonlyMap<string, Ended>): Outcome {
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
  // Nothing said of itself that it failed: then it is what the steps run on that has to be put right, not their work.
  if (cause.kind === 'error' && outcomes.every((outcome) => outcome?.kind === 'error'))
    return { kind: 'error', reason: cause.reason, message };
  return { kind: 'failure', reason: 'step_failed', message };
}

/** What `run.started` says of the workflow. */
export function planOf(workflow: Workflow) {
  return {
    type: 'run.started',
    workflow: workflow.name,
    description: workflow.description,
    file: workflow.file,
    params: workflow.paramValues,
    steps: workflow.steps.map(
      (step): PlannedStep => ({ id: step.id, name: step.name, kind: step.kind, needs: step.needs }),
    ),
    cwd: workflow.cwd,
    concurrency: workflow.concurrency,
    budgetUsd: workflow.budget.usd,
    budgetTokens: workflow.budget.tokens,
  } as const;
}
