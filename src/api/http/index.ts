// The HTTP API as an express router: reads journals through folds, and acts through the functions that it is given.
// Who may ask is decided before a request comes here.
import express, { type Router } from 'express';
import type { DataFolder } from '../../journal/index.ts';
import { type Actions, addActionRoutes } from './action-routes.ts';
import { addOutputRoutes } from './output-routes.ts';
import { ApiProblem, handleProblems } from './problem.ts';
import { createRunAccess } from './run-access.ts';
import { createRunMemory } from './run-memory.ts';
import { addRunRoutes, type RunRoutes } from './run-routes.ts';

export type { DoneAnswer, SessionAnswer, WorkflowsAnswer } from '../schema/answers.ts';
export { routes } from '../schema/routes.ts';
export type { ActionResult, Actions, GivenBudget, ParamValues, RetryOptions } from './action-routes.ts';
export { createEarlierRuns } from './earlier-runs.ts';
export { ApiProblem, answerProblem, handleProblems } from './problem.ts';
export { addRoute } from './read-request.ts';
export type { Link } from './run-routes.ts';

export type ApiOptions = {
  readonly data: DataFolder;
  readonly actions: Actions;
  readonly linksOf: RunRoutes['linksOf'];
  readonly earlier: RunRoutes['earlier'];
};

/** To be mounted at /api/v1, behind the check of who asks. */
export function createApi({ data, actions, linksOf, earlier }: ApiOptions): Router {
  const router = express.Router();
  const memory = createRunMemory(data);
  const runs = createRunAccess(memory);
  addRunRoutes(router, { data, memory, runs, linksOf, earlier });
  addOutputRoutes(router, runs);
  addActionRoutes(router, runs, actions);
  router.use((_request, _response, next) => {
    next(new ApiProblem(404, 'no_route', 'There is nothing here.', 'docs/openapi.yaml lists what there is.'));
  });
  router.use(handleProblems);
  return router;
}
