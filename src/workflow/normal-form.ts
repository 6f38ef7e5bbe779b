// From what was written, and has passed every check, to the normal form. Fills in every default; refuses nothing.
import { resolve } from 'node:path';
import { parseDuration } from '../core/duration.ts';
import { normalizeApprove } from './approve.ts';
import { normalizeAsk } from './ask.ts';
import { type ClaudeSurroundings, normalizeClaude } from './claude-keys.ts';
import {
  bashShell,
  defaultConcurrency,
  defaultRetries,
  defaultStalls,
  defaultStepTimeoutMs,
  shShell,
} from './defaults.ts';
import { parseWhen } from './expression/when.ts';
import type { Path } from './problem.ts';
import type { WrittenStep, WrittenWorkflow } from './schema.ts';
import type { Tree } from './source/tree.ts';
import type {
  Budget,
  Expectations,
  Param,
  ParamValue,
  Retries,
  ShellStep,
  StallRule,
  StallRules,
  Step,
  When,
  Workflow,
} from './workflow.ts';

export type Surroundings = {
  /** As the user named it; '' for none. */
  readonly file: string;
  /** Absolute: where paths to files of the workflow (prompts, MCP configuration) start. */
  readonly folder: string;
  /** Absolute: where `cwd` starts. */
  readonly cwd: string;
  readonly params: readonly Param[];
  readonly paramValues: Readonly<Record<string, ParamValue>>;
};

/** @param tree the same workflow, for the text of numbers as they were written */
export function normalForm(written: WrittenWorkflow, tree: Tree, around: Surroundings): Workflow {
  return {
    name: written.name,
    description: written.description?.trim() ?? '',
    file: around.file,
    params: around.params,
    paramValues: around.paramValues,
    labels: textsOf(written.labels, ['labels'], tree),
    env: textsOf(written.env, ['env'], tree),
    cwd: resolve(around.cwd, written.cwd ?? '.'),
    timeoutMs: milliseconds(written.timeout),
    concurrency: written.concurrency ?? defaultConcurrency,
    budget: budgetOf(written.budget),
    secrets: written.secrets ?? [],
    steps: written.steps.map((step, index) =>
      stepOf(step, ['steps', index], tree, { folder: around.folder, ask: written.ask }),
    ),
  };
}

function stepOf(step: WrittenStep, path: Path, tree: Tree, around: ClaudeSurroundings): Step {
  const base = {
    id: step.id,
    name: step.name ?? step.id,
    needs: typeof step.needs === 'string' ? [step.needs] : (step.needs ?? []),
    when: whenOf(step.when),
    env: textsOf(step.env, [...path, 'env'], tree),
    cwd: step.cwd,
    timeoutMs: milliseconds(step.timeout) ?? defaultStepTimeoutMs,
    retries: retriesOf(step.retries),
    continueOnFailure: step.continueOnFailure ?? false,
    readOnly: step.readOnly ?? false,
    stalls: stallsOf(step.stalls),
    claudeTelemetry: step.claudeTelemetry ?? 'path',
    expect: expectationsOf(step.expect),
  };
  if (step.claude !== undefined) return { ...base, ...normalizeClaude(step.claude, around) };
  if (step.approve !== undefined) return { ...base, ...normalizeApprove(step.approve) };
  return { ...base, ...commandOf(step) };
}

type CommandPart = Pick<ShellStep, 'kind' | 'command' | 'shell' | 'stderr' | 'ask'>;

function commandOf({ run = '', shell, stderr = 'separate', ask }: WrittenStep): CommandPart {
  const common = { kind: 'run', stderr, ask: normalizeAsk(ask) } as const;
  if (typeof run !== 'string') return { ...common, command: run.at(-1) ?? '', shell: run.slice(0, -1) };
  return { ...common, command: run, shell: shellOf(shell) };
}

function shellOf(shell: WrittenStep['shell']): readonly string[] {
  if (shell === undefined || shell === 'bash') return bashShell;
  return shell === 'sh' ? shShell : shell;
}

function whenOf(written: string | boolean | undefined): When {
  if (written === undefined) return { kind: 'success' };
  const parsed = parseWhen(written);
  return parsed.ok ? parsed.when : { kind: 'success' };
}

/** Numbers and booleans as they are written. */
function textsOf(written: WrittenWorkflow['env'], path: Path, tree: Tree): Readonly<Record<string, string>> {
  const entries = Object.entries(written ?? {});
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? value : tree.writtenAt([...path, name])]),
  );
}

function budgetOf(written: WrittenWorkflow['budget']): Budget {
  if (typeof written === 'number') return { usd: written, tokens: undefined };
  return { usd: written?.usd, tokens: written?.tokens };
}

function retriesOf(written: WrittenStep['retries']): Retries {
  if (typeof written === 'number') return { ...defaultRetries, max: written };
  if (written === undefined) return defaultRetries;
  const delayMs = milliseconds(written.delay) ?? defaultRetries.delayMs;
  return {
    max: written.max,
    delayMs,
    factor: written.factor ?? defaultRetries.factor,
    // A longer first wait than the default bound is meant as it is written.
    maxDelayMs: milliseconds(written.maxDelay) ?? Math.max(defaultRetries.maxDelayMs, delayMs),
    on: written.on ?? defaultRetries.on,
    session: written.session ?? defaultRetries.session,
  };
}

function stallsOf(written: WrittenStep['stalls']): StallRules {
  const given = typeof written === 'object' ? written : undefined;
  const all = typeof written === 'string' ? written : undefined;
  const rule = (cause: keyof StallRules, own: NonNullable<typeof given>['noOutput']): StallRule => {
    const standard = defaultStalls[cause];
    if (typeof own === 'object') {
      return { afterMs: milliseconds(own.after) ?? standard.afterMs, action: own.action ?? standard.action };
    }
    return { afterMs: standard.afterMs, action: own ?? all ?? standard.action };
  };
  return {
    no_output: rule('no_output', given?.noOutput),
    output_closed: rule('output_closed', given?.outputClosed),
    no_exit_after_result: rule('no_exit_after_result', given?.noExitAfterResult),
    rate_limited: rule('rate_limited', given?.rateLimited),
    waiting_for_permission: rule('waiting_for_permission', given?.waitingForPermission),
  };
}

function expectationsOf(written: WrittenStep['expect']): Expectations | undefined {
  if (written === undefined) return undefined;
  const { command } = written;
  const script = typeof command === 'string' ? command : command?.run;
  const timeoutMs = (typeof command === 'object' ? milliseconds(command.timeout) : undefined) ?? defaultStepTimeoutMs;
  return {
    changed: globsOf(written.changed),
    unchanged: globsOf(written.unchanged),
    command: script === undefined ? undefined : { script, timeoutMs },
    output: written.output,
    schema: written.schema,
    noDenials: written.noDenials ?? false,
  };
}

function globsOf(written: string | readonly string[] | undefined): readonly string[] {
  return typeof written === 'string' ? [written] : (written ?? []);
}

function milliseconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}
