// Reads a request by the table of routes: its parameters and its body, checked by their schemas. What is not known, is given twice
// or has no meaning is refused, never guessed at. Every route of the API is added here.
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import type { z } from 'zod';
import { problemOf } from '../schema/fields.ts';
import { queryLists } from '../schema/requests.ts';
import type { Route } from '../schema/routes.ts';
import { ApiProblem } from './problem.ts';

type Asked<R extends Route> = {
  /** Of the run in the path; '' for a route without one. */
  readonly id: string;
  readonly query: z.infer<R['query']>;
  readonly body: z.infer<R['body']>;
  readonly request: Request;
};

/** People type or paste the parameters of a workflow. */
const maxBody = '64kb';
const json = express.json({ limit: maxBody, strict: true, type: 'application/json' });

export function addRoute<R extends Route>(
  router: Router,
  route: R,
  answer: (response: Response, asked: Asked<R>) => Promise<void> | void,
): void {
  const handle = async (request: Request, response: Response): Promise<void> => {
    const { id } = request.params;
    const query = check<R['query']>(route.query, queryOf(request, route.query));
    const body = check<R['body']>(route.body, request.body ?? {});
    await answer(response, { id: typeof id === 'string' ? id : '', query, body, request });
  };
  if (route.method === 'GET') router.get(route.path, handle);
  else router.post(route.path, needsJson, json, handle);
}

/** A form of another site can send text, but no JSON without asking first; an empty body needs no type. */
function needsJson(request: Request, _response: Response, next: NextFunction): void {
  const isEmpty =
    (request.headers['content-length'] ?? '0') === '0' && request.headers['transfer-encoding'] === undefined;
  if (isEmpty || request.is('application/json')) next();
  else next(new ApiProblem(415, 'no_json', 'The body is not JSON.', 'Send `Content-Type: application/json`.'));
}

function check<S extends z.ZodType>(schema: S, given: unknown): z.infer<S> {
  const checked = schema.safeParse(given);
  if (checked.success) return checked.data;
  const { message, fix } = problemOf(checked.error);
  throw new ApiProblem(400, 'bad_request', message, fix);
}

/** The parameters of a request by name; of a list all of its values. An empty one counts as left out. */
function queryOf(request: Request, schema: z.ZodObject): Readonly<Record<string, unknown>> {
  const params = new URLSearchParams(request.url.split('?').slice(1).join('?'));
  const { shape } = schema;
  const given: Record<string, unknown> = Object.fromEntries(Object.keys(shape).map((name) => [name, undefined]));
  for (const name of new Set(params.keys())) {
    const values = params.getAll(name);
    const field = shape[name];
    const listed = field === undefined ? undefined : queryLists.get(field);
    if (listed !== undefined) {
      const split = values.flatMap((value) => (listed.hasCommas ? value.split(',') : [value]));
      const list = split.filter((value) => value !== '');
      given[name] = list.length === 0 ? undefined : list;
    } else if (values.length > 1) {
      throw new ApiProblem(400, 'bad_request', `"${name.slice(0, 64)}" is given twice.`, 'Give it once.');
    } else given[name] = values[0] === '' ? undefined : values[0];
  }
  return given;
}

/** Aborted when the client leaves. */
export function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}
