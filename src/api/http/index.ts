// The HTTP API as an express router: reads journals through folds, and acts through the functions that it is given.
// Who may ask is decided before a request comes here.
import express, { type Router } from 'express';
import type { Catalogue } from '../../runs/index.ts';
import { type Actions, addActionRoutes } from './action-routes.ts';
import { addConversationRoutes } from './conversation-routes.ts';
import { addOutputRoutes } from './output-routes.ts';
import { ApiProblem, handleProblems } from './problem.ts';
import { createRunAccess } from './run-access.ts';
import { createRunMemory } from './run-memory.ts';
import { addRunRoutes, type RunRoutes } from './run-routes.ts';
import { addSearchRoutes } from './search-routes.ts';
import { addTimelineRoutes } from './timeline-routes.ts';

export type { DoneAnswer, SessionAnswer, WorkflowsAnswer } from '../schema/answers.ts';
export { routes } from '../schema/routes.ts';
export type { Link } from '../schema/run.ts';
export type { ActionResult, Actions, GivenBudget, RetryOptions, StartOptions } from './action-routes.ts';
export { ApiProblem, answerProblem, handleProblems } from './problem.ts';
export { addRoute } from './read-request.ts';

export type ApiOptions = {
  readonly catalogue: Catalogue;
  readonly actions: Actions;
  readonly linksOf: RunRoutes['linksOf'];
};

/** To be mounted at /api/v1, behind the check of who asks. */
export function createApi({ catalogue, actions, linksOf }: ApiOptions): Router {
  const router = express.Router();
  const memory = createRunMemory(catalogue);
  const runs = createRunAccess(catalogue);
  addRunRoutes(router, { catalogue, memory, runs, linksOf });
  addTimelineRoutes(router, runs, memory);
  addOutputRoutes(router, runs, memory);
  addSearchRoutes(router, catalogue, runs);
  addConversationRoutes(router, runs);
  addActionRoutes(router, runs, actions);
  router.use((_request, _response, next) => {
    next(new ApiProblem(404, 'no_route', 'There is nothing here.', 'docs/openapi.yaml lists what there is.'));
  });
  router.use(handleProblems);
  return router;
}
