// From what a person typed for a run to its folder and its state, with a message where there is none.

import { dataFolder, type JournalError, type JournalProblem, problemText, type RunFolder } from '../journal/index.ts';
import { type RunState, readRunState } from '../runs/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import type { FlagValues, Settings } from './settings.ts';

export type FoundState = { readonly folder: RunFolder; readonly state: RunState; readonly settings: Settings };

/** For the help of every command that takes a run. */
export const runArgument = 'the id of a run, the start or the end of one, or `latest`';

/** @returns undefined after the person was told why there is none, with the exit status set */
export async function findRunState(
  context: CliContext,
  text: string,
  flags: FlagValues,
): Promise<FoundState | undefined> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return undefined;
  const data = dataFolder(settings.dataDir);
  const found = data.findRun(text);
  switch (found.kind) {
    case 'none':
      return fail(context, exitCodes.notFound, found.message, '`stepspan ls` shows the runs there are.');
    case 'ambiguous':
      return fail(context, exitCodes.notFound, found.message);
    case 'found': {
      const folder = data.runDir(found.runId);
      const state = await readable(context, () => readRunState(folder, problemTeller(context)));
      if (state === 'unreadable') return undefined;
      if (state === undefined) return fail(context, exitCodes.notFound, `Run ${found.runId} has an empty journal.`);
      return { folder, state, settings };
    }
  }
}

/** Runs something that reads journals; what a journal cannot be read for is told in its own words. */
export async function readable<T>(context: CliContext, read: () => Promise<T>): Promise<T | 'unreadable'> {
  try {
    return await read();
  } catch (error) {
    reportUnreadable(context, error);
    return 'unreadable';
  }
}

/** @throws what is not about a journal */
export function reportUnreadable(context: CliContext, error: unknown): void {
  if (!isJournalError(error)) throw error;
  fail(context, exitCodes.notExecuted, error.message);
}

/** Tells each damage and gap once on stderr; reading goes on. Damage sets the exit status, since something is missing. */
export function problemTeller(context: CliContext): (problem: JournalProblem) => void {
  const told = new Set<string>();
  return (problem) => {
    const text = problemText(problem);
    if (told.has(text)) return;
    told.add(text);
    if (problem.kind === 'corrupt') fail(context, exitCodes.notExecuted, text);
    else context.stderr.write(`stepspan: ${text}\n`);
  };
}

function isJournalError(error: unknown): error is JournalError {
  return error instanceof Error && error.name === 'JournalError';
}
