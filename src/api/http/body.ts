// Reads the body of a request that acts: an object of JSON with fields that the route knows, or nothing at all.
import type { Request, Response } from 'express';
import { ApiProblem } from './problem.ts';
import { bad } from './query.ts';

/** A body of JSON, by name. */
export type Body = Readonly<Record<string, unknown>>;

/** A form of another site can send text, but no JSON without asking first; an empty body needs no type. */
export function needsJson(request: Request, _response: Response, next: (error?: unknown) => void): void {
  const isEmpty =
    (request.headers['content-length'] ?? '0') === '0' && request.headers['transfer-encoding'] === undefined;
  if (isEmpty || request.is('application/json')) next();
  else next(new ApiProblem(415, 'no_json', 'The body is no JSON.', 'Send `Content-Type: application/json`.'));
}

/** @param names every field that this route knows; another one is told, never ignored */
export function bodyOf(request: Request, names: readonly string[]): Body {
  const body: unknown = request.body ?? {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('the body is no object', 'Send {…}.');
  const unknown = Object.keys(body).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw bad(
      `the body has no \`${unknown.slice(0, 64)}\` here`,
      names.length === 0 ? 'Send {}.' : `Known are: ${names.join(', ')}.`,
    );
  }
  return body as Body;
}
