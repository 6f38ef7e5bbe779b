// What a run that continues an earlier one takes over from it: the workflow (as it was, or as its file is now), the steps
// that are kept, the sessions that are continued, and what has been spent. A run whose process died is closed first.
import { statSync } from 'node:fs';
import path from 'node:path';
import type { RunId } from '../core/ids.ts';
import type { Labels } from '../core/labels.ts';
import { noOutput } from '../core/step-output.ts';
import { adoptRun, needsAdoption } from '../hub/adopt-run.ts';
import { dataFolder, type RunFolder } from '../journal/index.ts';
import { type Continuation, hashInputFiles, inputFilesOf, type PreviousResult } from '../run/index.ts';
import {
  changesOfWork,
  compareWorkflows,
  describeDifference,
  type GivenParams,
  loadWorkflow,
  type Step,
  type Workflow,
} from '../workflow/index.ts';
import { noBeginning, type Past, type PastStep, readPast, unreadable } from './read-past.ts';
import type { Refusal, Unsuited } from './refusal.ts';
import { describeEnd, planSteps, type StepPlan } from './resume-plan.ts';
import { givenLabels } from './run-labels.ts';

export type ResumeOptions = {
  /** The id of the run, an unambiguous start or end of it, or `latest`. */
  readonly resume: string;
  /** This step and all that need it run, however they ended. */
  readonly fromStep?: string | undefined;
  /** Uses the workflow file as it is now. */
  readonly edited?: boolean | undefined;
  /** Values for params, over those of the earlier run; only with `edited`. */
  readonly params?: GivenParams | undefined;
  /** Interrupted Claude steps start a new session. */
  readonly fresh?: boolean | undefined;
};

export type Resumable = {
  readonly workflow: Workflow;
  readonly resumedFrom: RunId;
  readonly resumedFromTraceId: string;
  readonly plan: readonly StepPlan[];
  readonly previousResults: ReadonlyMap<string, PreviousResult>;
  /** By step: the session in which its first attempt continues. */
  readonly continued: ReadonlyMap<string, Continuation>;
  /** What the earlier run was given over the labels of its workflow. */
  readonly labels: Labels;
  readonly usedBefore: { readonly usd: number; readonly tokens: number; readonly estimated: boolean };
  /** Sentences for people, as that the workflow file has changed since. */
  readonly notes: readonly string[];
};

export type ResumeResult = ({ readonly ok: true } & Resumable) | NotResumable;

/** `message` is one sentence: why that run cannot be continued, and what to do. */
type NotResumable = { readonly ok: false } & Refusal;

/** @param purpose to look at what a resume would do changes nothing; to start closes a run whose process died */
export async function readResumable(
  dataDir: string,
  options: ResumeOptions,
  purpose: 'start' | 'look',
): Promise<ResumeResult> {
  const found = findRun(dataDir, options.resume);
  if (!found.ok) return found;
  const { runId } = found;
  const folder = dataFolder(dataDir).runDir(runId);
  const busy = await blockingReason(folder, purpose);
  if (busy !== undefined) return busy;
  const past = await readPast(dataDir, runId);
  if (!past.ok) return past;
  const source = sourceOf(past, runId, options);
  if (!source.ok) return source;
  const { workflow } = source;
  const { fromStep } = options;
  if (fromStep !== undefined && !workflow.steps.some(({ id }) => id === fromStep)) {
    const ids = workflow.steps.map(({ id }) => id).join(', ');
    return unsuited('no_step', `run ${runId} has no step \`${fromStep}\` to start again from; its steps are ${ids}`);
  }
  const byId = new Map(workflow.steps.map((step) => [step.id, step]));
  const changes = new Map(workflow.steps.map(({ id }) => [id, changesOf(byId.get(id), past, workflow, options)]));
  const plan = planSteps({
    workflow,
    past: past.steps,
    changesOf: (id) => changes.get(id) ?? [],
    fromStep,
    fresh: options.fresh === true,
  });
  if (isSuccess(past) && !plan.some(({ action }) => action === 'run'))
    return unsuited('nothing_left', nothingLeft(past, runId, options));
  return {
    ok: true,
    workflow,
    resumedFrom: runId,
    resumedFromTraceId: past.started.traceId,
    plan,
    previousResults: previousResults(plan, past),
    continued: continuedBy(plan, past),
    labels: givenLabels(past),
    usedBefore: past.used,
    notes: [...source.notes, ...notesOfDamage(past)],
  };
}

