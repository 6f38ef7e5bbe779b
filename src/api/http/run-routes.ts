// The routes that describe runs: the list, one of them, its steps, what happened when, what it used.
import type { Router } from 'express';
import type { RunId } from '../../core/ids.ts';
import { outputFieldsOf } from '../../core/step-output.ts';
import { type DataFolder, isAlive } from '../../journal/index.ts';
import {
  type History,
  type RunReference,
  type RunState,
  type RunSummary,
  summarizeRun,
  type TimelineSpan,
  type ViewContext,
  viewRun,
} from '../../runs/index.ts';
import type { ResourcesAnswer, ResultAnswer, TimelineAnswer } from '../schema/answers.ts';
import { routes } from '../schema/routes.ts';
import type { RunAnswer, RunList } from '../schema/run.ts';
import type { ClaudeSpan } from './claude-spans.ts';
import { ApiProblem } from './problem.ts';
import { addRoute } from './read-request.ts';
import type { RunAccess } from './run-access.ts';
import { alertsOf } from './run-alerts.ts';
import type { RunMemory } from './run-memory.ts';
import { readStepResult } from './step-results.ts';

export type Link = RunAnswer['links'][number];

export type RunRoutes = {
  readonly data: DataFolder;
  readonly memory: RunMemory;
  readonly runs: RunAccess;
  /** How long steps took in earlier runs of the same workflow. */
  readonly earlier: (run: RunState) => Promise<History>;
  readonly linksOf: (run: RunReference) => readonly Link[];
};

/** A request examines this many runs at most if a filter leaves out most; `next` says where to continue. */
const maxExamined = 1_000;

export function addRunRoutes(router: Router, { data, memory, runs, earlier, linksOf }: RunRoutes): void {
  /** A run that cannot be read is not listed; asked for by its id, it says why. */
  const stateOrNone = (runId: RunId): Promise<RunState | undefined> => memory.stateOf(runId).catch(() => undefined);

  async function stateOf(id: string) {
    const { runId, reader } = await runs.find(id);
    const state = await memory.stateOf(runId);
    if (state === undefined)
      throw new ApiProblem(404, 'no_run', 'The run was removed.', 'GET /api/v1/runs lists them.');
    return { runId, reader, state };
  }

  async function viewOf(state: RunState) {
    const history = state.phase.kind === 'running' ? await earlier(state) : new Map();
    return viewRun(state, { ...contextOf(state), history });
  }

  addRoute(router, routes.listRuns, async (response, { query }) => {
    const { workflow, state: states, search, limit, before } = query;
    const runIds = data.listRunIds().filter((runId) => before === undefined || runId < before);
    const found: RunSummary[] = [];
    let examined = 0;
    for (const runId of runIds) {
      if (found.length >= limit || examined >= maxExamined) break;
      examined += 1;
      const state = await stateOrNone(runId);
      if (state === undefined || (workflow !== undefined && state.workflow !== workflow)) continue;
      const summary = summarizeRun(state, contextOf(state));
      if (states !== undefined && !states.includes(summary.state)) continue;
      if (search !== undefined && !fits(summary, search)) continue;
      found.push(summary);
    }
    const last = runIds[examined - 1];
    const answer: RunList = { runs: found, ...(examined < runIds.length && last !== undefined ? { next: last } : {}) };
    response.json(answer);
  });

  addRoute(router, routes.run, async (response, { id }) => {
    const { reader, state } = await stateOf(id);
    const { firstSeq } = await reader.head();
    const answer: RunAnswer = { ...(await viewOf(state)), firstSeq, links: linksOf(state) };
    response.json(answer);
  });

  addRoute(router, routes.steps, async (response, { id }) => {
    const { state } = await stateOf(id);
    response.json({ steps: (await viewOf(state)).steps });
  });

  addRoute(router, routes.result, async (response, { id, query }) => {
    const { reader, state } = await stateOf(id);
    const step = state.steps.find((each) => each.id === query.step);
    if (step === undefined) {
      const fix = `Its steps are ${state.steps.map((each) => each.id).join(', ')}.`;
      throw new ApiProblem(404, 'no_step', `The run has no step \`${query.step}\`.`, fix);
    }
    const { phase } = step;
    const answer: ResultAnswer = {
      step: step.id,
      outcome: phase.kind === 'finished' ? phase.outcome.kind : null,
      ...outputFieldsOf(await readStepResult(reader, step)),
    };
    response.json(answer);
  });

  addRoute(router, routes.timeline, async (response, { id }) => {
    const { runId } = await runs.find(id);
    const { timeline, claude } = await memory.historyOf(runId);
    const answer: TimelineAnswer = {
      spans: [...timeline.spans().map(spanOf), ...claude.list().map(claudeSpanOf)],
      dropped: timeline.dropped() + claude.dropped(),
    };
    response.json(answer);
  });

  addRoute(router, routes.resources, async (response, { id, query: { step } }) => {
    const { runId } = await runs.find(id);
    const { samples } = await memory.historyOf(runId);
    const answer: ResourcesAnswer = {
      samples: samples.list(step).map(({ ns, ...sample }) => ({ ns: ns.toString(), ...sample })),
    };
    response.json(answer);
  });
}

function contextOf(state: RunState): ViewContext {
  const { writer } = state;
  const isWriterGone = writer !== undefined && !isAlive(writer);
  return { nowMs: Date.now(), isWriterGone, alerts: alertsOf(state, isWriterGone) };
}

/** As a person types it: any part of what the list shows, without regard to case. */
function fits({ runId, workflow, state, cause, message, traceId, file, description }: RunSummary, search: string) {
  const text = [runId, workflow, state, cause, message, traceId, file, description];
  return text.join('\n').toLowerCase().includes(search.toLowerCase());
}

function claudeSpanOf(span: ClaudeSpan): TimelineAnswer['spans'][number] {
  const { id, kind, name, step, attempt, startNs, endNs, outcome } = span;
  return {
    id,
    parentId: span.parent ?? attemptIdOf(step, attempt),
    kind,
    name,
    step,
    attempt,
    startNs,
    endNs,
    outcome,
  };
}

function attemptIdOf(step: string, attempt: number): string {
  return `attempt:${step}#${attempt}`;
}

function spanOf(span: TimelineSpan, at: number): TimelineAnswer['spans'][number] {
  const { kind, step, attempt } = span;
  const run = 'run';
  const stepId = step === undefined ? run : `step:${step}`;
  const attemptId = step === undefined || attempt === undefined ? stepId : attemptIdOf(step, attempt);
  const own = { run, step: stepId, attempt: attemptId }[kind as 'run' | 'step' | 'attempt'] ?? `${kind}:${at}`;
  const parents = { run: null, step: run, attempt: stepId, retry_wait: stepId, pause: run } as const;
  return {
    id: own,
    parentId: kind in parents ? parents[kind as keyof typeof parents] : attemptId,
    kind,
    name: span.name,
    step: step ?? null,
    attempt: attempt ?? null,
    startNs: span.startNs.toString(),
    endNs: span.endNs?.toString() ?? null,
    outcome: span.result ?? null,
  };
}
