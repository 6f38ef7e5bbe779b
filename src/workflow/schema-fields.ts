// The parts that schema.ts is made of: text forms, params, env, retries, stalls, budget and the Claude Code fields.
// Each field carries its description and an example, which editors and error messages both show.
import { z } from 'zod';
import { durationPattern, maxDurationMs, parseDuration } from '../core/duration.ts';
import { maxRetries } from './defaults.ts';

/** Attaches what people are told of a field. The example must be valid: a test holds it to that. */
export function field<T extends z.ZodType>(schema: T, description: string, example: unknown): T {
  return schema.meta({ description, examples: [example] }) as T;
}

export const idPattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const envNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const id = z
  .string()
  .regex(idPattern, 'an id starts with a letter and holds letters, digits, `-` and `_`, at most 64');

export const envName = z
  .string()
  .regex(envNamePattern, 'a variable name holds letters, digits and `_`, and starts with no digit');

/** Text that says something: a blank command or prompt is a slip. */
export const filled = z.string().min(1).regex(/\S/, 'write something in it');

/** One line without control characters: it becomes a span name, a metric label and a line of a list. */
export const plainText = z
  .string()
  .min(1)
  .max(100)
  .regex(/\S/, 'write something in it')
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'this text must be one line without control characters');

/** Numbers and booleans are taken as they are written, so that `PORT: 8080` and `VERSION: 1.10` mean what they say. */
export const env = z.record(envName, z.union([z.string(), z.number(), z.boolean()]));

/** A text such as `1h30m`; that a bare number has no unit is said where the message is made. */
export function duration(range: 'positive' | 'or-zero') {
  return z
    .string()
    .regex(durationPattern, 'not a duration')
    .superRefine((text, context) => {
      const ms = parseDuration(text) ?? 1;
      if (ms > maxDurationMs) context.addIssue({ code: 'custom', message: 'must be at most 596 hours' });
      if (ms === 0 && range === 'positive')
        context.addIssue({ code: 'custom', message: 'must be longer than nothing' });
    });
}

const paramType = z.enum(['string', 'number', 'boolean']);
const paramValue = z.union([z.string(), z.number(), z.boolean()]);

const longParam = z
  .strictObject({
    type: field(paramType, 'Default: the type of the default value.', 'number').optional(),
    default: field(paramValue, 'Without one, the value must be given for every run.', 3).optional(),
    description: field(z.string(), 'One sentence for people.', 'How many commits to look at').optional(),
  })
  .superRefine((given, context) => {
    if (given.type === undefined && given.default === undefined) {
      const params = { fix: 'write `{type: string}`, or a default' };
      context.addIssue({ code: 'custom', message: 'needs a `type` or a `default`', params });
    } else if (given.type !== undefined && given.default !== undefined && typeof given.default !== given.type) {
      const message = `must be a ${given.type}, as \`type\` says, not ${JSON.stringify(given.default)}`;
      context.addIssue({ code: 'custom', message, path: ['default'] });
    }
  });

const shortParam = paramValue.superRefine((given, context) => {
  if (!paramType.safeParse(given).success) return;
  const fix = `write \`{type: ${given}}\`; for that text as a default, \`{default: ${given}}\``;
  context.addIssue({ code: 'custom', message: `would have the text '${given}' as its default`, params: { fix } });
});

export const param = z.union([shortParam, longParam]);

const usd = z.number().positive();
export const budget = z.union([
  usd,
  z.strictObject({
    usd: field(usd, 'US dollars.', 5).optional(),
    tokens: field(z.int().min(1), 'Tokens of all kinds.', 2_000_000).optional(),
  }),
]);

const retryCount = z.int().min(0).max(maxRetries);
export const retries = z.union([
  retryCount,
  z.strictObject({
    max: field(retryCount, 'Attempts after the first.', 2),
    delay: field(duration('or-zero'), 'Wait before the second attempt. Default: 2s.', '10s').optional(),
    factor: field(z.number().min(1).max(100), 'Each later wait is this many times the last. Default: 2.', 2).optional(),
    maxDelay: field(duration('or-zero'), 'Longest wait. Default: 1m.', '5m').optional(),
    on: field(
      z.array(z.enum(['failure', 'error', 'timeout'])).min(1),
      'Outcomes that are worth another attempt. Default: all three.',
      ['failure', 'timeout'],
    ).optional(),
    session: field(
      z.enum(['new', 'continue']),
      'Of a Claude step: `continue` goes on in the session of the attempt that failed. Default: `new`.',
      'continue',
    ).optional(),
  }),
]);

const stallAction = z.enum(['none', 'kill', 'retry']);
const stall = (description: string) =>
  field(
    z.union([
      stallAction,
      z.strictObject({
        after: field(duration('positive'), 'How long without a sign of life.', '10m').optional(),
        action: field(
          stallAction,
          '`none` shows it, `kill` ends the step, `retry` ends it and tries again.',
          'kill',
        ).optional(),
      }),
    ]),
    description,
    { after: '10m', action: 'kill' },
  ).optional();

