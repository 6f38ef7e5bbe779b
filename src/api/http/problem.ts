// What the API answers when something is wrong: a status, a code for programs, and what to do for people.
import type { NextFunction, Request, Response } from 'express';
import type { ErrorAnswer } from '../schema/answers.ts';
import { isObject } from '../schema/fields.ts';

/** Thrown by a route and turned into an answer in one place. It is not a defect of stepspan. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string;

  constructor(status: number, code: string, message: string, fix: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.fix = fix;
  }
}

export function answerProblem(
  response: Response,
  problem: Pick<ApiProblem, 'status' | 'code' | 'message' | 'fix'>,
): void {
  const { status, code, message, fix } = problem;
  const answer: ErrorAnswer = { error: { code, message, fix } };
  response.status(status).json(answer);
}

/** The last handler of a router; four parameters are how express knows it for one of errors. */
export function handleProblems(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  if (response.headersSent) {
    // A stream that breaks off shows the client that something is missing; a clean end would not.
    response.destroy();
    return;
  }
  answerProblem(response, problemOf(error));
}

function problemOf(error: unknown): Pick<ApiProblem, 'status' | 'code' | 'message' | 'fix'> {
  if (error instanceof ApiProblem) return error;
  const { status, type, name, message } = isObject(error) ? error : { message: error };
  if (name === 'JournalError') {
    return { status: 500, code: 'journal', message: String(message), fix: 'Look at the run with `stepspan show`.' };
  }
  if (type === 'entity.too.large') {
    return { status: 413, code: 'too_large', message: 'The body is too large.', fix: 'Send less than 64 KiB.' };
  }
  // Of express and its body parser: bodies that are not JSON, paths that cannot be decoded.
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, code: 'malformed', message: 'The request is malformed.', fix: 'See docs/openapi.yaml.' };
  }
  return {
    status: 500,
    code: 'internal',
    message: `A defect of stepspan: ${String(message)}`,
    fix: 'Please report it.',
  };
}
