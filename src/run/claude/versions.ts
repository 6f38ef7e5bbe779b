// What each version of Claude Code can do, as far as stepspan depends on it. Pure. The table was measured on the programs
// themselves (`npm run test:versions`); docs/claude-versions.md shows the same. A flag that is not in the table is in
// every version from the minimum on.

/** The oldest version that steps run on: it is the first that takes `--session-id`. */
export const minimumClaudeVersion = '1.0.53';

/** `claude auth status` is a command from this version on. Older ones take the two words for a prompt. */
export const authStatusSince = '2.1.40';

/** From this version on, `--session-id` names the session that `--resume --fork-session` makes. Before, it is refused. */
const sessionIdOfForkSince = '2.0.73';

export type ClaudeFlag = {
  readonly flag: string;
  readonly since: string;
  /** The key below `claude:` that needs it; '' where stepspan wants it for itself. */
  readonly key: string;
  /** In an older version: a workflow that needs it is refused before it starts, or it is not passed. */
  readonly without: 'refuse' | 'omit';
};

/** To pass a new flag, add one row. */
export const claudeFlagTable: readonly ClaudeFlag[] = [
  { flag: '--settings', since: '1.0.61', key: '', without: 'omit' },
  { flag: '--include-partial-messages', since: '1.0.109', key: '', without: 'omit' },
  { flag: '--include-hook-events', since: '2.1.105', key: '', without: 'omit' },
  // Before it, `--resume` continues in a new session by itself.
  { flag: '--fork-session', since: '1.0.119', key: '', without: 'omit' },
  { flag: '--system-prompt-file', since: '1.0.55', key: 'systemPrompt', without: 'refuse' },
  { flag: '--append-system-prompt-file', since: '2.0.33', key: 'appendSystemPrompt', without: 'refuse' },
  { flag: '--max-budget-usd', since: '2.0.30', key: 'maxBudgetUsd', without: 'refuse' },
  { flag: '--json-schema', since: '2.0.45', key: 'jsonSchema', without: 'refuse' },
  { flag: '--permission-prompts', since: '2.1.259', key: '', without: 'omit' },
];

/** Values of `--permission-mode` that came after the minimum, with their first version. The others are in every version. */
export const permissionModesSince: Readonly<Record<string, string>> = {
  dontAsk: '2.0.44',
  auto: '2.1.71',
  manual: '2.1.200',
};

/** The first version that has the mode, if this one is older; undefined if it has the mode. */
export function missingPermissionMode(version: string, mode: string): string | undefined {
  const since = permissionModesSince[mode];
  return since !== undefined && isOlder(version, since) ? since : undefined;
}

/** Whether the version is older than `other`. Only the three numbers count: `2.1.0-beta.1` is 2.1.0. */
export function isOlder(version: string, other: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(other)];
  const index = a.findIndex((number, at) => number !== b[at]);
  return index !== -1 && a[index]! < b[index]!;
}

/** The flag's row where the version is too old for it; undefined where it takes the flag. */
export function missingFlag(version: string, flag: string): ClaudeFlag | undefined {
  return claudeFlagTable.find((row) => row.flag === flag && isOlder(version, row.since));
}

/** Whether the id of the session that `--resume` makes can be given by `--session-id`. */
export function canNameFork(version: string): boolean {
  return !isOlder(version, sessionIdOfForkSince);
}

function numbersOf(version: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split(/[^\d]/, 3).map(Number);
  return [major, minor, patch];
}
