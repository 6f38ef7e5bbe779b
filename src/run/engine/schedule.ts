// Which step comes next: pure decisions over the workflow and what has ended so far, so that every order of endings can be
// tested without running anything. Called by run-workflow.ts after every change.
import { isReused, type Outcome } from '../../core/outcome.ts';
import type { StepOutput } from '../../core/step-output.ts';
import { evaluate, isTrue } from '../../workflow/expression/evaluate.ts';
import { ancestorsOf } from '../../workflow/graph.ts';
import type { Expression, Step, Workflow } from '../../workflow/workflow.ts';

/** What is known of a step that has ended. */
export type Ended = StepOutput & {
  readonly outcome: Outcome;
  /** It failed, and `continueOnFailure` says that this is all right. */
  readonly tolerated: boolean;
};

export type Progress = {
  readonly ended: ReadonlyMap<string, Ended>;
  readonly running: ReadonlySet<string>;
};

export type Decision =
  | { readonly kind: 'start'; readonly step: Step }
  | { readonly kind: 'skip'; readonly step: Step; readonly reason: 'when' | 'need'; readonly message: string }
  /** Its `when` has no value, for example because it asks for a field of an output that is not JSON. */
  | { readonly kind: 'refuse'; readonly step: Step; readonly message: string };

/**
 * Everything that can be decided now, in the order of the file: steps to skip, and steps to start up to
 * `workflow.concurrency` at once; one that only waits for a person takes no place. Empty while all that is left waits for a
 * running step.
 */
export function decide(workflow: Workflow, progress: Progress): readonly Decision[] {
  const decisions: Decision[] = [];
  const takesPlace = (step: Step): boolean => step.kind !== 'approve';
  const busy = workflow.steps.filter((step) => progress.running.has(step.id) && takesPlace(step));
  let free = workflow.concurrency - busy.length;
  for (const step of workflow.steps) {
    if (progress.ended.has(step.id) || progress.running.has(step.id)) continue;
    if (!step.needs.every((need) => progress.ended.has(need))) continue;
    const reason = blockingReason(workflow, step, progress.ended);
    if (reason !== undefined) {
      decisions.push({ step, ...reason });
    } else if (free > 0 || !takesPlace(step)) {
      if (takesPlace(step)) free -= 1;
      decisions.push({ kind: 'start', step });
    }
  }
  return decisions;
}

/** Whether a step that ended so lets those that need it run. */
export function isOk(ended: Ended): boolean {
  const { outcome } = ended;
  return outcome.kind === 'success' || ended.tolerated || isReused(outcome);
}

type BlockingReason =
  | { readonly kind: 'skip'; readonly reason: 'when' | 'need'; readonly message: string }
  | { readonly kind: 'refuse'; readonly message: string };

function blockingReason(workflow: Workflow, step: Step, ended: ReadonlyMap<string, Ended>): BlockingReason | undefined {
  const { when } = step;
  switch (when.kind) {
    case 'always':
      return undefined;
    case 'failure':
      return [...ancestorsOf(workflow.steps, step.id)].some((id) => hasFailed(ended.get(id)))
        ? undefined
        : { kind: 'skip', reason: 'when', message: 'its `when` is failure() and no step before it failed' };
    case 'success':
      return unmetNeed(step.needs, ended);
    case 'expression': {
      // A need whose outcome the expression asks about is judged by the expression: a step that runs
      // `when: steps.lint.outcome == 'failure'` could otherwise never run.
      const judged = outcomesAskedFor(when.expression);
      const unmet = unmetNeed(
        step.needs.filter((need) => !judged.has(need)),
        ended,
      );
      if (unmet !== undefined) return unmet;
      const value = evaluate(when.expression, { params: workflow.paramValues, steps: ended });
      if (!value.ok) return { kind: 'refuse', message: `its \`when\` has no value: ${value.message}` };
      return isTrue(value.value) ? undefined : { kind: 'skip', reason: 'when', message: 'its `when` is false' };
    }
  }
}

function unmetNeed(needs: readonly string[], ended: ReadonlyMap<string, Ended>): BlockingReason | undefined {
  for (const need of needs) {
    const known = ended.get(need);
    if (known !== undefined && !isOk(known)) {
      return {
        kind: 'skip',
        reason: 'need',
        message: `step \`${need}\`, which it needs, ended in ${known.outcome.kind}`,
      };
    }
  }
  return undefined;
}

function hasFailed(ended: Ended | undefined): boolean {
  return ended !== undefined && ended.outcome.kind !== 'success' && ended.outcome.kind !== 'skip';
}

/** The ids X of all `steps.X.outcome` in the expression. */
function outcomesAskedFor(expression: Expression): ReadonlySet<string> {
  const ids = new Set<string>();
  const visit = (node: Expression): void => {
    switch (node.kind) {
      case 'literal':
        return;
      case 'reference': {
        const [root, id, field] = node.path;
        if (root === 'steps' && id !== undefined && field === 'outcome') ids.add(id);
        return;
      }
      case 'not':
        visit(node.operand);
        return;
      case 'binary':
        visit(node.left);
        visit(node.right);
        return;
    }
  };
  visit(expression);
  return ids;
}