function unsuited(code: Unsuited['code'], message: string): { readonly ok: false } & Unsuited {
  return { ok: false, kind: 'unsuited', code, message };
}

function findRun(dataDir: string, text: unknown): { readonly ok: true; readonly runId: RunId } | NotResumable {
  if (typeof text !== 'string' || text === '') {
    const message = 'a run to resume is named by its id, such as 20261123-151507-k3f9x2, or by `latest`';
    return { ok: false, kind: 'not_found', code: 'no_run', message };
  }
  const found = dataFolder(dataDir).findRun(text);
  if (found.kind === 'found') return { ok: true, runId: found.runId };
  const code = found.kind === 'ambiguous' ? 'ambiguous_run' : 'no_run';
  return { ok: false, kind: 'not_found', code, message: found.message };
}

/** With `start`, ends and closes what a killed process left, so that two runs never do the same work. */
async function blockingReason(folder: RunFolder, purpose: 'start' | 'look'): Promise<NotResumable | undefined> {
  const adoption =
    purpose === 'start' ? await adoptRun(folder, 'the run that continues it') : await needsAdoption(folder);
  switch (adoption?.kind) {
    case undefined:
    case 'adopted':
    case 'finished':
      return undefined;
    case 'running': {
      const by = adoption.by === undefined ? '' : ` in process ${adoption.by.pid} on ${adoption.by.host}`;
      return {
        ok: false,
        kind: 'locked',
        code: 'run_active',
        path: folder.dir,
        message: `run ${folder.runId} is still active${by}; wait for it or cancel it`,
      };
    }
    case 'no_journal':
      return noBeginning(folder);
    case 'unreadable':
      return unreadable(folder, adoption.error);
  }
}

type Source = { readonly ok: true; readonly workflow: Workflow; readonly notes: readonly string[] } | NotResumable;

/** The workflow of the earlier run, or what its file holds now. */
function sourceOf(past: Past, runId: RunId, { edited, params }: ResumeOptions): Source {
  const hidden = hiddenPlaces(past.started.definition).filter(
    (place) => edited !== true || (place.startsWith('paramValues.') && params?.[place.slice(12)] === undefined),
  );
  if (hidden.length > 0) {
    const message =
      `run ${runId} was given secrets, which no journal keeps, so they are missing now (${hidden.join(', ')}); ` +
      'start it again with `stepspan run`, and let secrets come from the environment to be able to resume';
    return unsuited('secrets_missing', message);
  }
  if (edited === true) return editedWorkflow(past, runId, params ?? {});
  if (params !== undefined && Object.keys(params).length > 0) {
    const message = `run ${runId} keeps the params it was given, since what is done was done with them; to change them, add --edited`;
    return unsuited('params_kept', message);
  }
  return { ok: true, workflow: past.workflow, notes: notesOfFile(past) };
}

function editedWorkflow(past: Past, runId: RunId, given: GivenParams): Source {
  const { file } = past.started;
  if (file === '') {
    const message = `run ${runId} was started from no file, so there is none that could have been edited; leave out --edited`;
    return unsuited('no_file', message);
  }
  const outline = loadWorkflow(path.resolve(file));
  const loaded = outline.ok
    ? loadWorkflow(path.resolve(file), { params: { ...paramsFor(outline.workflow, past.workflow), ...given } })
    : outline;
  if (!loaded.ok) {
    const message = loaded.problems.map((problem) => problem.message).join('\n');
    return { ok: false, kind: 'invalid', problems: loaded.problems, message };
  }
  const difference = describeDifference(compareWorkflows(past.workflow, loaded.workflow, ignoredKeys(past)));
  const what = difference === undefined ? 'it reads as it did then' : `different from the run before: ${difference}`;
  return { ok: true, workflow: loaded.workflow, notes: [`uses ${file} as it is now; ${what}`] };
}

/** The values of the earlier run for params that the file still has; edited defaults are not kept. */
function paramsFor(now: Workflow, before: Workflow): GivenParams {
  const names = now.params.map(({ name }) => name);
  return Object.fromEntries(
    Object.entries(before.paramValues).filter(
      ([name, value]) => names.includes(name) && before.params.find((param) => param.name === name)?.default !== value,
    ),
  );
}

