// Values that answers and messages have in common.
// Nanoseconds are decimal strings, since JSON's numbers lose them; times of day are ISO 8601; unknown is null, never left out.
import { z } from 'zod';
import type { ClaudeEvent } from '../../core/claude-event.ts';
import { findingKinds } from '../../core/finding.ts';
import { type Outcome, outcomeKinds } from '../../core/outcome.ts';
import { severities, streams } from '../../text/stream.ts';
import { integer, isObject, listOf } from './fields.ts';

/** Schemas that are documented under a name of their own. */
export const components = z.registry<{ readonly id: string }>();

export function named<T extends z.ZodType>(id: string, schema: T): T {
  components.add(schema, { id });
  return schema;
}

export const stream = named('Stream', z.enum(streams));
export const severity = named('Severity', z.enum(severities));
export const iso = named('Iso', z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/));
export const ns = named('Ns', z.string().regex(/^\d+$/).describe('Unix nanoseconds.'));
export const scope = z.enum(['read', 'control']);
export const outcomeKind = z.enum(outcomeKinds);

/** Outcomes and events have their types in src/core and no second description here. */
export const outcome = named(
  'Outcome',
  z
    .custom<Outcome>((value) => isObject(value) && outcomeKind.safeParse(value.kind).success)
    .meta({
      type: 'object',
      additionalProperties: false,
      required: ['kind'],
      properties: {
        kind: { type: 'string', enum: [...outcomeKinds] },
        reason: { type: 'string' },
        message: { type: 'string' },
        exitCode: { type: 'integer' },
        signal: { type: 'string' },
        limitMs: { type: 'number' },
      },
    }),
);

export const lines = named(
  'Lines',
  z.strictObject({ stdout: integer, stderr: integer, system: integer, debug: integer }).describe('Lines by stream.'),
);

export const place = {
  step: z.string().nullable(),
  attempt: integer.nullable(),
};

export const stepCounts = {
  totalSteps: integer,
  completedSteps: integer.describe(
    'Steps that ran to an end or whose result was reused; skipped ones are not among them.',
  ),
  reusedSteps: integer.describe('Of `completedSteps`: results that were taken over from the run before.'),
  skippedSteps: integer,
};

export const cost = {
  costUsd: z.number().nullable().describe('Null if a part of the cost is unknown.'),
  costBasis: z
    .enum(['known', 'estimated', 'unknown'])
    .describe('What the cost is based on: reported, calculated from prices, or not completely known.'),
  costAtLeastUsd: z.number().describe('What is known of the cost.'),
};

export const finding = z.strictObject({
  kind: z.enum(findingKinds),
  name: z.string().describe('The tool, the hook, the server or the subagent.'),
  detail: z.string(),
  input: z.string().exactOptional().describe('Of a tool call: its input as JSON text, cut.'),
  why: z.string().exactOptional(),
});

export const findings = named(
  'Findings',
  z.strictObject({
    counts: z.partialRecord(z.enum(findingKinds), integer).describe('By kind; only kinds with at least one.'),
    items: listOf(finding).describe('The first 50.'),
  }),
);

export const modelUse = named(
  'ModelUse',
  z.strictObject({
    model: z.string(),
    inputTokens: integer,
    outputTokens: integer,
    cacheReadTokens: integer,
    cacheCreationTokens: integer,
    costUsd: z.number(),
  }),
);

export const claudeEvent = z
  .custom<Exclude<ClaudeEvent, { readonly type: 'claude.telemetry' }>>(
    (value) => isObject(value) && String(value.type).startsWith('claude.'),
  )
  .meta({
    type: 'object',
    required: ['type'],
    properties: { type: { type: 'string', pattern: '^claude\\.' } },
    description: 'One of the claude.* events of the journal.',
  });

export const paramValue = named('Param', z.union([z.string(), z.number(), z.boolean()]));

export const link = named('Link', z.strictObject({ label: z.string(), url: z.string() }));

export const line = named(
  'Line',
  z.strictObject({
    seq: integer.describe('In the journal, which numbers lines and events in one row.'),
    number: integer
      .exactOptional()
      .describe(
        'With `numbers` in `output`: counts the lines of the run from 1. Not of the raw protocol of Claude Code, and missing if the run was not read so far: ask again.',
      ),
    ns,
    ...place,
    stream,
    severity,
    text: z.string().describe('UTF-8, with U+FFFD for what is not; escape sequences are kept; without its line end.'),
    continues: z
      .literal(true)
      .exactOptional()
      .describe('Continues the line before it of this step and stream, which had no line end.'),
    unterminated: z
      .literal(true)
      .exactOptional()
      .describe('Has no line end: the next line of this step and stream continues it, or the output ended there.'),
  }),
);
