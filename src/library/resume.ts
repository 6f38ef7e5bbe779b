// What a run that goes on from an earlier one takes over from it: the workflow, the steps that are done with their
// outputs and sessions, and what has been spent. Read from the journal alone, after a run whose wrapper died was closed.
import type { EventOf } from '../event/event.ts';
import { isRunId, type RunId } from '../event/ids.ts';
import { noOutput, type StepOutput, stepOutputOf } from '../event/step-output.ts';
import { adoptRun } from '../hub/adopt-run.ts';
import { dataFolder, openJournal, type RunFolder } from '../journal/index.ts';
import type { DoneBefore } from '../run/index.ts';
import { emptyRunState, foldRun, lastAttempt, type RunState, totalsOf } from '../state/index.ts';
import { type Workflow, workflowFromJson } from '../workflow/index.ts';

export type Resumable = {
  readonly workflow: Workflow;
  readonly resumedFrom: RunId;
  readonly doneBefore: ReadonlyMap<string, DoneBefore>;
  readonly usedBefore: { readonly usd: number; readonly tokens: number; readonly estimated: boolean };
};

export type ResumeResult = ({ readonly ok: true } & Resumable) | NotResumable;

/** `message` is one sentence: why that run cannot be gone on from, and what to do. */
type NotResumable = {
  readonly ok: false;
  readonly why: 'unusable' | 'unsuited' | 'locked';
  readonly message: string;
};

/**
 * @param runId of a run that is there
 * @param fromStep of this step and of all that need it nothing is taken over, so that they are done again
 */
export async function readResumable(dataDir: string, runId: RunId, fromStep?: string): Promise<ResumeResult> {
  const folder = dataFolder(dataDir).runDir(runId);
  const busy = await closeIfAbandoned(folder);
  if (busy !== undefined) return busy;
  const past = await readPast(folder);
  if (!past.ok) return past;
  const { state, started, workflow } = past;
  if (fromStep !== undefined && !workflow.steps.some(({ id }) => id === fromStep)) {
    const ids = workflow.steps.map(({ id }) => id).join(', ');
    const message = `run ${runId} has no step \`${fromStep}\` to start again from; its steps are ${ids}`;
    return { ok: false, why: 'unsuited', message };
  }
  if (fromStep === undefined && state.phase.kind === 'finished' && state.phase.outcome.kind === 'success') {
    const again = started.file === '' ? '' : ` with \`stepspan run ${started.file}\``;
    const message = `run ${runId} succeeded, so there is nothing left to do; to do all of it again, start it${again}`;
    return { ok: false, why: 'unsuited', message };
  }
  const hidden = hiddenPlaces(started.definition);
  if (hidden.length > 0) {
    const message =
      `run ${runId} was given secrets, which no journal keeps, so they are missing now (${hidden.join(', ')}); ` +
      'start it again with `stepspan run`, and let secrets come from the environment to be able to resume';
    return { ok: false, why: 'unsuited', message };
  }
  const before = started.resumedFrom ?? '';
  const earlier = isRunId(before) ? await readEarlier(dataDir, before) : nothingBefore;
  const totals = totalsOf(state);
  return {
    ok: true,
    workflow,
    resumedFrom: runId,
    doneBefore: doneIn(past, earlier.sessions, fromStep),
    usedBefore: {
      usd: totals.costAtLeastUsd + earlier.usd,
      tokens: totals.tokens + earlier.tokens,
      estimated: totals.costBasis !== 'known' || earlier.estimated,
    },
  };
}

/** Ends and closes what a killed wrapper left, so that two runs never work at the same thing. */
async function closeIfAbandoned(folder: RunFolder): Promise<NotResumable | undefined> {
  const adoption = await adoptRun(folder);
  switch (adoption.kind) {
    case 'adopted':
    case 'finished':
      return undefined;
    case 'running': {
      const by = adoption.by === undefined ? '' : ` in process ${adoption.by.pid} on ${adoption.by.host}`;
      const message = `run ${folder.runId} still goes on${by}; wait for it or cancel it`;
      return { ok: false, why: 'locked', message };
    }
    case 'no_journal':
      return noBeginning(folder.runId);
    case 'unreadable':
      return { ok: false, why: 'unusable', message: `run ${folder.runId} cannot be read: ${adoption.message}` };
  }
}

type Past = {
  readonly ok: true;
  readonly state: RunState;
  readonly started: EventOf<'run.started'>;
  readonly workflow: Workflow;
  /** By step id. */
  readonly outputs: ReadonlyMap<string, StepOutput>;
};

