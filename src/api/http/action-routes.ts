// The routes that act: start, pause, resume, cancel, retry; and the download of a run. What they do is given to them by the
// composition: this part reads journals and knows neither processes nor formats.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Request, type Response, type Router } from 'express';
import type { RunId } from '../../core/ids.ts';
import type { DoneAnswer, WorkflowsAnswer } from './answers.ts';
import { type Body, bodyOf, needsJson } from './body.ts';
import { answerProblem } from './problem.ts';
import { bad, queryOf } from './query.ts';
import { idOf, type RunAccess } from './run-access.ts';

export type ActionResult =
  | { readonly ok: true; readonly runId: string; readonly message: string }
  | {
      readonly ok: false;
      readonly status: 400 | 403 | 404 | 409 | 503;
      readonly code: string;
      readonly message: string;
      readonly fix: string;
    };

export type ParamValues = Readonly<Record<string, string | number | boolean>>;

/** What a run and those before it may use together, over what the workflow says; null: as much as they want. */
export type GivenBudget = { readonly usd?: number; readonly tokens?: number } | null;

export type RetryOptions = {
  readonly fromStep: string | undefined;
  readonly budget: GivenBudget | undefined;
  /** Uses the workflow file as it is now. */
  readonly edited: boolean;
};

export type Actions = {
  readonly workflows: () => Promise<WorkflowsAnswer>;
  readonly start: (workflow: string, params: ParamValues) => Promise<ActionResult>;
  readonly pause: (runId: RunId, now: boolean) => Promise<ActionResult>;
  readonly resume: (runId: RunId) => Promise<ActionResult>;
  readonly cancel: (runId: RunId, now: boolean) => Promise<ActionResult>;
  readonly retry: (runId: RunId, how: RetryOptions) => Promise<ActionResult>;
  readonly exportFormats: Readonly<Record<string, { readonly extension: string; readonly type: string }>>;
  readonly exportRun: (runId: RunId, format: string, signal: AbortSignal) => Promise<AsyncIterable<string | Buffer>>;
};

/** A workflow's params are typed or pasted by people. */
const maxBody = '64kb';
const maxParams = 64;
const paramName = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

export function addActionRoutes(router: Router, runs: RunAccess, actions: Actions): void {
  const body = express.json({ limit: maxBody, strict: true, type: 'application/json' });
  const act = (path: string, names: readonly string[], run: (request: Request, body: Body) => Promise<ActionResult>) =>
    router.post(path, needsJson, body, async (request, response) => {
      queryOf(request, []);
      answer(response, await run(request, bodyOf(request, names)));
    });

  router.get('/workflows', async (request, response) => {
    queryOf(request, []);
    response.json(await actions.workflows());
  });
  act('/runs', ['workflow', 'params'], async (_request, { workflow, params }) => {
    if (typeof workflow !== 'string' || workflow === '' || workflow.length > 4096) {
      throw bad('`workflow` names the file to start', 'GET /api/v1/workflows lists them.');
    }
    return actions.start(workflow, paramsOf(params));
  });
  act('/runs/:id/pause', ['now'], async (request, { now }) =>
    actions.pause((await runs.find(idOf(request))).runId, flagOf(now)),
  );
  act('/runs/:id/resume', [], async (request) => actions.resume((await runs.find(idOf(request))).runId));
  act('/runs/:id/cancel', ['now'], async (request, { now }) =>
    actions.cancel((await runs.find(idOf(request))).runId, flagOf(now)),
  );
  act('/runs/:id/retry', ['fromStep', 'budget', 'edited'], async (request, { fromStep, budget, edited }) => {
    if (fromStep !== undefined && (typeof fromStep !== 'string' || fromStep.length > 200)) {
      throw bad('`fromStep` is no id of a step', 'Leave it out to go on from the first step that did not succeed.');
    }
    const how = { fromStep, budget: budgetOf(budget), edited: flagOf(edited, 'edited') };
    return actions.retry((await runs.find(idOf(request))).runId, how);
  });

  router.get('/runs/:id/export', async (request, response) => {
    const format = queryOf(request, ['format']).text('format') ?? 'text';
    const known = Object.hasOwn(actions.exportFormats, format) ? actions.exportFormats[format] : undefined;
    if (known === undefined) {
      throw bad(`there is no format \`${format}\``, `Known are: ${Object.keys(actions.exportFormats).join(', ')}.`);
    }
    const { runId } = await runs.find(idOf(request));
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const chunks = await actions.exportRun(runId, format, gone.signal);
    response.attachment(`${runId}.${known.extension}`).set('Content-Type', known.type);
    // Who goes away in the middle is no error of ours.
    await pipeline(Readable.from(chunks, { objectMode: true }), response).catch(() => response.destroy());
  });
}

function flagOf(value: unknown, name = 'now'): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw bad(`\`${name}\` is neither true nor false`, 'Write true, or leave it out.');
}

/** Below and above these an amount is written with an exponent, and means nothing as a budget. */
const leastUsd = 0.000_001;
const mostUsd = 1e12;

function budgetOf(budget: unknown): GivenBudget | undefined {
  if (budget === undefined || budget === null) return budget;
  const fix = 'Send {"usd": 5}, {"tokens": 3000000}, both, or null for no limit.';
  if (typeof budget !== 'object' || Array.isArray(budget)) throw bad('`budget` is no object', fix);
  const { usd, tokens, ...others } = budget as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0 || (usd === undefined && tokens === undefined))
    throw bad('`budget` has something else than `usd` and `tokens`, or nothing', fix);
  if (usd !== undefined && !(typeof usd === 'number' && usd >= leastUsd && usd <= mostUsd))
    throw bad('`budget.usd` is no amount of US dollars above 0', fix);
  if (tokens !== undefined && !(Number.isSafeInteger(tokens) && Number(tokens) > 0))
    throw bad('`budget.tokens` is no whole number above 0', fix);
  return budget as GivenBudget;
}

function paramsOf(params: unknown): ParamValues {
  if (params === undefined) return {};
  if (typeof params !== 'object' || params === null || Array.isArray(params))
    throw bad('`params` is no object', 'Send {"name": "value"}.');
  const entries = Object.entries(params);
  if (entries.length > maxParams) throw bad(`\`params\` has more than ${maxParams} values`, 'Send fewer.');
  for (const [name, value] of entries) {
    if (!paramName.test(name))
      throw bad(
        `${JSON.stringify(name.slice(0, 64))} cannot be the name of a param`,
        'GET /api/v1/workflows lists them.',
      );
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw bad(`param \`${name}\` is no text, number, true or false`, 'Send one of these.');
    if (typeof value === 'string' && value.includes('\0'))
      throw bad(`param \`${name}\` holds a zero byte`, 'Leave it out.');
  }
  return Object.fromEntries(entries) as ParamValues;
}

function answer(response: Response, result: ActionResult): void {
  if (!result.ok) {
    answerProblem(response, result);
    return;
  }
  const { ok, runId, message } = result;
  const done: DoneAnswer = { ok, runId, message };
  response.json(done);
}
