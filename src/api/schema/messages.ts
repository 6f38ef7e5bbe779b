// Every message of the tail, of clients and of the server. The server reads what a client sends by these schemas, the types of all
// messages come from them, and the tables of docs/tail-protocol.md are made from their descriptions.
import { z } from 'zod';
import { ciSystems } from '../../core/ci.ts';
import type { Event } from '../../core/event.ts';
import { parseSearch } from '../../runs/select-records.ts';
import { severities, streams } from '../../text/stream.ts';
import { closeCodes, limits, protocolVersion } from '../tail/protocol.ts';
import { count, flag, integer, isObject, listOf, must, oneOf, strict, text } from './fields.ts';
import { checkSearch } from './requests.ts';
import { activeAlert, runAnswer, runPatch, runSummary } from './run.ts';
import {
  claudeEvent,
  iso,
  line,
  ns,
  outcome,
  outcomeKind,
  place,
  scope,
  severity,
  stepCounts,
  stream,
} from './values.ts';

// What a client says. A field with null counts as left out: many languages do not know the difference.

const name = text(1, limits.maxNameLength);

function dropNulls(value: unknown): unknown {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null)) : value;
}

function wordsOf<const T extends readonly string[]>(known: T) {
  const rule = must(`a list of ${known.join(', ')}`);
  return z.array(oneOf(known), rule).max(known.length, rule).readonly();
}

const stepsRule = must(`a list of at most ${limits.maxFilterSteps} step ids`);

const filters = z.preprocess(
  dropNulls,
  strict({
    streams: wordsOf(streams).exactOptional(),
    steps: z
      .array(text(0, limits.maxNameLength), stepsRule)
      .max(limits.maxFilterSteps, stepsRule)
      .readonly()
      .exactOptional(),
    severities: wordsOf(severities).exactOptional(),
    search: text(0, limits.maxSearchLength)
      .superRefine((words, context) => checkSearch(parseSearch(words), context))
      .exactOptional(),
    events: flag().exactOptional(),
  }),
);

const fromSeqRule = must('a whole number from 0 on, or "end"');
const fromSeq = z.union([count(0), z.literal('end')], fromSeqRule);

export const clientMessages = {
  subscribe_execution: strict({
    type: z.literal('subscribe_execution'),
    executionId: name,
    id: name.exactOptional(),
    fromSeq: fromSeq.exactOptional(),
    filters: filters.exactOptional(),
  }).describe(
    'Sends the run from `fromSeq` on (default 0), then live. `fromSeq: "end"` begins with what comes next; of a run that has ended it sends the last record. `id` comes back in the answer. Sent again for the same run it replaces the first: what follows its `subscribed` belongs to the new one.',
  ),
  unsubscribe_execution: strict({ type: z.literal('unsubscribe_execution'), executionId: name }).describe(
    'Sends nothing more of the run. There is no answer.',
  ),
  jump_to_now: strict({ type: z.literal('jump_to_now'), executionId: name }).describe(
    'Skips what is not sent yet; answered by `jumped`. What is on its way still arrives before it.',
  ),
  subscribe_view: strict({ type: z.literal('subscribe_view'), executionId: name, id: name.exactOptional() }).describe(
    'Sends the state of the run as `run_view`, and then what changes in it as `run_patch`. It needs no subscription to its lines.',
  ),
  unsubscribe_view: strict({ type: z.literal('unsubscribe_view'), executionId: name }).describe(
    'Sends no more of the state of the run. There is no answer.',
  ),
  subscribe_runs: strict({ type: z.literal('subscribe_runs') }).describe(
    'Sends the newest runs as `run_list`, and then what changes in the list as `run_list_patch`.',
  ),
  unsubscribe_runs: strict({ type: z.literal('unsubscribe_runs') }).describe(
    'Sends no more of the list. There is no answer.',
  ),
  ping: strict({ type: z.literal('ping'), nonce: name.exactOptional() }).describe(
    'Answered by `pong`. For clients that cannot see WebSocket pings, as in browsers.',
  ),
} as const;

export type Filters = z.infer<typeof filters>;
export type ClientMessage = z.infer<(typeof clientMessages)[keyof typeof clientMessages]>;
export type Subscribe = z.infer<(typeof clientMessages)['subscribe_execution']>;

// What the server says.

const event = z.custom<Event>((value) => isObject(value) && typeof value.type === 'string');
const costUnknown = z.boolean().optional().describe('`costUsd` is then what is known');

const runEnd = {
  outcome,
  durationMs: z.number(),
  pausedMs: z.number(),
  costUsd: z.number(),
  costUnknown,
};

