// The routes that describe runs: the list, one of them, its steps, what it used.
import type { Router } from 'express';
import { sumUsd, weakestBasis } from '../../core/cost.ts';
import { type Labels, parseLabel } from '../../core/labels.ts';
import { outputFieldsOf } from '../../core/step-output.ts';
import type { Catalogue, RunReference, RunSummary } from '../../runs/index.ts';
import type { QuestionsAnswer, ResourcesAnswer, ResultAnswer, WorkAnswer } from '../schema/answers.ts';
import { routes } from '../schema/routes.ts';
import type { Link, RunAnswer, RunList, RunTotals } from '../schema/run.ts';
import { ApiProblem } from './problem.ts';
import { readQuestions } from './questions.ts';
import { addRoute } from './read-request.ts';
import type { RunAccess } from './run-access.ts';
import type { RunMemory } from './run-memory.ts';
import { readStepResult } from './step-results.ts';

export type RunRoutes = {
  readonly catalogue: Catalogue;
  readonly memory: RunMemory;
  readonly runs: RunAccess;
  readonly linksOf: (run: RunReference) => readonly Link[];
};

export function addRunRoutes(router: Router, { catalogue, memory, runs, linksOf }: RunRoutes): void {
  async function readRun(id: string) {
    const { runId, reader } = await runs.find(id);
    const evaluation = await catalogue.evaluationOf(runId);
    if (evaluation === undefined)
      throw new ApiProblem(404, 'no_run', 'The run was removed.', 'GET /api/v1/runs lists them.');
    return { reader, evaluation, state: evaluation.run };
  }

  addRoute(router, routes.listRuns, async (response, { query }) => {
    const { state: states, label = [], ...filter } = query;
    const labels = labelsFrom(label);
    const { runs: found, next } = await catalogue.list({ ...filter, states, labels });
    const answer: RunList = { runs: found, ...(next === undefined ? {} : { next }) };
    response.json(answer);
  });

  addRoute(router, routes.totals, async (response, { query }) => {
    response.json(await totalsSince(catalogue, Date.parse(query.since)));
  });

  addRoute(router, routes.run, async (response, { id }) => {
    const { reader, evaluation, state } = await readRun(id);
    const { firstSeq } = await reader.head();
    const answer: RunAnswer = { ...(await catalogue.viewOf(evaluation)), firstSeq, links: linksOf(state) };
    response.json(answer);
  });

  addRoute(router, routes.steps, async (response, { id }) => {
    const { evaluation } = await readRun(id);
    response.json({ steps: (await catalogue.viewOf(evaluation)).steps });
  });

  addRoute(router, routes.questions, async (response, { id }) => {
    const { reader, evaluation } = await readRun(id);
    const { steps } = await catalogue.viewOf(evaluation);
    response.json({ questions: await readQuestions(reader, steps) } satisfies QuestionsAnswer);
  });

  addRoute(router, routes.result, async (response, { id, query }) => {
    const { reader, state } = await readRun(id);
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

  addRoute(router, routes.work, async (response, { id }) => {
    const { runId } = await runs.find(id);
    const answer: WorkAnswer = await memory.workOf(runId);
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

/** The schema has checked that each of them is one. */
function labelsFrom(texts: readonly string[]): Labels {
  return Object.fromEntries(texts.map(parseLabel).flatMap((label) => (label.ok ? [[label.key, label.value]] : [])));
}

/** Asks for one page after the other, newest first: pages from before that time are not read. */
const totalsPage = 200;

async function totalsSince(catalogue: Catalogue, sinceMs: number): Promise<RunTotals> {
  const runs: RunSummary[] = [];
  let before: string | undefined;
  do {
    const page = await catalogue.list({ limit: totalsPage, before });
    const isEarlier = ({ startedAt }: RunSummary) => startedAt !== null && Date.parse(startedAt) < sinceMs;
    runs.push(...page.runs.filter((run) => run.startedAt !== null && !isEarlier(run)));
    before = page.runs.some(isEarlier) ? undefined : page.next;
  } while (before !== undefined);
  const costBasis = weakestBasis(runs.map((run) => run.costBasis));
  const costAtLeastUsd = sumUsd(runs.map((run) => run.costAtLeastUsd));
  return {
    runs: runs.length,
    failed: runs.filter(({ state }) => failedStates.includes(state)).length,
    costUsd: costBasis === 'unknown' ? null : costAtLeastUsd,
    costBasis,
    costAtLeastUsd,
    tokens: runs.reduce((sum, run) => sum + run.tokens, 0),
  };
}

const failedStates: readonly RunSummary['state'][] = ['failure', 'error', 'timeout', 'abandoned'];
