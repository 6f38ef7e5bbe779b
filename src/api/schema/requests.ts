// What may be asked of the HTTP API: the parameters of its queries and the fields of its bodies. A query arrives as text, so each of
// its fields first reads the text and then checks the value. `api/http/read-request.ts` applies these schemas.
import { z } from 'zod';
import { answerKinds, maxAnswerCharacters, maxChoiceCharacters, maxChoices } from '../../core/answer.ts';
import { isRunId } from '../../core/ids.ts';
import {
  labelKeyPattern,
  labelKeyRule,
  maxLabelLength,
  maxLabels,
  parseLabel,
  problemOfLabelValue,
} from '../../core/labels.ts';
import { activeStatuses, parseRegex, parseSearch } from '../../runs/index.ts';
import { severities, streams } from '../../text/stream.ts';
import { count, flag, must, mustSecretly, oneOf, strict, text } from './fields.ts';
import { iso, outcomeKind, paramValue } from './values.ts';

/** Longer than any id and any search that a person types. */
const maxTextLength = 1_000;

/** Fields that may be given more than once, and of most the values as one text with commas too. */
export const queryLists = z.registry<{ readonly hasCommas: boolean }>();

function numberOf(given: unknown): unknown {
  return typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : given;
}

function flagOf(given: unknown): unknown {
  if (given === '1' || given === 'true') return true;
  return given === '0' || given === 'false' ? false : given;
}

const queryText = text(1, maxTextLength).optional();
const queryFlag = z.preprocess(flagOf, flag().default(false));

function queryCount(min: number, max?: number) {
  return z.preprocess(numberOf, count(min, max).optional());
}

function queryCountOr(unless: number, min: number, max: number) {
  return z.preprocess(numberOf, count(min, max).default(unless));
}

/** A sequence number that cannot be left out. */
const querySeq = z.preprocess(numberOf, count(0));

/** A workflow has fewer steps than this. */
const maxListLength = 200;

/** @param hasCommas a comma separates values, and is part of none */
function queryList<T extends z.ZodType>(item: T, hasCommas = true) {
  const field = z
    .array(item, must('a list'))
    .max(maxListLength, must(`at most ${maxListLength} values`))
    .readonly()
    .optional();
  queryLists.add(field, { hasCommas });
  return field;
}

function isLabel(given: string): boolean {
  return parseLabel(given).ok;
}

export const noQuery = strict({});

export const listRunsQuery = strict({
  workflow: queryText.describe('Only of this workflow.'),
  state: queryList(oneOf([...activeStatuses, ...outcomeKind.options])).describe('Only in these states.'),
  label: queryList(text(1, maxTextLength).refine(isLabel, must('KEY=VALUE, such as team=payments')), false).describe(
    'Only runs with this label, `KEY=VALUE`; of several, with all of them.',
  ),
  search: queryText.describe('In id, workflow, state, message, trace id, file, description or labels.'),
  limit: queryCountOr(50, 1, 200).describe('At most so many.'),
  before: queryText.describe('Only runs before this id: `next` of the page before.'),
});

export const totalsQuery = strict({
  since: z
    .string(must('a time such as 2026-11-23T00:00:00Z'))
    .refine((given) => iso.safeParse(given).success, must('a time such as 2026-11-23T00:00:00Z'))
    .describe('Only runs that started then or later.'),
});

export const resultQuery = strict({ step: text(1, maxTextLength).describe('The id of the step.') });

/** Which lines are wanted. Severities and texts are compared with whole lines, whose pieces are put together. */
const lineFilter = {
  step: queryList(text(1, maxTextLength)).describe('Only of these steps.'),
  stream: queryList(oneOf(streams)).describe('Only of these streams.'),
  severity: queryList(oneOf(severities)).describe('Only of these severities.'),
};

const from = queryCount(0).describe('The first sequence number.');

export const timelineQuery = strict({
  from: queryCount(0).describe('Only what has changed since: `nextSeq` of the answer before.'),
});

export const spanQuery = strict({ span: text(1, maxTextLength).describe('The id of the span in the timeline.') });

/** A screen has some hundred lines; a page asks for a few of them ahead. */
const maxLines = 5_000;