/** A budget that was given to an earlier resume is part of its stored workflow, and says nothing about the file. */
function ignoredKeys({ started }: Past): readonly 'budget'[] {
  return started.resumedFrom === undefined ? [] : ['budget'];
}

/** Whether the file still holds the workflow that is used. */
function notesOfFile(past: Past): readonly string[] {
  const { file } = past.started;
  if (file === '') return [];
  const asItWas = 'this run uses the workflow as it was';
  const full = path.resolve(file);
  if (statSync(full, { throwIfNoEntry: false }) === undefined) return [`${file} no longer exists; ${asItWas}`];
  const loaded = loadWorkflow(full);
  if (!loaded.ok) return [`${file} has changed and is not valid now; ${asItWas} (see \`stepspan validate\`)`];
  const difference = describeDifference(compareWorkflows(past.workflow, loaded.workflow, ignoredKeys(past)));
  if (difference === undefined) return [];
  return [`${file} has changed since that run (${difference}); ${asItWas}; to use the file as it is now, add --edited`];
}

/** What is kept and what is not if a part of the record cannot be read. */
function notesOfDamage({ damage, steps }: Past): readonly string[] {
  if (damage.length === 0) return [];
  const lost = [...steps].filter(([, { end }]) => end.kind === 'unreadable').map(([id]) => id);
  const which =
    lost.length === 0
      ? 'the end of each step can still be read'
      : `how these steps ended is lost, so they run again: ${lost.join(', ')}`;
  return [`the record is damaged; ${which}; what the damaged part cost is not counted (run ${damage.join(' Run ')})`];
}

/** How a step differs from when it ran: its definition, its params, its files. Empty without `edited`. */
function changesOf(
  step: Step | undefined,
  past: Past,
  workflow: Workflow,
  { edited }: ResumeOptions,
): readonly string[] {
  if (step === undefined || edited !== true) return [];
  const before = past.steps.get(step.id);
  const files = before?.startedMs === undefined ? [] : changedFiles(step, before);
  return [...changesOfWork(past.workflow, workflow, step.id), ...files];
}

function changedFiles(step: Step, { files, startedMs = 0 }: PastStep): readonly string[] {
  const now = hashInputFiles(step);
  return inputFilesOf(step).filter((file) => {
    const before = files[file];
    if (before !== undefined) return before !== now[file];
    // A journal from before hashes were kept: the time of the last change is all there is.
    const changedMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    return changedMs === undefined || changedMs > startedMs;
  });
}

function isSuccess({ state: { phase } }: Past): boolean {
  return phase.kind === 'finished' && phase.outcome.kind === 'success';
}

function nothingLeft({ started }: Past, runId: RunId, { edited }: ResumeOptions): string {
  const again = started.file === '' ? '' : ` with \`stepspan run ${started.file}\``;
  const unchanged = edited === true ? ' and none of its steps has changed' : '';
  return `run ${runId} succeeded${unchanged}, so there is nothing left to do; to do all of it again, start it${again}`;
}

function previousResults(plan: readonly StepPlan[], past: Past): ReadonlyMap<string, PreviousResult> {
  const kept = plan.filter(({ action }) => action === 'keep');
  return new Map(
    kept.map(({ id }) => {
      const step = past.steps.get(id);
      return [id, { ...(step?.output ?? noOutput), session: step?.session }];
    }),
  );
}

function continuedBy(plan: readonly StepPlan[], past: Past): ReadonlyMap<string, Continuation> {
  return new Map(
    plan.flatMap(({ id, session }) => {
      const step = past.steps.get(id);
      return session === undefined || step === undefined ? [] : [[id, { ...session, because: describeEnd(step.end) }]];
    }),
  );
}

/** Keys of the workflow, a step or a param that change nothing of what a run does: hidden values there do no harm. */
const forPeople = new Set(['name', 'description', 'file', 'labels', 'default']);

/** Where redaction has put a marker (redact/marker.ts) in a stored workflow, as `paramValues.token`. */
function hiddenPlaces(value: unknown, at = ''): readonly string[] {
  if (typeof value === 'string') return /.hidden:[\w.-]+./.test(value) ? [at] : [];
  if (typeof value !== 'object' || value === null) return [];
  const named = at === '' || /^(steps|params)\.\d+$/.test(at);
  return Object.entries(value).flatMap(([key, item]) =>
    named && forPeople.has(key) ? [] : hiddenPlaces(item, at === '' ? key : `${at}.${key}`),
  );
}
