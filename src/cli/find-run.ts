// From what a person typed for a run to its folder and its state, with a message if there is none.
import { statSync } from 'node:fs';
import path from 'node:path';
import { isArchiveUrl } from '../archive/location.ts';
import { isRefusedByDisk } from '../core/errors.ts';
import {
  dataFolder,
  type JournalError,
  type JournalProblem,
  type JournalReader,
  openJournal,
  problemText,
  type RunFolder,
} from '../journal/index.ts';
import { type RunState, readRunState } from '../runs/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import type { FlagValues, Settings } from './settings.ts';

export type FoundState = { readonly folder: RunFolder; readonly state: RunState; readonly settings: Settings };

/** For the help of every command that takes a run. */
export const runArgument = 'the id of a run, the start or the end of one, or `latest`';

/** For those that also read what is not in the data folder. */
export const readableRunArgument = `${runArgument}; or a bundle, or the address of a run in an archive`;

/** Of the name of a bundle. */
export const bundleEnding = '.stepspan';

/** @returns undefined after reporting why there is none, with the exit code set */
export async function findRunState(
  context: CliContext,
  text: string,
  flags: FlagValues,
): Promise<FoundState | undefined> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return undefined;
  if (isArchivedRun(text, context.cwd)) {
    const { fetchArchivedRun } = await import('./archived-run.ts');
    const folder = await fetchArchivedRun(context, text);
    return folder === undefined ? undefined : stateIn(context, folder, settings);
  }
  const data = dataFolder(settings.dataDir);
  const found = data.findRun(text);
  switch (found.kind) {
    case 'none':
      return fail(context, exitCodes.notFound, found.message, '`stepspan ls` shows the runs there are.');
    case 'ambiguous':
      return fail(context, exitCodes.notFound, found.message);
    case 'found':
      return stateIn(context, data.runDir(found.runId), settings);
  }
}

async function stateIn(context: CliContext, folder: RunFolder, settings: Settings): Promise<FoundState | undefined> {
  const state = await readable(context, () => readRunState(folder, problemReporter(context)));
  if (state === 'unreadable') return undefined;
  if (state === undefined) return fail(context, exitCodes.notFound, `Run ${folder.runId} has an empty journal.`);
  return { folder, state, settings };
}

/** Whether a person means a bundle or an archive, and not a run of the data folder, whose name has none of these signs. */
function isArchivedRun(text: string, cwd: string): boolean {
  if (isArchiveUrl(text)) return true;
  const isPath = text.includes('/') || text.endsWith(bundleEnding);
  return isPath && statSync(path.resolve(cwd, text), { throwIfNoEntry: false })?.isFile() === true;
}

/** Runs something that reads journals; a journal that cannot be read is reported in its own words. */
export async function readable<T>(context: CliContext, read: () => Promise<T>): Promise<T | 'unreadable'> {
  try {
    return await read();
  } catch (error) {
    reportUnreadable(context, error);
    return 'unreadable';
  }
}

/** @throws what is about neither a journal nor the file system */
export function reportUnreadable(context: CliContext, error: unknown): void {
  if (!isJournalError(error) && !isRefusedByDisk(error)) throw error;
  fail(context, exitCodes.notExecuted, error.message);
}

/** What was reported for a command, which reads some journals more than once. */
const reportedBy = new WeakMap<CliContext, Set<string>>();

/** Reports each damage and gap once on stderr; reading continues. Damage sets the exit code, since something is missing. */
export function problemReporter(context: CliContext): (problem: JournalProblem) => void {
  const reported = reportedBy.get(context) ?? new Set<string>();
  reportedBy.set(context, reported);
  return (problem) => {
    const text = problemText(problem);
    if (reported.has(text)) return;
    reported.add(text);
    if (problem.kind === 'corrupt') fail(context, exitCodes.notExecuted, text);
    else context.stderr.write(`stepspan: ${text}\n`);
  };
}

/** The journal of a run, of which damage and gaps are reported and skipped. */
export function reportingReader(folder: RunFolder, context: CliContext): Pick<JournalReader, 'read'> {
  const reader = openJournal(folder);
  return { read: (options) => reader.read({ ...options, onProblem: problemReporter(context) }) };
}

function isJournalError(error: unknown): error is JournalError {
  return error instanceof Error && error.name === 'JournalError';
}