export const stalls = z.union([
  stallAction,
  z.strictObject({
    noOutput: stall('Nothing was printed. Default: shown after 2m.'),
    outputClosed: stall('Output was closed while the process lives. Default: shown after 30s.'),
    noExitAfterResult: stall('Claude Code gave its result and does not exit. Default: killed after 30s.'),
    rateLimited: stall('Claude Code waits for a rate limit. Default: shown after 1m.'),
    waitingForPermission: stall('Claude Code waits for a permission. Default: shown after 30s.'),
  }),
]);

const object = z.record(z.string(), z.unknown());
const globs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** What an attempt must have brought about. What the globs, the pattern and the schema say is checked apart. */
export const expect = z.strictObject({
  changed: field(
    globs,
    'Files that must have changed, from the folder of the step: each glob must match one. `!` leaves files out.',
    ['src/**/*.ts', '!src/generated/**'],
  ).optional(),
  unchanged: field(globs, 'Files that must be as they were: no glob may match one that changed.', [
    'package-lock.json',
  ]).optional(),
  command: field(
    z.union([
      filled,
      z.strictObject({
        run: field(filled, 'A script for bash, in the folder and with the variables of the step.', 'npm test'),
        timeout: field(duration('positive'), 'Longest time of it. Default: 5m.', '10m').optional(),
      }),
    ]),
    'A script that must pass after the step: itself, or `run` and its `timeout`.',
    'npm test',
  ).optional(),
  output: field(z.string().min(1), 'Regular expression that must match in the output.', '^0 errors').optional(),
  schema: field(object, 'JSON Schema that the output must meet, as JSON.', {
    type: 'object',
    required: ['verdict'],
  }).optional(),
  noDenials: field(z.boolean(), 'Claude Code must not have been denied a tool call.', true).optional(),
});

/** As `claude --help` of 2.1.328 lists them, and `default`, which it takes as the older name of `manual`. */
export const permissionModes = [
  'acceptEdits',
  'auto',
  'bypassPermissions',
  'default',
  'dontAsk',
  'manual',
  'plan',
] as const;

const tools = z.array(z.string().min(1));

/** How to run Claude Code. That it has exactly one of `prompt` and `promptFile` is checked apart. */
export const claude = z.strictObject({
  prompt: field(filled, 'What to do. May hold `{{ }}`.', 'Fix: {{ steps.lint.output }}').optional(),
  promptFile: field(
    z.string().min(1),
    "File with the prompt, from the workflow file's folder. May hold `{{ }}`.",
    'prompts/review.md',
  ).optional(),
  model: field(z.string().min(1), 'Alias or full name of the model. May hold `{{ }}`.', 'sonnet').optional(),
  allowedTools: field(tools, 'Tools that need no permission.', ['Read', 'Bash(git log:*)']).optional(),
  disallowedTools: field(tools, 'Tools that are never used.', ['WebFetch']).optional(),
  onDenied: field(
    z.enum(['fail', 'warn']),
    'What a denied tool call does: `fail` makes the step a failure, `warn` reports it. Default: warn.',
    'fail',
  ).optional(),
  requireMcp: field(
    z.array(z.string().min(1)),
    'MCP servers that must be connected: without one of them the step fails before it has done anything.',
    ['github'],
  ).optional(),
  permissionMode: field(
    z.enum(permissionModes),
    'What happens when a tool needs a permission.',
    'acceptEdits',
  ).optional(),
  maxBudgetUsd: field(usd, 'What one attempt may cost, in US dollars.', 0.5).optional(),
  maxTurns: field(z.int().min(1), 'Most turns of one attempt.', 20).optional(),
  waitForBackground: field(
    duration('or-zero'),
    'How long work in the background may go on after the result. Default: 10s for commands; agents end by themselves.',
    '10m',
  ).optional(),
  systemPrompt: field(
    z.string().min(1),
    'In place of the default system prompt. May hold `{{ }}`.',
    'You review Go code.',
  ).optional(),
  appendSystemPrompt: field(
    z.string().min(1),
    'After the system prompt. May hold `{{ }}`.',
    'Answer in one sentence.',
  ).optional(),
  mcpConfig: field(
    z.union([z.string().min(1), object]),
    "MCP servers: a file, from the workflow file's folder, or the mapping itself.",
    'mcp.json',
  ).optional(),
  jsonSchema: field(object, 'JSON Schema that the answer must meet; its fields are then `steps.ID.output.FIELD`.', {
    type: 'object',
    properties: { verdict: { type: 'string' } },
    required: ['verdict'],
  }).optional(),
  resume: field(z.string().min(1), 'An earlier Claude step, whose session goes on.', 'review').optional(),
  onRateLimit: field(
    z.union([
      z.enum(['wait', 'fail']),
      z.strictObject({
        wait: field(duration('positive'), 'The longest that the step waits in all. Default: 6h.', '12h'),
      }),
    ]),
    'What happens at a rate or usage limit whose end is known: `wait` (default) for it and continue, or `fail`.',
    { wait: '12h' },
  ).optional(),
  extraArgs: field(z.array(z.string()), 'Further arguments of the `claude` command.', [
    '--add-dir',
    '../docs',
  ]).optional(),
});
