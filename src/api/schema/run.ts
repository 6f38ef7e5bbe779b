// What the API and the tail answer of a run: `RunView` of src/runs as a schema. The compiler holds the two together: a field that
// one of them lacks is an error here.
import { z } from 'zod';
import { answerKinds } from '../../core/answer.ts';
import { ciSystems } from '../../core/ci.ts';
import { questionKinds } from '../../core/question.ts';
import { activeStatuses, type QuestionView, type RunSummary, type RunView } from '../../runs/index.ts';
import type { RunViewPatch } from '../../runs/view-patch.ts';
import { integer, listOf } from './fields.ts';
import {
  cost,
  findings,
  iso,
  lines,
  link,
  modelUse,
  named,
  outcome,
  outcomeKind,
  paramValue,
  stepCounts,
} from './values.ts';

export const runStatus = named('State', z.enum([...activeStatuses, ...outcomeKind.options]));

const wait = named(
  'Wait',
  z.strictObject({
    kind: z.enum(['limit', 'pause', 'question', 'stall', 'retry']),
    since: iso.nullable(),
    until: iso.nullable().describe('When it ends, as far as that is known.'),
    cause: z.string().describe('A phrase such as `rate or usage limit` or `no output`.'),
  }),
);

const activity = named(
  'Activity',
  z.strictObject({
    step: z.string(),
    stepName: z.string(),
    text: z.string().describe('The tool with its argument, the last sentence or the last line.'),
    since: iso.nullable(),
    cost: z.strictObject(cost).describe('What this step has cost up to now.'),
    waitsFor: wait.nullable(),
  }),
);

export const runSummary = named(
  'RunSummary',
  z.strictObject({
    runId: z.string(),
    traceId: z.string(),
    workflow: z.string(),
    description: z.string(),
    file: z.string(),
    params: z
      .record(z.string(), paramValue)
      .describe(
        'What the workflow was started with. In a list long texts lack their end, and not all of many are there.',
      ),
    labels: z.record(z.string(), z.string()).describe('Those of the workflow, with the ones of the run over them.'),
    resumedFrom: z.string().nullable(),
    state: runStatus,
    since: iso.nullable().describe('Since when it is in this state.'),
    cause: z.string().describe('Why it is in this state; empty if there is nothing to say.'),
    until: iso.nullable().describe('When it is expected to continue, if it waits and that is known.'),
    startedAt: iso.nullable(),
    endedAt: iso.nullable(),
    durationMs: z.number().nullable().describe('Null while the run is active: it is then the time since `startedAt`.'),
    ...stepCounts,
    progress: z.number().min(0).max(100),
    currentStep: z.string().nullable(),
    activity: activity.nullable().describe('What the run does now: its oldest active step. Null if it is not active.'),
    waitingUntil: iso
      .nullable()
      .describe('When the run continues if every active step waits for the end of a rate or usage limit.'),
    ...cost,
    costEstimated: z.boolean(),
    tokens: integer,
    message: z.string().describe('Why it did not succeed; empty otherwise.'),
    warnings: integer.describe('Denied tool calls, failed hooks and the like over all steps; a success can have some.'),
    alertCount: integer,
  }) satisfies z.ZodType<RunSummary>,
);

const resources = named(
  'Resource',
  z.strictObject({
    cpuSeconds: z.number(),
    cpuCores: z.number(),
    rssBytes: z.number(),
    maxRssBytes: z.number(),
    processes: integer,
  }),
);

const attempt = named(
  'Attempt',
  z.strictObject({
    number: integer,
    state: z.enum(['running', 'finished']),
    outcome: outcome.nullable(),
    command: z.string(),
    pid: integer.nullable(),
    startedAt: iso,
    endedAt: iso.nullable(),
    durationMs: z.number().nullable(),
    pausedMs: z.number(),
    firstSeq: integer.describe('Of its first record.'),
    lastSeq: integer.nullable().describe('Of its last record, once it has ended.'),
    lines,
    ...cost,
    costEstimated: z.boolean(),
    costUnknownWhy: z.string().nullable().describe('Why a part of the cost is unknown.'),
    resources: resources.nullable(),
    sessionId: z.string().nullable(),
    model: z.string().nullable(),
    claudeVersion: z.string().nullable(),
    turns: integer.nullable(),
  }),
);

export const question = named(
  'Question',
  z.strictObject({
    questionId: z.string().describe('What an answer is bound to.'),
    kind: z.enum(questionKinds),
    attempt: integer,
    tool: z.string().describe('Empty for what a step asks by itself.'),
    summary: z.string().describe('One line, such as `Bash(npm test)`.'),
    since: iso,
    until: iso.describe('When stepspan answers in the place of a person.'),
    onTimeout: z.enum(['deny', 'fail']),
    answers: listOf(z.enum(answerKinds)).describe('What can be answered.'),
    suggestions: listOf(z.string()).describe('What `allow_always` allows until the session ends.'),
    seq: integer.describe('Of the record with the whole input.'),
  }) satisfies z.ZodType<QuestionView>,
);

