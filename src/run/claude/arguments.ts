// The command line of one attempt of a Claude Code step. Pure. Flags as in `claude --help` of 2.1.328; `--max-turns` is
// not listed there but is taken. The prompt goes by stdin: an argument is bounded (128 KiB on Linux) and seen in `ps`.
import type { ClaudeStep } from '../../workflow/workflow.ts';
import { canNameFork, missingFlag } from './versions.ts';

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
  readonly stdin: string;
  /** For people: the flags without values that are long, or that nobody wants in a log. Never the prompt. */
  readonly shown: string;
  /** Names of the flags in `args`, without the extra arguments of the step. */
  readonly flags: readonly string[];
};

/** The smallest budget that is handed on, in USD: the CLI refuses 0, and a run that has less left is ended by stepspan. */
const LEAST_BUDGET_USD = 0.0001;

export function claudeArguments(step: ClaudeStep, invocation: ClaudeInvocation): ClaudeCommand {
  const flags: Flag[] = [];
  const { version } = invocation;
  const addFlag = (flag: Flag): void => {
    if (missingFlag(version, flag.name)?.without !== 'omit') flags.push(flag);
  };
  const add = (name: string, ...values: readonly string[]): void => addFlag({ name, values, shown: values });
  const addHidden = (name: string, value: string): void => addFlag({ name, values: [value], shown: ['…'] });

  add('-p');
  if (step.model !== undefined) add('--model', step.model);
  if (step.permissionMode !== undefined) add('--permission-mode', step.permissionMode);
  if (step.allowedTools.length > 0) add('--allowedTools', ...step.allowedTools);
  if (step.disallowedTools.length > 0) add('--disallowedTools', ...step.disallowedTools);
  if (invocation.mcpConfigPath !== undefined) add('--mcp-config', invocation.mcpConfigPath);
  if (invocation.settingsPath !== undefined) add('--settings', invocation.settingsPath);
  const budget = smallest(step.maxBudgetUsd, invocation.remainingUsd);
  // The run's own budget is watched by stepspan as well, so an old CLI need not know it.
  const isBudgetPassed = step.maxBudgetUsd !== undefined || missingFlag(version, '--max-budget-usd') === undefined;
  if (budget !== undefined && isBudgetPassed) add('--max-budget-usd', String(Math.max(budget, LEAST_BUDGET_USD)));
  if (step.maxTurns !== undefined) add('--max-turns', String(step.maxTurns));
  const addText = (flag: string, text: string): void => {
    const file = invocation.textFiles?.get(flag);
    if (file === undefined) addHidden(flag, text);
    else add(textFileFlag(flag), file);
  };
  if (step.systemPrompt !== undefined) addText('--system-prompt', step.systemPrompt);
  if (step.appendSystemPrompt !== undefined) addText('--append-system-prompt', step.appendSystemPrompt);
  if (step.jsonSchema !== undefined) addHidden('--json-schema', JSON.stringify(step.jsonSchema));
  if (invocation.resumeSessionId !== undefined) {
    add('--resume', invocation.resumeSessionId);
    // The session goes on in a copy: so a second attempt starts where the first did, two steps can go on from the same
    // one, and the earlier step's transcript stays as it was.
    add('--fork-session');
  }
  const canNameSession = invocation.resumeSessionId === undefined || canNameFork(version);
  if (invocation.sessionId !== undefined && canNameSession) add('--session-id', invocation.sessionId);
  // Last, because flags that take several values would swallow extra arguments that are no flags.
  add('--output-format', 'stream-json');
  add('--verbose');
  // A long answer is a sign of life while it is written, and a hook that fails is told.
  add('--include-partial-messages');
  add('--include-hook-events');

  return {
    args: [...flags.flatMap(({ name, values }) => [name, ...values]), ...step.extraArgs],
    stdin: invocation.prompt,
    flags: flags.map(({ name }) => name),
    shown: ['claude', ...flags.flatMap(({ name, shown }) => [name, ...shown]), ...step.extraArgs].map(quoted).join(' '),
  };
}

/** The flag that reads from a file what `flag` takes as its value. */
export function textFileFlag(flag: string): string {
  return `${flag}-file`;
}

type Flag = { readonly name: string; readonly values: readonly string[]; readonly shown: readonly string[] };

function smallest(...numbers: readonly (number | undefined)[]): number | undefined {
  const given = numbers.filter((each) => each !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}

/** As a person would type it in a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