const stepEnd = {
  ...place,
  outcome,
  attempts: integer,
  durationMs: z.number(),
  costUsd: z.number(),
  costUnknown,
  output: z.string(),
  outputCut: z.boolean(),
  outputBytes: integer.optional(),
  outputLines: integer.optional(),
  outputs: z.custom<unknown>().optional().describe('named outputs'),
  tolerated: z.boolean().describe('the step failed and the workflow allows that'),
};

const span = z.strictObject({
  id: z.string(),
  parentId: z.string().nullable(),
  kind: z.enum(['attempt', 'claude']),
  name: z.string(),
  startNs: ns.nullable(),
  endNs: ns.nullable(),
  outcome: outcomeKind.nullable(),
});

/** Messages of the journal: each shows one record, or lines of records. */
export const journalMessages = {
  execution_started: z.strictObject({
    runId: z.string(),
    traceId: z.string(),
    workflow: z.string(),
    description: z.string(),
    file: z.string(),
    params: z.custom<Readonly<Record<string, string | number | boolean>>>(isObject),
    steps: listOf(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        kind: z.enum(['run', 'claude', 'approve']),
        needs: listOf(z.string()),
        when: z.string().optional(),
        maxAttempts: integer.optional(),
      }),
    ).describe('`id`, `name`, `kind`, `needs`, and `when` and `maxAttempts` if it has them'),
    cwd: z.string(),
    concurrency: integer,
    budgetUsd: z.number().optional(),
    budgetTokens: integer.optional(),
    labels: z.record(z.string(), z.string()).optional(),
    stepspanVersion: z.string(),
    resumedFrom: z.string().optional(),
    resumedFromTraceId: z.string().optional(),
    versionControl: z
      .strictObject({
        url: z.string().optional(),
        branch: z.string().optional(),
        revision: z.string().optional(),
        isDirty: z.boolean().optional(),
      })
      .optional()
      .describe('what is checked out in `cwd`: `url`, `branch`, `revision` and `isDirty`, each if it is known'),
    ci: z
      .strictObject({
        system: z.enum(ciSystems),
        url: z.string().optional(),
        repository: z.string().optional(),
        branch: z.string().optional(),
        commit: z.string().optional(),
        actor: z.string().optional(),
        change: z.string().optional(),
      })
      .optional()
      .describe(
        'the CI job that started the run: `system`, and `url`, `repository`, `branch`, `commit`, `actor` and `change` where it says them',
      ),
    publicUrl: z.string().optional().describe('the address of the hub'),
    startedBy: z
      .strictObject({ traceId: z.string(), spanId: z.string(), as: z.enum(['child', 'link']) })
      .optional()
      .describe('the span that started the run: `traceId`, `spanId`, and `as` `child` or `link`'),
  }),
  execution_completed: z
    .strictObject(runEnd)
    .describe('The run succeeded. Always the last number of a run, as are the next two.'),
  execution_failed: z
    .strictObject(runEnd)
    .describe('`outcome.kind` is `failure`, `error` or `timeout`; `outcome.message` says why.'),
  execution_cancelled: z.strictObject(runEnd),
  execution_paused: z.strictObject({
    by: z.string(),
    now: z.boolean().describe('whether running processes were frozen too'),
  }),
  execution_resumed: z.strictObject({ by: z.string(), pausedMs: z.number() }),
  step_started: z.strictObject(place),
  step_completed: z.strictObject(stepEnd),
  step_failed: z
    .strictObject(stepEnd)
    .describe('Also of a step that was cancelled or timed out, as `outcome.kind` says.'),
  step_skipped: z.strictObject(stepEnd).describe('`outcome.reason` says why.'),
  step_retrying: z.strictObject({
    ...place,
    nextAttempt: integer,
    delayMs: z.number(),
    outcome: outcome.describe('of the attempt that ended'),
  }),
  step_waiting: z.strictObject({
    ...place,
    reason: z.literal('rate_limit'),
    untilNs: ns.describe('Unix nanoseconds in digits'),
    nextAttempt: integer,
    outcome: outcome.describe('of the attempt that ended'),
  }),
  output_stream: z
    .strictObject({
      ...place,
      stream,
      lines: listOf(line.omit({ step: true, attempt: true, stream: true })).describe(
        'each `seq`, `ns` (Unix nanoseconds, as text), `severity`, `text`, and if true `continues` and `unterminated`',
      ),
    })
    .describe('See [below](#lines-that-have-no-end-yet).'),
  log_entry: z
    .strictObject({
      ...place,
      source: z.enum(['system', 'event']),
      severity,
      message: z.string(),
      ns,
      event: event.optional(),
    })
    .describe(
      'With source `system` a line that stepspan prints; with `event` an event for people that has no message of its own, in `event`.',
    ),
  resource_update: z
    .strictObject({ ...place, cpuSeconds: z.number(), cpuCores: z.number(), rssBytes: z.number(), processes: integer })
    .describe('Of the process tree of an attempt.'),
  claude_event: z
    .strictObject({ ...place, event: claudeEvent })
    .describe('What Claude Code said, which tool it called, what came back, usage, cost.'),
  span: z
    .strictObject({
      ...place,
      spans: listOf(span).describe(
        'each `id`, `parentId`, `kind` (`attempt`, `claude`), `name`, `startNs`, `endNs` (null until it ends), `outcome`',
      ),
    })
    .describe('An end has the id of its start, and null for what the start showed.'),
  gap: z
    .strictObject({
      fromSeq: integer,
      toSeq: integer,
      why: z
        .enum(['removed', 'lost', 'corrupt', 'unknown'])
        .describe(
          '`removed` by retention, `lost` before it was written, `corrupt`, or `unknown`: written by a later stepspan',
        ),
    })
    .describe('Numbers from `fromSeq` to before `toSeq` are missing.'),
} as const;