async function readPast(folder: RunFolder): Promise<Past | NotResumable> {
  let state = emptyRunState();
  let started: EventOf<'run.started'> | undefined;
  const outputs = new Map<string, StepOutput>();
  for await (const batch of openJournal(folder).read({ from: 0 })) {
    for (const record of batch) {
      state = foldRun(state, record);
      if (record.kind !== 'event') continue;
      if (record.event.type === 'run.started') started = record.event;
      if (record.event.type === 'step.finished' && record.subject !== undefined) {
        outputs.set(record.subject.step, stepOutputOf(record.event));
      }
    }
  }
  if (started === undefined) return noBeginning(folder.runId);
  const stored = workflowFromJson(started.definition);
  if (!stored.ok) return { ok: false, why: 'unusable', message: `run ${folder.runId}: ${stored.message}` };
  return { ok: true, state, started, workflow: stored.workflow, outputs };
}

function noBeginning(runId: RunId): NotResumable {
  const message = `run ${runId} has no beginning in its journal, so there is nothing to go on from`;
  return { ok: false, why: 'unusable', message };
}

/**
 * The steps that need not be done again: those that succeeded, unless a step before them is done again, as what they did
 * followed from it. A step that its `when` has switched off stays so while the steps before it stay as they are.
 */
function doneIn(
  { state, workflow, outputs }: Past,
  sessions: ReadonlyMap<string, string>,
  fromStep: string | undefined,
): Map<string, DoneBefore> {
  const byId = new Map(workflow.steps.map((step) => [step.id, step]));
  const past = new Map(state.steps.map((step) => [step.id, step]));
  const known = new Map<string, boolean>();

  function succeeded(id: string): boolean {
    if (id === fromStep) return false;
    const phase = past.get(id)?.phase;
    if (phase?.kind !== 'finished') return false;
    return (
      phase.outcome.kind === 'success' || (phase.outcome.kind === 'skip' && phase.outcome.reason === 'already_done')
    );
  }

  function switchedOff(id: string): boolean {
    if (id === fromStep) return false;
    const phase = past.get(id)?.phase;
    return phase?.kind === 'finished' && phase.outcome.kind === 'skip' && phase.outcome.reason === 'when';
  }

  function settled(id: string): boolean {
    let answer = known.get(id);
    if (answer === undefined) {
      answer = (succeeded(id) || switchedOff(id)) && (byId.get(id)?.needs ?? []).every(settled);
      known.set(id, answer);
    }
    return answer;
  }

  const done = new Map<string, DoneBefore>();
  for (const { id } of workflow.steps) {
    if (!succeeded(id) || !settled(id)) continue;
    const step = past.get(id);
    const sessionId = (step && lastAttempt(step)?.session?.sessionId) ?? sessions.get(id);
    done.set(id, { ...(outputs.get(id) ?? noOutput), sessionId });
  }
  return done;
}

type Earlier = Resumable['usedBefore'] & { readonly sessions: ReadonlyMap<string, string> };

const nothingBefore: Earlier = { usd: 0, tokens: 0, estimated: false, sessions: new Map() };

/** A run that was itself resumed: its sessions and its cost count on. One that retention has removed is gone. */
async function readEarlier(dataDir: string, runId: RunId): Promise<Earlier> {
  const folder = dataFolder(dataDir);
  if (!folder.listRunIds().includes(runId)) return nothingBefore;
  const past = await readPast(folder.runDir(runId));
  if (!past.ok) return nothingBefore;
  const before = past.started.resumedFrom ?? '';
  const earlier = isRunId(before) ? await readEarlier(dataDir, before) : nothingBefore;
  const totals = totalsOf(past.state);
  const own = past.state.steps.flatMap((step) => {
    const sessionId = lastAttempt(step)?.session?.sessionId;
    return sessionId === undefined ? [] : [[step.id, sessionId] as const];
  });
  return {
    usd: totals.costAtLeastUsd + earlier.usd,
    tokens: totals.tokens + earlier.tokens,
    estimated: totals.costBasis !== 'known' || earlier.estimated,
    sessions: new Map([...earlier.sessions, ...own]),
  };
}

/** Keys of the workflow, a step or a param that change nothing of what is done: what was hidden there may stay so. */
const forPeople = new Set(['name', 'description', 'file', 'default']);

/** Where redaction has put a marker (redact/marker.ts) in a stored workflow, as `paramValues.token`. */
function hiddenPlaces(value: unknown, at = ''): readonly string[] {
  if (typeof value === 'string') return /.hidden:[\w.-]+./.test(value) ? [at] : [];
  if (typeof value !== 'object' || value === null) return [];
  const named = at === '' || /^(steps|params)\.\d+$/.test(at);
  return Object.entries(value).flatMap(([key, item]) =>
    named && forPeople.has(key) ? [] : hiddenPlaces(item, at === '' ? key : `${at}.${key}`),
  );
}
