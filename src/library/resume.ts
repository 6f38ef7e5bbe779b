// What a run that goes on from an earlier one takes over from it: the workflow, the steps that had succeeded with their
// outputs and sessions, and what has been spent. Read from the journal alone.
import type { EventOf } from '../event/event.ts';
import { isRunId, type RunId } from '../event/ids.ts';
import { dataFolder, openJournal } from '../journal/index.ts';
import type { DoneBefore } from '../run/index.ts';
import { emptyRunState, foldRun, lastAttempt, totalsOf } from '../state/index.ts';
import { type Workflow, workflowFromJson } from '../workflow/index.ts';

export type Resumable = {
  readonly workflow: Workflow;
  readonly resumedFrom: RunId;
  readonly doneBefore: ReadonlyMap<string, DoneBefore>;
  readonly usedBefore: { readonly usd: number; readonly tokens: number; readonly estimated: boolean };
};

export type ResumeResult =
  | ({ readonly ok: true } & Resumable)
  /** One sentence: why that run cannot be gone on from, and what to do. */
  | { readonly ok: false; readonly message: string };

/** @param fromStep of this step and of all that need it nothing is taken over, so that they are done again */
export async function readResumable(dataDir: string, runId: RunId, fromStep?: string): Promise<ResumeResult> {
  const reader = openJournal(dataFolder(dataDir).runDir(runId));
  let state = emptyRunState();
  let started: EventOf<'run.started'> | undefined;
  const outputs = new Map<string, string>();
  for await (const batch of reader.read({ from: 0 })) {
    for (const record of batch) {
      state = foldRun(state, record);
      if (record.kind !== 'event') continue;
      if (record.event.type === 'run.started') started = record.event;
      if (record.event.type === 'step.finished' && record.subject !== undefined) {
        outputs.set(record.subject.step, record.event.output);
      }
    }
  }
  if (started === undefined)
    return { ok: false, message: `run ${runId} has no beginning in its journal, so there is nothing to go on from` };
  const stored = workflowFromJson(started.definition);
  if (!stored.ok) return { ok: false, message: `run ${runId}: ${stored.message}` };
  const again = fromStep === undefined ? new Set<string>() : stepsFrom(stored.workflow, fromStep);
  if (again === undefined) {
    const ids = stored.workflow.steps.map(({ id }) => id).join(', ');
    return { ok: false, message: `run ${runId} has no step \`${fromStep}\` to start again from; its steps are ${ids}` };
  }

  const earlier = isRunId(started.resumedFrom ?? '')
    ? await earlierRun(dataDir, started.resumedFrom as RunId)
    : undefined;
  const doneBefore = new Map<string, DoneBefore>();
  for (const step of state.steps) {
    if (step.phase.kind !== 'finished' || again.has(step.id)) continue;
    const { outcome } = step.phase;
    const isDone = outcome.kind === 'success' || (outcome.kind === 'skip' && outcome.reason === 'already_done');
    if (!isDone) continue;
    doneBefore.set(step.id, {
      output: outputs.get(step.id) ?? '',
      sessionId: lastAttempt(step)?.session?.sessionId ?? earlier?.doneBefore.get(step.id)?.sessionId,
    });
  }
  const totals = totalsOf(state);
  return {
    ok: true,
    workflow: stored.workflow,
    resumedFrom: runId,
    doneBefore,
    usedBefore: {
      usd: totals.costUsd + (earlier?.usedBefore.usd ?? 0),
      tokens: totals.tokens + (earlier?.usedBefore.tokens ?? 0),
      estimated: totals.costEstimated || (earlier?.usedBefore.estimated ?? false),
    },
  };
}

/** The step and all that need it, directly or not; undefined where there is no such step. */
function stepsFrom(workflow: Workflow, from: string): ReadonlySet<string> | undefined {
  if (!workflow.steps.some(({ id }) => id === from)) return undefined;
  const found = new Set([from]);
  // A set that grows while it is walked also gives what was added.
  for (const id of found) for (const step of workflow.steps) if (step.needs.includes(id)) found.add(step.id);
  return found;
}

/** A run that was itself resumed: its sessions and its cost count on. One that retention has removed is gone. */
async function earlierRun(dataDir: string, runId: RunId): Promise<Resumable | undefined> {
  const folder = dataFolder(dataDir);
  if (!folder.listRunIds().includes(runId)) return undefined;
  const result = await readResumable(dataDir, runId);
  return result.ok ? result : undefined;
}
