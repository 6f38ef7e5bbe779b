// The command line of one attempt of a Claude Code step. Pure. Flags as in `claude --help` of 2.1.328; `--max-turns` is
// not listed there but is taken. The prompt goes by stdin: an argument is bounded (128 KiB on Linux) and seen in `ps`.
import { type ClaudeStep, claudeFlags, longTextKeys } from '../../workflow/index.ts';
import { userMessage } from './control-messages.ts';
import { canNameFork, missingFlag, textFileFlag } from './versions.ts';

export type ClaudeInvocation = {
  /** The prompt with its templates filled in. */
  readonly prompt: string;
  /** The session of the step named by `resume`. */
  readonly resumeSessionId: string | undefined;
  /** A UUID for the new session, so that it is known even when the CLI dies before its first line. */
  readonly sessionId?: string;
  /** Where the step's MCP configuration is: its own file, or one that the engine wrote (it can hold secrets). */
  readonly mcpConfigPath: string | undefined;
  /** A settings file that overrules those of the person. */
  readonly settingsPath?: string | undefined;
  /** Files with texts that are too long for an argument, by the flag that takes the text itself. */
  readonly textFiles?: ReadonlyMap<string, string>;
  /** What is left of the run's budget in USD; the smaller of this and the step's own limit holds. */
  readonly remainingUsd?: number | undefined;
  /** Of the installed CLI: flags that it does not have and that can be done without are left out. */
  readonly version: string;
};

export type ClaudeCommand = {
  readonly args: readonly string[];
  /** The prompt: as it is, or as the first message of a conversation whose stdin stays open. */
  readonly stdin: string;
  /** For people: the flags without values that are long, or that nobody wants in a log. Never the prompt. */
  readonly shown: string;
  /** Names of the flags in `args`, without the extra arguments of the step. */
  readonly flags: readonly string[];
};

/** The smallest budget that is passed on, in USD: the CLI refuses 0, and a run that has less left is ended by stepspan. */
const LEAST_BUDGET_USD = 0.0001;

export function claudeArguments(step: ClaudeStep, invocation: ClaudeInvocation): ClaudeCommand {
  const flags: Flag[] = [];
  const { version, resumeSessionId } = invocation;
  const add = (name: string, values: readonly string[] = [], shown = values): void => {
    const missing = missingFlag(version, name);
    // A flag that stepspan wants for itself can be left out; a key that needs one has been refused by preflight.
    if (missing === undefined || missing.key !== '') flags.push({ name, values, shown });
  };
  const addValue = (name: string, value: ClaudeStep[FlagKey]): void => {
    // A list without entries is not passed: its flag would swallow the next argument.
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    const file = invocation.textFiles?.get(name);
    if (file !== undefined) add(textFileFlag(name), [file]);
    else if (Array.isArray(value)) add(name, value);
    else if (typeof value === 'object') add(name, [JSON.stringify(value)], hiddenValue);
    else add(name, [String(value)], isLongText(name) ? hiddenValue : undefined);
  };

  add('-p');
  if (invocation.settingsPath !== undefined) add('--settings', [invocation.settingsPath]);
  const values = {
    ...step,
    mcpConfig: invocation.mcpConfigPath,
    maxBudgetUsd: budgetToPass(step, invocation),
    resume: resumeSessionId,
    ...rulesToPass(step),
  };
  for (const key of flagKeys) addValue(claudeFlags[key], values[key]);
  // The session continues in a copy. So a second attempt starts where the first did, two steps can continue the same session,
  // and the transcript of the earlier step stays as it was.
  if (resumeSessionId !== undefined) add('--fork-session');
  const canNameSession = resumeSessionId === undefined || canNameFork(version);
  if (invocation.sessionId !== undefined && canNameSession) add('--session-id', [invocation.sessionId]);
  if (step.ask.kind === 'wait') {
    add('--input-format', ['stream-json']);
    add('--permission-prompt-tool', ['stdio']);
    add('--replay-user-messages');
  }
  // Last, because flags that take several values would swallow extra arguments that are not flags.
  add('--output-format', ['stream-json']);
  add('--verbose');
  // A long answer is a sign of life while it is written, and a hook that fails is reported.
  add('--include-partial-messages');
  add('--include-hook-events');

  return {
    args: [...flags.flatMap(({ name, values: given }) => [name, ...given]), ...step.extraArgs],
    stdin: step.ask.kind === 'wait' ? userMessage(invocation.prompt) : invocation.prompt,
    flags: flags.map(({ name }) => name),
    shown: ['claude', ...flags.flatMap(({ name, shown }) => [name, ...shown]), ...step.extraArgs].map(quoted).join(' '),
  };
}

/** Stands for a value that is long, or that nobody wants in a log. */
const hiddenValue = ['…'];

type FlagKey = keyof typeof claudeFlags;

const flagKeys = Object.keys(claudeFlags).filter((key): key is FlagKey => key in claudeFlags);

function isLongText(flag: string): boolean {
  return longTextKeys.some((key) => claudeFlags[key] === flag);
}

/** Claude Code applies the rules of `ask` itself, as it knows which commands are in a command line. */
function rulesToPass({ ask, allowedTools, disallowedTools }: ClaudeStep): Partial<ClaudeStep> {
  if (ask.kind === 'never') return {};
  return { allowedTools: [...allowedTools, ...ask.allow], disallowedTools: [...disallowedTools, ...ask.deny] };
}

/** The run's own budget is watched by stepspan as well, so an old CLI does not have to know it. */
function budgetToPass({ maxBudgetUsd }: ClaudeStep, { remainingUsd, version }: ClaudeInvocation): number | undefined {
  if (maxBudgetUsd === undefined && missingFlag(version, claudeFlags.maxBudgetUsd) !== undefined) return undefined;
  const limits = [maxBudgetUsd, remainingUsd].filter((each) => each !== undefined);
  return limits.length === 0 ? undefined : Math.max(Math.min(...limits), LEAST_BUDGET_USD);
}

type Flag = { readonly name: string; readonly values: readonly string[]; readonly shown: readonly string[] };

/** As a person would type it in a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