/** Messages about a subscription, not about what happened. */
export const subscriptionMessages = {
  subscribed: z
    .strictObject({
      id: z.string().nullable(),
      fromSeq: integer,
      headSeq: integer.describe('the number that the next record gets'),
    })
    .describe('What comes after it belongs to this subscription.'),
  caught_up: z
    .strictObject({ seq: integer, ended: z.boolean() })
    .describe('Everything up to now has been sent. With `ended` the run has ended, and nothing follows.'),
  lagging: z
    .strictObject({ behindLines: integer, headSeq: integer })
    .describe(
      'Once a second at most while 1,000 numbers or more are not sent yet; also a sign of life while a filter finds nothing.',
    ),
  jumped: z
    .strictObject({ fromSeq: integer, toSeq: integer, lines: integer })
    .describe(
      'This many numbers, lines and events, were skipped. Of a run that has ended: all but the last record, which says how it ended.',
    ),
  progress: z
    .strictObject({
      currentStep: z.string().nullable(),
      ...stepCounts,
      progress: z.number().describe('0 to 100; 100 exactly when the run has ended'),
      startTime: iso.nullable(),
      currentStepStartTime: iso.nullable(),
      averageStepDuration: z.number().nullable().describe('milliseconds'),
      estimatedCompletion: iso.nullable(),
      waitingUntil: iso.nullable().describe('if every active step waits for the end of a rate or usage limit'),
    })
    .describe('Null if unknown. Sent once everything has been, and when it changes.'),
  alert_triggered: z
    .strictObject({
      ...place,
      severity: severity.describe('as of a line: `error` for a critical alert'),
      message: z.string().describe('its summary'),
      alert: activeAlert.describe('as in `GET /runs/ID`'),
    })
    .describe(
      'An alert of the run fires, by the rules and thresholds of alerts.yaml: the one that the page shows and that is delivered. Sent once everything has been, for those that fire, and when one begins.',
    ),
  alert_resolved: z
    .strictObject({ ...place, alert: activeAlert })
    .describe('An alert that `alert_triggered` reported no longer fires.'),
} as const;

/** Messages about the state of runs. Their `seq` is the last number that the state includes. */
export const stateMessages = {
  run_view: z
    .strictObject({ id: z.string().nullable(), view: runAnswer })
    .describe('The state of the run, as `GET /runs/ID` answers it. The first answer to `subscribe_view`.'),
  run_patch: z
    .strictObject({ patch: runPatch })
    .describe(
      'What changed since the message before: fields of the run replace those of the view. `steps` has only steps that changed, by `id`, with their changed fields; their `attempts` likewise, by `number`. A new step is in `newSteps`, a new attempt in `newAttempts` of its step, both whole and to be added at the end.',
    ),
} as const;

export const listMessages = {
  run_list: z
    .strictObject({
      runs: listOf(runSummary),
      isComplete: z.boolean().describe('false if there are older runs, which `GET /runs` lists'),
    })
    .describe('The newest 200 runs, newest first. The first answer to `subscribe_runs`.'),
  run_list_patch: z
    .strictObject({
      runs: listOf(runSummary).describe('those that are new or have changed'),
      removed: listOf(z.string()).describe('ids'),
    })
    .describe('What changed since the message before. Run ids sort by time.'),
} as const;

