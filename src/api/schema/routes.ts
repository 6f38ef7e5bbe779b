// Every route of the HTTP API: who may ask for it, what it takes and what it answers. The server reads its requests by this table,
// and docs/openapi.yaml is made from it.
import type { z } from 'zod';
import * as answers from './answers.ts';
import * as requests from './requests.ts';
import { runAnswer, runList, runTotals } from './run.ts';

export type Route<Q extends z.ZodObject = z.ZodObject, B extends z.ZodObject = z.ZodObject> = {
  readonly method: 'GET' | 'POST';
  /** As express writes it, with `:id` for a run. */
  readonly path: string;
  readonly summary: string;
  /** `none`: for everyone who can reach the port. */
  readonly scope: 'none' | 'read' | 'control';
  readonly query: Q;
  readonly body: B;
  readonly answer: z.ZodType | 'file' | 'picture';
  readonly isStream?: boolean;
  /** Statuses beside those that every such route has. */
  readonly errors: readonly (keyof typeof errorStatuses)[];
};

export const errorStatuses = {
  400: 'A parameter or the body is wrong.',
  401: 'Nobody is signed in, or the token, session or code is not valid.',
  403: 'This session cannot do that, or Host or Origin are not allowed.',
  404: 'There is no such run, step or workflow.',
  409: 'The run is in a state in which this cannot be done.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  503: 'The run cannot be reached from here.',
} as const;

function read<Q extends z.ZodObject>(route: Pick<Route<Q>, 'path' | 'summary' | 'answer' | 'query' | 'isStream'>) {
  const errors = route.path.includes(':id') ? ([400, 401, 403, 404] as const) : ([400, 401, 403] as const);
  return { ...route, method: 'GET', scope: 'read', body: requests.noBody, errors } as const;
}

type Act<B extends z.ZodObject> = Pick<Route<z.ZodObject, B>, 'path' | 'summary' | 'body' | 'answer'> & {
  readonly scope?: 'none';
  readonly errors?: Route['errors'];
};

function act<B extends z.ZodObject>(route: Act<B>) {
  const errors = [400, 401, 403, 413, 415, ...(route.errors ?? [])] as const;
  return { ...route, method: 'POST', scope: route.scope ?? 'control', query: requests.noQuery, errors } as const;
}

