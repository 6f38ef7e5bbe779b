// The routes that tell of runs: the list, one of them, its steps, what lay when, what it used.
import type { Router } from 'express';
import type { RunId } from '../../core/ids.ts';
import { outputFieldsOf } from '../../core/step-output.ts';
import type { DataFolder } from '../../journal/index.ts';
import { estimate, type History, type RunReference, type RunState, type TimelineSpan } from '../../runs/index.ts';
import type { Link, ResourcesAnswer, ResultAnswer, RunDetail, RunList, RunSummary, TimelineAnswer } from './answers.ts';
import type { ClaudeSpan } from './claude-spans.ts';
import { ApiProblem } from './problem.ts';
import { queryOf } from './query.ts';
import { idOf, type RunAccess } from './run-access.ts';
import { detailOf, stepsOf, summaryOf } from './run-answer.ts';
import type { RunMemory } from './run-memory.ts';
import { standings } from './run-states.ts';
import { readStepResult } from './step-results.ts';

export type RunRoutes = {
  readonly data: DataFolder;
  readonly memory: RunMemory;
  readonly runs: RunAccess;
  /** How long steps took in earlier runs of the same workflow. */
  readonly earlier: (run: RunState) => Promise<History>;
  readonly linksOf: (run: RunReference) => readonly Link[];
};

const defaultRuns = 50;
const maxRuns = 200;

/** So many are looked at in one request where a filter leaves out most; `next` says where to go on. */
const maxLookedAt = 1_000;

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

  router.get('/runs', async (request, response) => {
    const query = queryOf(request, ['workflow', 'state', 'search', 'limit', 'before']);
    const wanted = {
      workflow: query.text('workflow'),
      states: query.list('state', standings),
      search: query.text('search'),
    };
    const limit = query.count('limit', { min: 1, max: maxRuns }) ?? defaultRuns;
    const before = query.text('before');
    const runIds = data.listRunIds().filter((runId) => before === undefined || runId < before);
    const found: RunSummary[] = [];
    let lookedAt = 0;
    for (const runId of runIds) {
      if (found.length >= limit || lookedAt >= maxLookedAt) break;
      lookedAt += 1;
      const state = await stateOrNone(runId);
      if (state === undefined) continue;
      const summary = summaryOf(state, Date.now());
      if (wanted.workflow !== undefined && state.workflow !== wanted.workflow) continue;
      if (wanted.states !== undefined && !wanted.states.includes(summary.state as never)) continue;
      if (wanted.search !== undefined && !fits(summary, state, wanted.search)) continue;
      found.push(summary);
    }
    const last = runIds[lookedAt - 1];
    const answer: RunList = { runs: found, ...(lookedAt < runIds.length && last !== undefined ? { next: last } : {}) };
    response.json(answer);
  });

  router.get('/runs/:id', async (request, response) => {
    queryOf(request, []);
    const { reader, state } = await stateOf(idOf(request));
    const { firstSeq, nextSeq } = await reader.head();
    const nowMs = Date.now();
    const history = state.phase.kind === 'running' ? await earlier(state) : new Map();
    const answer: RunDetail = detailOf(state, {
      nowMs,
      firstSeq,
      headSeq: nextSeq,
      links: linksOf(state),
      estimate: estimate(state, history, nowMs),
    });
    response.json(answer);
  });

  router.get('/runs/:id/steps', async (request, response) => {
    queryOf(request, []);
    const { state } = await stateOf(idOf(request));
    response.json({ steps: stepsOf(state, Date.now()) });
  });

  router.get('/runs/:id/result', async (request, response) => {
    const { reader, state } = await stateOf(idOf(request));
    const id = queryOf(request, ['step']).text('step');
    const step = state.steps.find((each) => each.id === id);
    const ids = state.steps.map((each) => each.id).join(', ');
    if (id === undefined)
      throw new ApiProblem(400, 'bad_parameter', '`step` is missing.', `Write step= one of ${ids}.`);
    if (step === undefined)
      throw new ApiProblem(404, 'no_step', `The run has no step \`${id}\`.`, `Write step= one of ${ids}.`);
    const { phase } = step;
    const answer: ResultAnswer = {
      step: id,
      outcome: phase.kind === 'finished' ? phase.outcome.kind : null,
      ...outputFieldsOf(await readStepResult(reader, step)),
    };
    response.json(answer);
  });

  router.get('/runs/:id/timeline', async (request, response) => {
    queryOf(request, []);
    const { runId } = await runs.find(idOf(request));
    const { timeline, claude } = await memory.historyOf(runId);
    const answer: TimelineAnswer = {
      spans: [...timeline.spans().map(spanOf), ...claude.list().map(claudeSpanOf)],
      dropped: timeline.dropped() + claude.dropped(),
    };
    response.json(answer);
  });

  router.get('/runs/:id/resources', async (request, response) => {
    const query = queryOf(request, ['step']);
    const { runId } = await runs.find(idOf(request));
    const { samples } = await memory.historyOf(runId);
    const answer: ResourcesAnswer = {
      samples: samples.list(query.text('step')).map(({ ns, ...sample }) => ({ ns: ns.toString(), ...sample })),
    };
    response.json(answer);
  });
}

/** As a person types it: any part of what the list shows, without regard to case. */
function fits(summary: RunSummary, state: RunState, search: string): boolean {
  const text = [
    summary.runId,
    summary.workflow,
    summary.state,
    summary.message,
    summary.traceId,
    state.file,
    state.description,
  ];
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
