// What the HTTP API answers besides runs: shared by its routes, its callers and the live page. No behaviour.
import { z } from 'zod';
import type { Patch, SourceMessage } from '../../conversation/index.ts';
import type { JsonValue } from '../../core/step-output.ts';
import { spanKinds } from '../../runs/index.ts';
import { integer, isObject, listOf } from './fields.ts';
import { question, runSummary, step } from './run.ts';
import { claudeEvent, line, modelUse, named, ns, outcomeKind, paramValue, place, scope } from './values.ts';

export const errorAnswer = named(
  'Error',
  z.strictObject({
    error: z.strictObject({
      code: z.string().describe('For programs; it does not change.'),
      message: z.string(),
      fix: z.string().describe('What to do or to write instead.'),
    }),
  }),
);
export type ErrorAnswer = z.infer<typeof errorAnswer>;

export const stepList = named('Steps', z.strictObject({ steps: listOf(step) }));

export const result = named(
  'Result',
  z.strictObject({
    step: z.string(),
    outcome: outcomeKind.nullable().describe('Null while the step has not ended; the output is then empty.'),
    output: z.string().describe('At most 120 KiB: the head and the tail of a longer one.'),
    outputCut: z.boolean(),
    outputBytes: integer.min(0).describe('Of the whole output.'),
    outputs: z
      .custom<Readonly<Record<string, JsonValue>>>()
      .meta({ type: 'object', additionalProperties: true, description: 'Named outputs.' }),
  }),
);
export type ResultAnswer = z.infer<typeof result>;

const span = named(
  'Span',
  z.strictObject({
    id: z.string(),
    parentId: z.string().nullable(),
    kind: z
      .enum(spanKinds)
      .describe(
        '`turn`: an answer of the model and the tools that it called. `claude`: only in the telemetry of Claude Code. `more`: `count` spans that are not kept one by one.',
      ),
    name: z.string(),
    detail: z.string().describe('What it is about in one line, such as the command of a tool call.'),
    ...place,
    startNs: ns,
    endNs: ns.nullable(),
    outcome: z.string().nullable(),
    seq: integer.nullable().describe('The record with which it began; null if only the telemetry has it.'),
    spanId: z.string().nullable().describe('Of the span of Claude Code in the traces.'),
    usage: modelUse.nullable(),
    count: integer,
  }),
);

export const timeline = named(
  'Timeline',
  z.strictObject({
    spans: listOf(span),
    removed: listOf(z.string()).describe('Ids of spans that turned out to be another one.'),
    dropped: integer.describe('Spans over the bound, for which those of the kind `more` stand.'),
    nextSeq: integer.describe('Ask with `from=` this for what changes after this answer.'),
  }),
);
export type TimelineAnswer = z.infer<typeof timeline>;

export const spanDetails = named(
  'SpanDetails',
  z.strictObject({
    id: z.string(),
    input: z.string().describe('Of a tool call, as JSON text.'),
    output: z.string().describe('Of a tool call, or what the model said.'),
    outputBytes: integer.describe('Of all of it, of which `output` may be a part.'),
    attributes: z.record(z.string(), z.string()).describe('Of the span of Claude Code.'),
  }),
);
export type SpanDetailsAnswer = z.infer<typeof spanDetails>;

export type LineAnswer = z.infer<typeof line>;

const problems = listOf(z.string()).describe(
  'What could not be read of the journal, as far as it was read: one sentence each, and one for those past the first 20. The answer lacks it.',
);

export const output = named(
  'Output',
  z.strictObject({
    lines: listOf(line),
    nextSeq: integer.describe('Continue with `from=` this. Equal to `headSeq` when everything up to the end was read.'),
    nextNumber: integer
      .exactOptional()
      .describe('With `numbers`: that of the first line from `nextSeq` on. Missing if the run was not read so far.'),
    prevSeq: integer.describe('Everything from here on was read: go back with `anchor=` this and `before=`.'),
    firstSeq: integer,
    headSeq: integer,
    finished: z.boolean().describe('The run has ended and nothing comes after `headSeq`.'),
    problems,
  }),
);
export type OutputAnswer = z.infer<typeof output>;

/** One line of the answer to a search; the last one is `done`, or `error` for a search that could not continue. */
export const searchLine = named(
  'SearchLine',
  z.union([
    z.strictObject({ hit: line }),
    z.strictObject({ progress: z.strictObject({ seq: integer, headSeq: integer }) }),
    z.strictObject({ done: z.strictObject({ hits: integer, nextSeq: integer, headSeq: integer, problems }) }),
    errorAnswer,
  ]),
);
export type SearchAnswer = z.infer<typeof searchLine>;

const wholeQuestion = named(
  'WholeQuestion',
  z.strictObject({
    step: z.string(),
    ...question.shape,
    input: z.string().describe('The input of the call as JSON text.'),
    isCut: z.boolean().describe('The input lacks its middle. It can then only be denied.'),
  }),
);

