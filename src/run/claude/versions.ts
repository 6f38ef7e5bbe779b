// What each version of Claude Code can do, as far as stepspan depends on it. Pure. The table was measured on the programs
// themselves (`npm run test:versions`); docs/claude-versions.md shows the same. A flag that is not in the table is in
// every version from the minimum on.

import { claudeFlags, longTextKeys } from '../../workflow/index.ts';

/** The oldest version that steps run on: it is the first that takes `--session-id`. */
export const minimumClaudeVersion = '1.0.53';

/** `claude auth status` is a command from this version on. Older ones take the two words for a prompt. */
export const authStatusSince = '2.1.40';

/** From this version on, `--session-id` names the session that `--resume --fork-session` makes. Before, it is refused. */
const sessionIdOfForkSince = '2.0.73';

/** Steps with `ask` need this version or a later one: the oldest on which permissions, questions and plans were tried. */
export const askSince = '2.0.73';

/** A flag that came after the minimum, with its first version. */
export type ClaudeFlag = {
  readonly flag: string;
  readonly since: string;
  /**
   * The key below `claude:` that needs it: a workflow that has the key is refused on an older version. '' if stepspan wants the
   * flag for itself: it is then left out.
   */
  readonly key: string;
};

/** The flag that reads from a file what `flag` takes as its value. */
export function textFileFlag(flag: string): string {
  return `${flag}-file`;
}

const keyOfFlag = new Map<string, string>([
  ...Object.entries(claudeFlags).map(([key, flag]) => [flag, key] as const),
  ...longTextKeys.map((key) => [textFileFlag(claudeFlags[key]), key] as const),
]);

const firstVersions: Readonly<Record<string, string>> = {
  '--settings': '1.0.61',
  '--include-partial-messages': '1.0.109',
  '--include-hook-events': '2.1.105',
  // Before it, `--resume` continues in a new session by itself.
  '--fork-session': '1.0.119',
  '--system-prompt-file': '1.0.55',
  '--append-system-prompt-file': '2.0.33',
  '--max-budget-usd': '2.0.30',
  '--json-schema': '2.0.45',
  '--permission-prompts': '2.1.259',
};

export const claudeFlagTable: readonly ClaudeFlag[] = Object.entries(firstVersions).map(([flag, since]) => ({
  flag,
  since,
  key: keyOfFlag.get(flag) ?? '',
}));

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
  const [major, minor, patch] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  return (major || minor || patch) < 0;
}

/** The flag's row if the version is too old for it; undefined if it takes the flag. */
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