export const outputQuery = strict({
  ...lineFilter,
  search: text(1, maxTextLength)
    .superRefine((words, context) => checkSearch(parseSearch(words), context))
    .optional()
    .describe('Only lines with this text, or that match a /regular expression/.'),
  from,
  limit: queryCountOr(500, 0, maxLines).describe('At most so many lines.'),
  anchor: queryCount(0).describe('Instead of `from`: lines around this number.'),
  before: queryCountOr(0, 0, maxLines).describe('With `anchor`: so many wanted lines before it.'),
  after: queryCountOr(0, 0, maxLines).describe('With `anchor`: so many from it on.'),
  numbers: queryFlag.describe('Counts lines: each has its `number`, and the answer `nextNumber`.'),
});

export const searchQuery = strict({
  ...lineFilter,
  q: text(1, maxTextLength).describe('What to look for.'),
  regex: queryFlag.describe('`q` is a regular expression.'),
  from,
  // More hits than anybody steps through; `nextSeq` says where to continue.
  limit: queryCountOr(1_000, 1, 10_000).describe('At most so many hits.'),
}).superRefine(({ q, regex }, context) => {
  if (regex) checkSearch(parseRegex(q), context, ['q']);
});

export const searchRunsQuery = strict({
  q: text(1, maxTextLength)
    .superRefine((words, context) => checkSearch(parseSearch(words), context))
    .describe('A text that a line has, in the same case, or a /regular expression/ that it matches.'),
  workflow: queryText.describe('Only runs of this workflow.'),
  state: queryList(oneOf([...activeStatuses, ...outcomeKind.options])).describe('Only runs in these states.'),
  limit: queryCountOr(50, 1, 200).describe('At most so many runs.'),
  lines: queryCountOr(3, 1, 100).describe('At most so many lines of each.'),
});

export function checkSearch(
  parsed: ReturnType<typeof parseSearch>,
  context: z.RefinementCtx,
  path: readonly string[] = [],
): void {
  if (parsed.ok) return;
  const message = `The regular expression cannot be read: ${parsed.message}.\nFix it, or search for a text.`;
  context.addIssue({ code: 'custom', path: [...path], message });
}

/** Events are a few hundred bytes each, texts in them cut at their own bounds. */
export const conversationQuery = strict({
  step: queryText.describe('Only of this step.'),
  attempt: queryCount(1, 1_000_000).describe('Only of this attempt.'),
  from,
  to: queryCount(0).describe('Only what comes before this sequence number.'),
  limit: queryCountOr(500, 1, 2_000).describe('At most so many turns.'),
});

export const messageQuery = strict({ seq: querySeq.describe('The sequence number of the message.') });

export const pictureQuery = strict({
  seq: querySeq.describe('The sequence number of the message.'),
  index: queryCountOr(0, 0, 1_000).describe('Which picture of the message, from 0.'),
});

export const resourcesQuery = strict({ step: queryText.describe('Only of this step.') });

export const exportQuery = strict({ format: text(1, 100).default('text').describe('How the file is written.') });

const maxParams = 64;
const labelValueRule = `one line of at most ${maxLabelLength} characters`;
const paramName = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

export const startBody = strict({
  workflow: text(1, 4096).describe('A file as `GET /workflows` names it, or its path in an allowed folder.'),
  params: z
    .record(
      z.string().regex(paramName, must('the name of a parameter; GET /api/v1/workflows lists them')),
      paramValue.refine(
        (value) => typeof value !== 'string' || !value.includes('\0'),
        mustSecretly('a text without a zero byte'),
      ),
      must('an object such as {"name": "value"}'),
    )
    .refine((params) => Object.keys(params).length <= maxParams, mustSecretly(`at most ${maxParams} parameters`))
    .default({}),
  labels: z
    .record(
      z.string().regex(labelKeyPattern, must(`other keys: ${labelKeyRule}`)),
      z.string().refine((value) => problemOfLabelValue(value, '') === undefined, mustSecretly(labelValueRule)),
      must('an object such as {"team": "payments"}'),
    )
    .refine((labels) => Object.keys(labels).length <= maxLabels, must(`at most ${maxLabels} labels`))
    .default({})
    .describe('Over those of the workflow; an empty text leaves one out.'),
});

