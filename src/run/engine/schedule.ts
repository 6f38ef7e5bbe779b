// Which step comes next: pure decisions over the workflow and what has ended so far.
// Knows no process and no time, so that every order of endings can be tested without running anything.
import type { Outcome } from '../../event/outcome.ts';
import type { Expression, Step, Workflow } from '../../workflow/workflow.ts';

/** What is known of a step that has ended. */
export type Ended = {
  readonly outcome: Outcome;
  readonly output: string;
  /** It failed, and `continueOnFailure` says that this is all right. */
  readonly tolerated: boolean;
};

export type Progress = {
  readonly ended: ReadonlyMap<string, Ended>;
  readonly running: ReadonlySet<string>;
};

export type Decision =
  | { readonly kind: 'start'; readonly step: Step }
  | { readonly kind: 'skip'; readonly step: Step; readonly reason: 'when' | 'need'; readonly message: string };

/** Evaluates a `when` expression over what has ended; given by the caller, as it is the workflow part's. */
export type Evaluate = (expression: Expression, ended: ReadonlyMap<string, Ended>) => boolean;

/**
 * Everything that can be decided now, in the order of the file: steps to skip, and steps to start up to
 * `workflow.concurrency` at once. Empty while all that is left waits for a running step.
 */
export function decide(workflow: Workflow, progress: Progress, evaluate: Evaluate): readonly Decision[] {
  const decisions: Decision[] = [];
  let free = workflow.concurrency - progress.running.size;
  for (const step of workflow.steps) {
    if (progress.ended.has(step.id) || progress.running.has(step.id)) continue;
    if (!step.needs.every((need) => progress.ended.has(need))) continue;
    const refusal = refusalOf(workflow, step, progress.ended, evaluate);
    if (refusal !== undefined) {
      decisions.push({ kind: 'skip', step, ...refusal });
    } else if (free > 0) {
      free -= 1;
      decisions.push({ kind: 'start', step });
    }
  }
  return decisions;
}

/** Whether a step that ended so lets those that need it run. */
export function isOk(ended: Ended): boolean {
  const { outcome } = ended;
  return (
    outcome.kind === 'success' || ended.tolerated || (outcome.kind === 'skip' && outcome.reason === 'already_done')
  );
}

function refusalOf(
  workflow: Workflow,
  step: Step,
  ended: ReadonlyMap<string, Ended>,
  evaluate: Evaluate,
): { reason: 'when' | 'need'; message: string } | undefined {
  const { when } = step;
  switch (when.kind) {
    case 'always':
      return undefined;
    case 'failure':
      return ancestors(workflow, step).some((id) => hasFailed(ended.get(id)))
        ? undefined
        : { reason: 'when', message: 'its `when` is failure() and no step before it failed' };
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
      return evaluate(when.expression, ended) ? undefined : { reason: 'when', message: 'its `when` is false' };
    }
  }
}

function unmetNeed(
  needs: readonly string[],
  ended: ReadonlyMap<string, Ended>,
): { reason: 'need'; message: string } | undefined {
  for (const need of needs) {
    const known = ended.get(need);
    if (known !== undefined && !isOk(known)) {
      return { reason: 'need', message: `step \`${need}\`, which it needs, ended in ${known.outcome.kind}` };
    }
  }
  return undefined;
}

function hasFailed(ended: Ended | undefined): boolean {
  return ended !== undefined && ended.outcome.kind !== 'success' && ended.outcome.kind !== 'skip';
}

/** Every step that `step` waits for, directly or through others. */
function ancestors(workflow: Workflow, step: Step): readonly string[] {
  const byId = new Map(workflow.steps.map((each) => [each.id, each]));
  const found = new Set<string>();
  const visit = (ids: readonly string[]): void => {
    for (const id of ids) {
      if (found.has(id)) continue;
      found.add(id);
      visit(byId.get(id)?.needs ?? []);
    }
  };
  visit(step.needs);
  return [...found];
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
