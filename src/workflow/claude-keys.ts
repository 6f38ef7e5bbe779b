// The keys of a Claude step, each once: how it is written, its flag of the `claude` command, its normal form and its stored
// form. A new key is an entry in `claude`, and in `claudeFlags` if it is passed on; the types and run/claude follow.
import { resolve } from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import { type Ask, ask, askDescription, askExample, normalizeAsk, storedAsk } from './ask.ts';
import { defaultLimitWaitMs } from './defaults.ts';
import { duration, field, filled, object, usd } from './schema-fields.ts';

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
  ask: field(ask, `${askDescription} Default: the \`ask\` of the workflow.`, askExample).optional(),
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
    'How long work in the background may continue after the result. Default: 10s for commands; agents end by themselves.',
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
  resume: field(z.string().min(1), 'An earlier Claude step, whose session continues.', 'review').optional(),
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

export type WrittenClaude = z.output<typeof claude>;

/**
 * The flag that each key is passed by, in the order of the command line; keys without one are stepspan's own. Lists, numbers,
 * texts and mappings are passed as they are (run/claude/arguments.ts).
 */
export const claudeFlags = {
  model: '--model',
  permissionMode: '--permission-mode',
  allowedTools: '--allowedTools',
  disallowedTools: '--disallowedTools',
  mcpConfig: '--mcp-config',
  maxBudgetUsd: '--max-budget-usd',
  maxTurns: '--max-turns',
  systemPrompt: '--system-prompt',
  appendSystemPrompt: '--append-system-prompt',
  jsonSchema: '--json-schema',
  resume: '--resume',
} as const satisfies Partial<Record<keyof WrittenClaude, string>>;

/** Keys besides the prompt whose text may hold `{{ }}`. */
export const templatedKeys = ['model', 'systemPrompt', 'appendSystemPrompt'] as const;

/** Keys of the normal form that limit a step: when one changes, what a step has done stays done. */
export const limitKeys = [
  'maxBudgetUsd',
  'maxTurns',
  'onRateLimit',
  'waitForBackgroundMs',
  'ask',
] as const satisfies readonly (keyof ClaudeKeys)[];

/** Keys whose text Claude Code also takes from a file, since it can be longer than an argument. */
export const longTextKeys = ['systemPrompt', 'appendSystemPrompt'] as const;

/** What a Claude step does about a rate or usage limit whose end is known. `maxMs`: for all waits of the step together. */
export type OnRateLimit = { readonly kind: 'wait'; readonly maxMs: number } | { readonly kind: 'fail' };

/** Keys whose normal form is another value than the written one. */
const converted = {
  prompt: true,
  promptFile: true,
  mcpConfig: true,
  waitForBackground: true,
  onRateLimit: true,
  ask: true,
} as const;
const plainKeys = claude.omit(converted);
type PlainKeys = z.output<typeof plainKeys>;

/** The default of every plain key that has one. */
function withDefaults(written: PlainKeys) {
  return {
    ...written,
    allowedTools: written.allowedTools ?? [],
    disallowedTools: written.disallowedTools ?? [],
    onDenied: written.onDenied ?? 'warn',
    requireMcp: written.requireMcp ?? [],
    extraArgs: written.extraArgs ?? [],
  };
}

type Frozen<T> = { readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? readonly Item[] : T[K] };

/** The keys in their normal form: defaults filled in, durations in milliseconds, paths absolute. */
export type ClaudeKeys = Frozen<ReturnType<typeof withDefaults>> & {
  readonly kind: 'claude';
  readonly prompt:
    | { readonly kind: 'inline'; readonly text: string }
    | { readonly kind: 'file'; readonly path: string };
  /** A path, or the configuration itself. */
  readonly mcpConfig?: string | Readonly<Record<string, unknown>> | undefined;
  /** How long work in the background may continue after the result; `undefined`: see `backgroundGraceMs`. */
  readonly waitForBackgroundMs?: number | undefined;
  readonly onRateLimit: OnRateLimit;
  readonly ask: Ask;
};

export type ClaudeSurroundings = {
  /** Absolute: where paths to prompts and MCP configurations start. */
  readonly folder: string;
  /** The `ask` of the workflow, for steps that have none. */
  readonly ask: WrittenClaude['ask'];
};

export function normalizeClaude(
  given: string | WrittenClaude,
  { folder, ask: common }: ClaudeSurroundings,
): ClaudeKeys {
  const {
    prompt,
    promptFile,
    mcpConfig,
    waitForBackground,
    onRateLimit,
    ask: own,
    ...plain
  } = typeof given === 'string' ? { prompt: given } : given;
  return {
    kind: 'claude',
    ...withDefaults(plain),
    prompt:
      promptFile === undefined
        ? { kind: 'inline', text: prompt ?? '' }
        : { kind: 'file', path: resolve(folder, promptFile) },
    ...(mcpConfig === undefined
      ? {}
      : { mcpConfig: typeof mcpConfig === 'string' ? resolve(folder, mcpConfig) : mcpConfig }),
    ...(waitForBackground === undefined ? {} : { waitForBackgroundMs: parseDuration(waitForBackground) }),
    onRateLimit: normalizeOnRateLimit(onRateLimit),
    ask: normalizeAsk(own ?? common),
  };
}

function normalizeOnRateLimit(written: WrittenClaude['onRateLimit']): OnRateLimit {
  if (written === 'fail') return { kind: 'fail' };
  const longest = typeof written === 'object' ? parseDuration(written.wait) : undefined;
  return { kind: 'wait', maxMs: longest ?? defaultLimitWaitMs };
}

/** What a stored step has besides the plain keys. Keys that later versions added are absent in older runs. */
const storedKeys = z.object({
  kind: z.literal('claude'),
  prompt: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('inline'), text: z.string() }),
    z.object({ kind: z.literal('file'), path: z.string() }),
  ]),
  mcpConfig: z.union([z.string(), object]).optional(),
  waitForBackgroundMs: z.number().optional(),
  onRateLimit: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('wait'), maxMs: z.number() }),
      z.object({ kind: z.literal('fail') }),
    ])
    .default({ kind: 'wait', maxMs: defaultLimitWaitMs }),
  ask: storedAsk,
});

/** The keys of a stored step, without those that were null in JSON since they are not set. Keys of later versions are left out. */
export const storedClaude = z
  .object({ ...plainKeys.shape, ...storedKeys.shape })
  .transform((keys): ClaudeKeys => ({ ...keys, ...withDefaults(keys) }));