export const nowBody = strict({ now: flag().default(false).describe('Without waiting for the running steps.') });
export const noBody = strict({});

const answerText = (what: string) => text(0, maxAnswerCharacters).optional().describe(what);
const choicesRule = must(`a list of 1 to ${maxChoices} options`);

export const answerBody = strict({
  questionId: text(1, 100).describe('As `GET /runs/:id/questions` names it.'),
  answer: oneOf(answerKinds).describe('One of the `answers` of the question.'),
  reason: answerText('Of `deny`: Claude Code gets it as the result of its call. Of `end`: why the step ends.'),
  choices: z
    .array(text(1, maxChoiceCharacters), choicesRule)
    .min(1, choicesRule)
    .max(maxChoices, choicesRule)
    .optional()
    .describe('Of `choose`: a label, or a number from 1, for each of the questions; `1,3` for one that takes several.'),
  text: answerText(
    'Of `text`: the answer in your own words, the line that a command waits for, or the message with which Claude Code continues.',
  ),
  secret: flag().default(false).describe('Of `text`, for a command that waits for a line: the line is kept nowhere.'),
}).superRefine(({ answer, choices, text: written, reason }, context) => {
  const missing = answer === 'choose' && choices === undefined ? 'choices' : undefined;
  const lacks = answer === 'text' && written === undefined ? 'text' : missing;
  const fields = { reason: answer === 'end' ? 'end' : 'deny', choices: 'choose', text: 'text' } as const;
  const given = { reason, choices, text: written };
  for (const name of ['reason', 'choices', 'text'] as const) {
    const isOfOther = given[name] !== undefined && answer !== fields[name];
    if (name !== lacks && !isOfOther) continue;
    const message = isOfOther
      ? `"${name}" does not belong to "${answer}".\nLeave it out, or write "answer": "${fields[name]}".`
      : `"${name}" is missing.\n"${answer}" needs it.`;
    context.addIssue({ code: 'custom', message, path: [name] });
  }
});

/** Below and above these an amount is written with an exponent, and means nothing as a budget. */
const leastUsd = 0.000_001;
const mostUsd = 1e12;
const usdRule = must(`an amount of US dollars from ${leastUsd.toFixed(6)} on`);
const budgetFix = '{"usd": 5}, {"tokens": 3000000}, both, or null for no limit';

const budget = strict(
  {
    usd: z.number(usdRule).min(leastUsd, usdRule).max(mostUsd, usdRule).optional(),
    tokens: count(1).optional(),
  },
  budgetFix,
).refine(({ usd, tokens }) => usd !== undefined || tokens !== undefined, must(budgetFix));

export const messageBody = strict({
  step: text(1, 200).describe('A Claude step that runs, with `ask` in the workflow.'),
  text: text(1, maxAnswerCharacters)
    .regex(/\S/, must('a text that is not blank'))
    .describe('Claude Code takes it up within its turn or after it.'),
});

export const interruptBody = strict({
  step: text(1, 200).describe('A Claude step that runs, with `ask` in the workflow.'),
});

export const retryBody = strict({
  fromStep: text(1, 200)
    .optional()
    .describe('This step and all that need it run again; else those that did not succeed.'),
  edited: flag().default(false).describe('Uses the workflow file as it is now.'),
  budget: budget
    .nullable()
    .optional()
    .describe(
      'What the new run and those before it may use together, in place of the budget of the workflow; null for no limit.',
    ),
});

/** A code has 24 characters. */
export const loginBody = strict({
  code: z.string(mustSecretly('the code of a link, as {"code": "…"}')).max(100, mustSecretly('the code of a link')),
});

export const linkBody = strict({
  scope: oneOf(['read', 'control']).default('control'),
  runId: z
    .string(must('the id of a run'))
    .refine(isRunId, must('the id of a run, or leave it out for a link to all runs'))
    .optional()
    .describe('The run that the link leads to; all of them without it.'),
  ownUser: flag()
    .default(false)
    .describe(
      'Works only for the user of this machine who runs the server (Linux): for a link that is passed to a program as an argument.',
    ),
});