export const errorCodes = {
  bad_json: 'The text is not JSON',
  bad_message: 'A field is missing, unknown, or of the wrong type or size; the message says which, and what to write',
  unknown_type: 'The type is none of the above',
  not_found: 'There is no such run',
  not_subscribed: 'This connection does not watch that run',
  too_many_subscriptions: 'More than `maxSubscriptions`',
  beyond_end:
    '`fromSeq` is behind the end: the number is of another journal, or a crash of the machine cut this one. Start at 0',
  journal_unreadable: 'A later stepspan wrote the journal, or its files are damaged',
  search_too_slow: 'The regular expression took more than 250 ms on one batch of lines',
} as const;

export type ErrorCode = keyof typeof errorCodes;

const errorCodeNames = Object.keys(errorCodes).filter((code): code is ErrorCode => code in errorCodes);

export const connectionMessages = {
  hello: z
    .strictObject({
      protocol: z.literal(protocolVersion),
      serverVersion: z.string(),
      scope,
      limits: z.custom<{ readonly [K in keyof typeof limits]: number }>(isObject),
    })
    .describe('The first message.'),
  pong: z.strictObject({ nonce: z.string().nullable() }),
  error: z
    .strictObject({
      code: z.enum(errorCodeNames),
      message: z.string(),
      id: z.string().nullable().describe('of the request, if it had one'),
    })
    .describe('`executionId` is set if it is about a run.'),
} as const;

/** What each limit is of. */
export const limitTexts: Readonly<Record<keyof typeof limits, string>> = {
  maxMessageBytes: 'one message of a client; above it the connection is closed with 1009',
  maxSubscriptions: 'runs on one connection',
  maxFilterSteps: 'step ids in a filter',
  maxNameLength: 'characters of ids and nonces',
  maxSearchLength: 'characters of `search`',
  maxLines: 'lines in one `output_stream`',
  maxLineBytes: 'bytes of lines in one `output_stream`, but for a single longer line',
  maxBadMessages: 'messages that were not understood, before the connection is closed with 4400',
  maxUnreadAnswers: 'answers that wait to be read, before the connection is closed with 4429',
  pingMs: 'milliseconds between pings',
  maxMissedPings: 'pings in a row that were not answered',
};

export const closeCodeTexts: readonly (readonly [codes: string, meaning: string, again: string])[] = [
  [String(closeCodes.goingAway), 'The server stops', 'yes, after a pause'],
  ['1002, 1007', 'A frame or a text that violates RFC 6455', 'no'],
  [String(closeCodes.binary), 'A binary message', 'no'],
  ['1006', 'Cut without a close: the network, or two missed pings', 'yes'],
  [String(closeCodes.tooBig), 'A message above `maxMessageBytes`', 'no'],
  [String(closeCodes.internal), 'A defect of the server', 'yes'],
  [String(closeCodes.badMessages), 'Too many messages that were not understood', 'no'],
  [String(closeCodes.unreadAnswers), 'Too many answers that were not read', 'yes'],
];

type DataOf<S extends Readonly<Record<string, z.ZodType>>> = { readonly [T in keyof S]: z.infer<S[T]> };

export type JournalData = DataOf<typeof journalMessages>;
export type SubscriptionData = DataOf<typeof subscriptionMessages>;
export type ProgressData = SubscriptionData['progress'];
export type HelloData = DataOf<typeof connectionMessages>['hello'];
export type ErrorData = DataOf<typeof connectionMessages>['error'];
export type TailLine = JournalData['output_stream']['lines'][number];
export type TailSpan = JournalData['span']['spans'][number];

type Message<T extends string, D, Id, Seq> = {
  readonly type: T;
  readonly executionId: Id;
  /** The last number that this message shows. After it `fromSeq: seq + 1` continues without gap or repeat. */
  readonly seq: Seq;
  /** RFC 3339 with nanoseconds: the time of that record; of messages that have none, when they were sent. */
  readonly timestamp: string;
  readonly data: D;
};

type Union<Data, Id, Seq> = { [T in keyof Data & string]: Message<T, Data[T], Id, Seq> }[keyof Data & string];

export type JournalMessage = Union<JournalData, string, number>;
/** `seq` is the last number that was sent or skipped, -1 before number 0. */
export type SubscriptionMessage = Union<SubscriptionData, string, number>;
export type StateMessage = Union<DataOf<typeof stateMessages>, string, number>;
export type ListMessage = Union<DataOf<typeof listMessages>, null, null>;
export type ConnectionMessage =
  | Message<'hello', HelloData, null, null>
  | Message<'pong', { readonly nonce: string | null }, null, null>
  | Message<'error', ErrorData, string | null, null>;

export type TailMessage = JournalMessage | SubscriptionMessage | StateMessage | ListMessage | ConnectionMessage;
