// Continuing a session of Claude Code that was interrupted: its prompt, and whether the session exists. Pure.
import type { ClaudeResult } from './result.ts';

/**
 * The prompt of an attempt that continues. The session has the task already; a model that only reads "continue" tends to begin
 * again.
 */
export function continuationPrompt(because: string): string {
  return (
    `You were interrupted (${because.replace(/[.\s]+$/, '')}). Continue where you stopped. ` +
    'Do not repeat work that is already done; look at the files if you are not sure.'
  );
}

/** Claude Code keeps sessions by folder and machine, and removes old ones. */
export function isSessionMissing(result: ClaudeResult | undefined, stderr: string): boolean {
  return [...(result?.errors ?? []), stderr].some((text) => /no conversation found/i.test(text));
}

/** Extra arguments without `--worktree [name]`: a session that continues is in its worktree already. */
export function withoutWorktree(args: readonly string[]): readonly string[] {
  return args.filter((arg, index) => {
    if (isWorktreeFlag(arg) || arg.startsWith('--worktree=')) return false;
    const before = args[index - 1];
    return before === undefined || !isWorktreeFlag(before) || arg.startsWith('-');
  });
}

function isWorktreeFlag(arg: string): boolean {
  return arg === '--worktree' || arg === '-w';
}