export const routes = {
  listRuns: read({ path: '/runs', summary: 'Runs, newest first.', query: requests.listRunsQuery, answer: runList }),
  start: act({
    path: '/runs',
    summary: 'Start a workflow from a folder that was allowed with `serve --workflows`.',
    body: requests.startBody,
    answer: answers.done,
    errors: [404],
  }),
  searchRuns: read({
    path: '/search',
    summary: 'Lines of all runs with a text, newest run first, as a stream: of each run the first ones.',
    query: requests.searchRunsQuery,
    answer: answers.searchRunsLine,
    isStream: true,
  }),
  totals: read({
    path: '/totals',
    summary: 'How many runs started since a time, how many of them failed, and what they cost.',
    query: requests.totalsQuery,
    answer: runTotals,
  }),
  run: read({ path: '/runs/:id', summary: 'One run.', answer: runAnswer, query: requests.noQuery }),
  steps: read({
    path: '/runs/:id/steps',
    summary: 'The steps of a run.',
    answer: answers.stepList,
    query: requests.noQuery,
  }),
  result: read({
    path: '/runs/:id/result',
    summary: 'What a step produced: its output as later steps get it, and its named outputs.',
    query: requests.resultQuery,
    answer: answers.result,
  }),
  timeline: read({
    path: '/runs/:id/timeline',
    summary: 'What happened when, as a tree of spans.',
    answer: answers.timeline,
    query: requests.timelineQuery,
  }),
  span: read({
    path: '/runs/:id/span',
    summary: 'What a span of the timeline was given, what it gave, and its attributes.',
    answer: answers.spanDetails,
    query: requests.spanQuery,
  }),
  output: read({
    path: '/runs/:id/output',
    summary:
      'Lines by range, from a number on or around one. Bounded in lines, text and work; `nextSeq` and `prevSeq` say where to continue.',
    query: requests.outputQuery,
    answer: answers.output,
  }),
  search: read({
    path: '/runs/:id/search',
    summary: 'All hits as a stream, with progress. Ends when the client leaves.',
    query: requests.searchQuery,
    answer: answers.searchLine,
    isStream: true,
  }),
  conversation: read({
    path: '/runs/:id/conversation',
    summary: 'What Claude Code said and did, and what it was answered.',
    query: requests.conversationQuery,
    answer: answers.conversation,
  }),
  message: read({
    path: '/runs/:id/message',
    summary: 'A raw message of Claude Code as indented JSON; what is in base64 is named by its size.',
    query: requests.messageQuery,
    answer: answers.message,
  }),
  picture: read({
    path: '/runs/:id/picture',
    summary: 'A picture that a tool gave to Claude Code: PNG, JPEG, GIF or WebP.',
    query: requests.pictureQuery,
    answer: 'picture',
  }),
  questions: read({
    path: '/runs/:id/questions',
    summary: 'What a run asks and nobody has answered yet, with the whole command, change or approval.',
    answer: answers.questionList,
    query: requests.noQuery,
  }),
  work: read({
    path: '/runs/:id/work',
    summary: 'What Claude Code did: the files that it changed, with their changes, and its tools by name.',
    query: requests.noQuery,
    answer: answers.work,
  }),
  resources: read({
    path: '/runs/:id/resources',
    summary: 'CPU and memory over time, at most 2,000 samples.',
    query: requests.resourcesQuery,
    answer: answers.resourceList,
  }),
  export: read({
    path: '/runs/:id/export',
    summary: 'The run as a file.',
    query: requests.exportQuery,
    answer: 'file',
  }),
  pause: act({
    path: '/runs/:id/pause',
    summary:
      'Hold the next step, and Claude steps with `ask` at the next boundary of their turn; with `now` freeze the running processes.',
    body: requests.nowBody,
    answer: answers.done,
    errors: [404, 409, 503],
  }),
  resume: act({
    path: '/runs/:id/resume',
    summary: 'Continue a paused run.',
    body: requests.noBody,
    answer: answers.done,
    errors: [404, 409, 503],
  }),
  answer: act({
    path: '/runs/:id/answer',
    summary: 'Answer a question of a run. The first answer wins; a later one is refused.',
    body: requests.answerBody,
    answer: answers.done,
    errors: [404, 409, 503],
  }),
  sendMessage: act({
    path: '/runs/:id/tell',
    summary: 'Send a message to Claude Code in a step that runs.',
    body: requests.messageBody,
    answer: answers.done,
    errors: [404, 409, 503],
  }),
  interrupt: act({
    path: '/runs/:id/interrupt',
    summary: 'End the turn of Claude Code in a step. Its session is kept, and a question asks how to continue.',
    body: requests.interruptBody,
    answer: answers.done,
    errors: [404, 409, 503],
  }),
  cancel: act({
    path: '/runs/:id/cancel',
    summary: 'End the run; with `now` without waiting for its steps.',
    body: requests.nowBody,
    answer: answers.done,
    errors: [404, 409, 503],
  }),
  retry: act({
    path: '/runs/:id/retry',
    summary: 'Continue in a new run from the first step that did not succeed, or from `fromStep`.',
    body: requests.retryBody,
    answer: answers.done,
    errors: [404, 409],
  }),
  workflows: read({
    path: '/workflows',
    summary: 'Workflows that can be started.',
    answer: answers.workflowList,
    query: requests.noQuery,
  }),
  session: read({
    path: '/session',
    summary: 'What this session may do, and what this server offers.',
    answer: answers.session,
    query: requests.noQuery,
  }),
  link: act({
    path: '/link',
    summary: 'A link that signs in one browser, once, within five minutes.',
    body: requests.linkBody,
    answer: answers.loginLink,
  }),
  login: act({
    path: '/login',
    summary: 'Exchange the code of a link for a session cookie.',
    scope: 'none',
    body: requests.loginBody,
    answer: answers.loggedIn,
  }),
} as const;
