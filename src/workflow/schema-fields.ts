// The parts that schema.ts is made of: text forms, params, env, retries, stalls and budget; those of Claude Code are claude-keys.ts's.
// Each field carries its description and an example, which editors and error messages both show.
import { z } from 'zod';
import { durationPattern, maxDurationMs, parseDuration } from '../core/duration.ts';
import { labelKeyPattern, labelKeyRule } from '../core/labels.ts';
import { maxRetries } from './defaults.ts';

/** Attaches what people read about a field. The example must be valid: a test checks it. */
export function field<T extends z.ZodType>(schema: T, description: string, example: unknown): T {
  return schema.meta({ description, examples: [example] });
}

/** In the normal form: undefined if it is left out. JSON has no undefined, so null is read as that. */
export function optional<T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

export const idPattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const envNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const id = z
  .string()
  .regex(idPattern, 'an id starts with a letter and holds letters, digits, `-` and `_`, at most 64');

export const envName = z
  .string()
  .regex(envNamePattern, 'a variable name holds letters, digits and `_`, and starts with no digit');

/** Text that is not blank: a blank command or prompt is a mistake. */
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

/** Their number and the length of their values are checked with the values of params in them, by check/labels.ts. */
export const labels = z.record(
  z.string().regex(labelKeyPattern, labelKeyRule),
  z.union([z.string(), z.number(), z.boolean()]),
);

/** A text such as `1h30m`; the message about a bare number is made elsewhere. */
export function duration(range: 'positive' | 'or-zero') {
  return z
    .string()
    .regex(durationPattern, 'not a duration')
    .superRefine((text, context) => {
      const ms = parseDuration(text) ?? 1;
      if (ms > maxDurationMs) context.addIssue({ code: 'custom', message: 'must be at most 24d20h' });
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

export const usd = z.number().positive();
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
      'Of a Claude step: `continue` continues the session of the attempt that failed. Default: `new`.',
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
          '`none` shows it, `kill` ends the step, `retry` ends the attempt and starts another.',
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
    noExitAfterResult: stall('Claude Code returned its result and does not exit. Default: killed after 30s.'),
    rateLimited: stall('Claude Code waits for a rate limit. Default: shown after 1m.'),
    waitingForPermission: stall('Claude Code waits for a permission. Default: shown after 30s.'),
  }),
]);

export const object = z.record(z.string(), z.unknown());
const globs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** What must hold after an attempt. check/expect.ts checks the globs, the pattern and the schema. */
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
