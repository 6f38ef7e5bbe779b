// The routes that act: start, pause, resume, cancel, retry; and the download of a run. The hub passes in what they do: this file
// knows neither processes nor formats.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response, Router } from 'express';
import type { z } from 'zod';
import type { Answer } from '../../core/answer.ts';
import type { RunId } from '../../core/ids.ts';
import type { DoneAnswer, WorkflowsAnswer } from '../schema/answers.ts';
import type { answerBody, retryBody, startBody } from '../schema/requests.ts';
import { routes } from '../schema/routes.ts';
import { ApiProblem, answerProblem } from './problem.ts';
import { addRoute } from './read-request.ts';
import type { RunAccess } from './run-access.ts';

export type ActionResult =
  | { readonly ok: true; readonly runId: string; readonly message: string }
  | {
      readonly ok: false;
      readonly status: 400 | 403 | 404 | 409 | 503;
      readonly code: string;
      readonly message: string;
      readonly fix: string;
    };

export type StartOptions = Omit<z.infer<typeof startBody>, 'workflow'>;
export type RetryOptions = z.infer<typeof retryBody>;
/** What a run and those before it may use together, in place of the budget of the workflow; null for no limit. */
export type GivenBudget = NonNullable<RetryOptions['budget']> | null;

/** A browser that is signed in, or a program with a token. */
export type ActingVia = 'page' | 'api';

export type Actions = {
  readonly workflows: () => Promise<WorkflowsAnswer>;
  readonly start: (workflow: string, how: StartOptions) => Promise<ActionResult>;
  readonly pause: (runId: RunId, now: boolean) => Promise<ActionResult>;
  readonly resume: (runId: RunId) => Promise<ActionResult>;
  readonly answer: (runId: RunId, questionId: string, given: Answer, via: ActingVia) => Promise<ActionResult>;
  readonly message: (runId: RunId, step: string, text: string, via: ActingVia) => Promise<ActionResult>;
  readonly interrupt: (runId: RunId, step: string, via: ActingVia) => Promise<ActionResult>;
  readonly cancel: (runId: RunId, now: boolean) => Promise<ActionResult>;
  readonly retry: (runId: RunId, how: RetryOptions) => Promise<ActionResult>;
  readonly exportFormats: Readonly<Record<string, { readonly extension: string; readonly type: string }>>;
  readonly exportRun: (runId: RunId, format: string, signal: AbortSignal) => Promise<Export>;
};

export type Export = {
  readonly chunks: AsyncIterable<string | Buffer>;
  /** What is missing in it, one sentence each, as far as it was read. */
  readonly problems: () => readonly string[];
};

/** The trailer of a download that says what the file lacks. The page shows the same with the run. */
const problemTrailer = 'Stepspan-Journal-Problems';

export function addActionRoutes(router: Router, runs: RunAccess, actions: Actions): void {
  const idOf = async (id: string): Promise<RunId> => (await runs.find(id)).runId;

  addRoute(router, routes.workflows, async (response) => void response.json(await actions.workflows()));
  addRoute(router, routes.start, async (response, { body: { workflow, ...how } }) =>
    answer(response, await actions.start(workflow, how)),
  );
  addRoute(router, routes.pause, async (response, { id, body: { now } }) =>
    answer(response, await actions.pause(await idOf(id), now)),
  );
  addRoute(router, routes.resume, async (response, { id }) => answer(response, await actions.resume(await idOf(id))));
  addRoute(router, routes.answer, async (response, { id, body, request }) =>
    answer(response, await actions.answer(await idOf(id), body.questionId, answerOf(body), viaOf(request))),
  );
  addRoute(router, routes.sendMessage, async (response, { id, body: { step, text }, request }) =>
    answer(response, await actions.message(await idOf(id), step, text, viaOf(request))),
  );
  addRoute(router, routes.interrupt, async (response, { id, body: { step }, request }) =>
    answer(response, await actions.interrupt(await idOf(id), step, viaOf(request))),
  );
  addRoute(router, routes.cancel, async (response, { id, body: { now } }) =>
    answer(response, await actions.cancel(await idOf(id), now)),
  );
  addRoute(router, routes.retry, async (response, { id, body }) =>
    answer(response, await actions.retry(await idOf(id), body)),
  );
  addRoute(router, routes.export, async (response, { id, query: { format } }) => {
    const known = Object.hasOwn(actions.exportFormats, format) ? actions.exportFormats[format] : undefined;
    if (known === undefined) {
      const fix = `Known are: ${Object.keys(actions.exportFormats).join(', ')}.`;
      throw new ApiProblem(400, 'bad_request', `"format" is ${JSON.stringify(format)}.`, fix);
    }
    const runId = await idOf(id);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { chunks, problems } = await actions.exportRun(runId, format, gone.signal);
    response.attachment(`${runId}.${known.extension}`).set('Content-Type', known.type);
    // Proxies often speak HTTP/1.0, which has no trailers; neither has an answer without a body.
    const canTrail = response.req.httpVersion !== '1.0' && response.req.method !== 'HEAD';
    if (canTrail) response.set('Trailer', problemTrailer);
    // A client that leaves in the middle is not an error.
    const sent = await pipeline(Readable.from(chunks, { objectMode: true }), response, { end: false }).then(
      () => true,
      () => false,
    );
    if (!sent) return void response.destroy();
    const missing = problems();
    if (canTrail && missing.length > 0) response.addTrailers({ [problemTrailer]: missing.join(' ') });
    response.end();
  });
}

/** A page is known by its cookie, and who shows a token is judged by it alone. */
function viaOf({ headers }: Request): ActingVia {
  return headers.authorization === undefined ? 'page' : 'api';
}

/** The schema has checked that what the answer needs was given. */
function answerOf({ answer: kind, reason = '', choices = [], text = '', secret }: z.infer<typeof answerBody>): Answer {
  switch (kind) {
    case 'allow':
    case 'allow_always':
    case 'continue':
      return { kind };
    case 'deny':
    case 'end':
      return { kind, reason };
    case 'choose':
      return { kind, choices };
    case 'text':
      return { kind, text, ...(secret ? { isSecret: true } : {}) };
  }
}

function answer(response: Response, result: ActionResult): void {
  if (result.ok) response.json(result satisfies DoneAnswer);
  else answerProblem(response, result);
}