export const questionList = named('Questions', z.strictObject({ questions: listOf(wholeQuestion) }));
export type QuestionsAnswer = z.infer<typeof questionList>;

/** One line of the answer to a search over all runs; the last one is `done`, or `error`. */
export const searchRunsLine = named(
  'SearchRunsLine',
  z.union([
    z.strictObject({
      found: z.strictObject({
        run: runSummary,
        hits: listOf(line).describe('The first ones, without the end of long lines.'),
        hasMore: z.boolean(),
      }),
    }),
    z.strictObject({ progress: z.strictObject({ runs: integer.describe('Searched up to now.') }) }),
    z.strictObject({
      done: z.strictObject({
        runs: integer.describe('With such a line.'),
        searched: integer,
        isComplete: z.boolean().describe('False if there are more runs with such a line.'),
        unreadable: listOf(z.string()).describe('Runs of which a part could not be searched.'),
      }),
    }),
    errorAnswer,
  ]),
);
export type SearchRunsAnswer = z.infer<typeof searchRunsLine>;

const turn = named(
  'Turn',
  z.strictObject({ seq: integer, ns, step: z.string(), attempt: integer, event: claudeEvent }),
);

const rawMessage = named(
  'RawMessage',
  z.strictObject({
    seq: integer,
    ns,
    step: z.string(),
    attempt: integer,
    message: z
      .custom<SourceMessage>((value) => isObject(value) && typeof value.type === 'string')
      .meta({
        type: 'object',
        required: ['type'],
        properties: { type: { type: 'string' } },
        description: 'What a raw message adds to its events: ids, a change of a file, pictures, a hook.',
      }),
  }),
);

export const conversation = named(
  'Conversation',
  z.strictObject({ turns: listOf(turn), messages: listOf(rawMessage), nextSeq: integer, headSeq: integer }),
);
export type ConversationAnswer = z.infer<typeof conversation>;

export const message = named('Message', z.strictObject({ seq: integer, text: z.string() }));
export type MessageAnswer = z.infer<typeof message>;

const fileChange = z.strictObject({
  seq: integer.describe('Of the call, as `turn` in the address of the live page.'),
  step: z.string(),
  attempt: integer,
  patch: z
    .custom<Patch>((value) => isObject(value) && typeof value.file === 'string')
    .meta({
      type: 'object',
      required: ['file', 'hunks'],
      properties: { file: { type: 'string' }, hunks: { type: 'array', items: { type: 'object' } } },
      description: 'Hunks of a unified diff, with the lines added and removed.',
    }),
});

export const work = named(
  'Work',
  z.strictObject({
    tools: listOf(
      z.strictObject({
        name: z.string(),
        calls: integer,
        errors: integer.describe('Without denials.'),
        denials: integer,
      }),
    ),
    files: listOf(
      z.strictObject({
        file: z.string(),
        added: integer.describe('Lines, over all changes one after the other.'),
        removed: integer,
        isNew: z.boolean().describe('It did not exist before its first change.'),
        changes: listOf(fileChange),
      }),
    ).describe('Changed by a tool that edits files; what commands change is not known.'),
  }),
);
export type WorkAnswer = z.infer<typeof work>;

const sample = named(
  'Sample',
  z.strictObject({ ns, ...place, cpuCores: z.number(), rssBytes: z.number(), processes: integer }),
);

export const resourceList = named('Resources', z.strictObject({ samples: listOf(sample) }));
export type ResourcesAnswer = z.infer<typeof resourceList>;

const workflow = named(
  'Workflow',
  z.strictObject({
    file: z.string().describe('What `POST /runs` takes as `workflow`.'),
    name: z.string(),
    description: z.string(),
    steps: integer,
    params: listOf(
      z.strictObject({
        name: z.string(),
        type: z.enum(['string', 'number', 'boolean']),
        required: z.boolean(),
        default: paramValue.nullable(),
        description: z.string(),
      }),
    ),
    problem: z.string().describe('Why it cannot be started; empty if it can.'),
  }),
);

export const workflowList = named('Workflows', z.strictObject({ workflows: listOf(workflow) }));
export type WorkflowsAnswer = z.infer<typeof workflowList>;

export const session = named(
  'Session',
  z.strictObject({
    scope,
    version: z.string(),
    servedBy: z
      .enum(['hub', 'run'])
      .describe('`run`: by the process of one run, so that the server ends with that run.'),
    canStart: z.boolean().describe('Whether this session may start workflows, of which there may be none yet.'),
    links: listOf(z.string()).describe('Which links to traces and logs are set up.'),
  }),
);
export type SessionAnswer = z.infer<typeof session>;

export const done = named('Done', z.strictObject({ ok: z.literal(true), runId: z.string(), message: z.string() }));
export type DoneAnswer = z.infer<typeof done>;

export const loginLink = named('LoginLink', z.strictObject({ url: z.string(), scope, expiresAt: z.string() }));
export const loggedIn = named('LoggedIn', z.strictObject({ scope }));
