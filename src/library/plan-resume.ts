// What continuing a run would do, for people and programs that want to know before: which steps are kept and which run, why,
// and what that saves. Starts and changes nothing.
import { sumUsd } from '../core/cost.ts';
import type { RunId } from '../core/ids.ts';
import { dataRoot } from '../journal/index.ts';
import { type NewBudget, withBudget } from './new-budget.ts';
import type { Refusal } from './refusal.ts';
import { type ResumeOptions, readResumable } from './resume.ts';

export type PlannedStepOfResume = {
  readonly id: string;
  /** `skip`: its `when` was false and is not asked again, as nothing before it runs. */
  readonly action: 'keep' | 'run' | 'skip';
  /** One phrase. */
  readonly why: string;
  /** A Claude step that was interrupted continues in its session. */
  readonly continuesSession: boolean;
  /** What the step has cost and how long it took; of a kept one, this is saved. */
  readonly costUsd: number;
  readonly durationMs: number;
};

export type ResumePlan = {
  /** The run that would be continued. */
  readonly runId: RunId;
  readonly workflow: string;
  /** As that the workflow file has changed since. */
  readonly notes: readonly string[];
  /** In the order of the file. */
  readonly steps: readonly PlannedStepOfResume[];
  /** Of the steps that are kept. */
  readonly saved: { readonly costUsd: number; readonly durationMs: number };
};

export type ResumePlanResult = { readonly kind: 'planned'; readonly plan: ResumePlan } | Refusal;

/** @param options.dataDir where runs are kept; default: `$STEPSPAN_DATA_DIR`, else the state folder of the user */
export async function planResume(
  options: ResumeOptions & { readonly budget?: NewBudget; readonly dataDir?: string },
): Promise<ResumePlanResult> {
  const resumable = await readResumable(options.dataDir ?? dataRoot(), options, 'look');
  if (!resumable.ok) return resumable;
  const { resumedFrom: runId, workflow, plan } = resumable;
  const budget = withBudget(workflow, resumable.usedBefore, options.budget ?? {});
  if (!budget.ok && options.budget !== undefined)
    return { kind: 'unsuited', code: 'budget', message: `run ${runId}: ${budget.message}` };
  const notes = budget.ok ? resumable.notes : [...resumable.notes, budget.message];
  const steps = plan.map(({ session, ...step }) => ({ ...step, continuesSession: session !== undefined }));
  const kept = steps.filter(({ action }) => action === 'keep');
  const durationMs = kept.reduce((sum, step) => sum + step.durationMs, 0);
  const saved = { costUsd: sumUsd(kept.map((step) => step.costUsd)), durationMs };
  return { kind: 'planned', plan: { runId, workflow: workflow.name, notes, steps, saved } };
}