export const step = named(
  'Step',
  z.strictObject({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['run', 'claude', 'approve']),
    needs: listOf(z.string()),
    when: z.string().describe('As the workflow says it; empty if it runs after its needs have succeeded.'),
    maxAttempts: integer.describe('How often it is tried at most.'),
    state: z.enum(['planned', 'running', 'retrying', 'waiting', 'finished']),
    waitsFor: wait.nullable().describe('Null while it makes progress, and while it is not active.'),
    questions: listOf(question).describe('What the step, or Claude Code in it, asks and nobody has answered yet.'),
    askedCount: integer.describe('How many questions it has asked.'),
    askedWaitMs: z.number().describe('How long it has waited for the answers together.'),
    outcome: outcome.nullable(),
    tolerated: z.boolean().describe('It failed and the workflow allows that.'),
    startedAt: iso.nullable(),
    endedAt: iso.nullable(),
    durationMs: z.number().nullable().describe('Null until it has ended.'),
    ...cost,
    lines,
    activity: z
      .string()
      .describe(
        'What it does now: the tool with its argument, the last sentence or the last line; empty if nothing is known.',
      ),
    activitySince: iso.nullable(),
    lastLine: z.string(),
    toolCalls: integer,
    toolErrors: integer,
    findings,
    warning: z.string().describe('The findings as a sentence; empty if there are none.'),
    resources: resources.nullable(),
    attemptCount: integer.describe('How many were made; `attempts` lacks those that could not be started.'),
    attempts: listOf(attempt),
  }),
);

export const activeAlert = named(
  'Alert',
  z.strictObject({
    rule: z.string().describe('Name of the rule, such as `StepspanRunStuck`.'),
    severity: z.enum(['critical', 'warning', 'info']),
    step: z.string().nullable().describe('Null for an alert about the run as a whole.'),
    since: iso,
    summary: z.string(),
    description: z.string(),
    seq: integer.describe('The record of the run to look at first.'),
  }),
);

const versionControl = named(
  'VersionControl',
  z.strictObject({
    url: z.string().nullable().describe('Where the repository is on the web.'),
    branch: z.string().nullable().describe('Null for a checkout of a commit.'),
    revision: z.string().nullable().describe('The commit.'),
    isDirty: z.boolean().nullable().describe('Whether tracked files differed from that commit; null if not known.'),
  }),
);

/** With null for what is not known it would be said twice: the fields of a job are there or not. */
const ciJob = named(
  'CiJob',
  z.strictObject({
    system: z.enum(ciSystems),
    url: z.string().nullable().describe('The page of the job.'),
    repository: z.string().nullable().describe('`owner/name`.'),
    branch: z.string().nullable(),
    commit: z.string().nullable(),
    actor: z.string().nullable().describe('Who or what started it.'),
    change: z.string().nullable().describe('The number of the pull request or merge request.'),
  }),
);

const runView = z.strictObject({
  ...runSummary.shape,
  cwd: z.string(),
  versionControl: versionControl
    .nullable()
    .describe('What was checked out in `cwd` when the run started; null outside a Git repository.'),
  ci: ciJob
    .nullable()
    .describe(
      'The CI job that started it, with null for what it does not say; null outside of the CI systems that are known.',
    ),
  stepspanVersion: z.string(),
  concurrency: integer,
  budgetUsd: z.number().nullable(),
  budgetTokens: integer.nullable(),
  paused: z.strictObject({ by: z.string(), now: z.boolean(), since: iso }).nullable(),
  pausedMs: z.number(),
  averageStepDurationMs: z.number().nullable(),
  estimatedCompletion: iso.nullable(),
  estimateBasis: z
    .enum(['history', 'partial', 'average'])
    .nullable()
    .describe('Which steps were seen in earlier runs: every step that is left, some of them, or none.'),
  nextSeq: integer.describe('The number that the next record of the run gets.'),
  lines,
  hidden: integer.describe('Secrets that were replaced.'),
  lostLines: integer,
  lostEvents: integer,
  journalProblems: listOf(z.string()).describe(
    'What could not be read of its journal, as far as it was read: one sentence each, and one for those past the first 20.',
  ),
  models: listOf(modelUse),
  alerts: listOf(activeAlert),
  steps: listOf(step),
}) satisfies z.ZodType<RunView>;

export const runAnswer = named(
  'Run',
  z.strictObject({
    ...runView.shape,
    firstSeq: integer.describe('The first sequence number that is still kept.'),
    links: listOf(link).describe('To the trace and the logs of the run.'),
  }),
);

export type Link = z.infer<typeof link>;
export type RunAnswer = z.infer<typeof runAnswer>;

export const runList = named(
  'RunList',
  z.strictObject({
    runs: listOf(runSummary),
    next: z.string().optional().describe('Ask with `before=` this for the next page; absent on the last one.'),
  }),
);
export type RunList = z.infer<typeof runList>;

export const runTotals = named(
  'RunTotals',
  z.strictObject({
    runs: integer.describe('Runs that started since then.'),
    failed: integer,
    ...cost,
    tokens: integer,
  }),
);
export type RunTotals = z.infer<typeof runTotals>;

const stepPatch = z.strictObject({
  ...step.partial().shape,
  id: z.string(),
  attempts: listOf(z.strictObject({ ...attempt.partial().shape, number: integer })).optional(),
  newAttempts: listOf(attempt).optional(),
});
const patchShape = z.strictObject({
  ...runAnswer.partial().shape,
  steps: listOf(stepPatch).optional(),
  newSteps: listOf(step).optional(),
});
/** What `diffViews` returns: only what changed. New steps and attempts are apart, and whole. */
export const runPatch = z.custom<RunViewPatch>((value) => patchShape.safeParse(value).success);
