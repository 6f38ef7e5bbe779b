// A run that a person names by a file or an address: a bundle, or a run in an archive. It is brought into a folder that is removed when
// the command ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type FetchedRun,
  fetchRun,
  isArchiveError,
  isArchiveUrl,
  openStore,
  parseLocation,
  readBundle,
  splitRun,
} from '../archive/index.ts';
import { dataFolder, type RunFolder } from '../journal/index.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';

/** @returns undefined after reporting why it cannot be shown, with the exit code set */
export async function fetchArchivedRun(context: CliContext, text: string): Promise<RunFolder | undefined> {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-run-'));
  context.onEnd(() => rmSync(root, { recursive: true, force: true }));
  try {
    const fetched = isArchiveUrl(text) ? await fetchUrl(context, text, root) : await fetchBundle(context, text, root);
    if (fetched === undefined) return undefined;
    if (!fetched.ended)
      context.stderr.write(`stepspan: ${text} ends at number ${fetched.nextSeq}, before the end of the run\n`);
    return fetched.folder;
  } catch (error) {
    if (!isArchiveError(error)) throw error;
    return fail(context, exitCodes.notExecuted, error.message);
  }
}

async function fetchUrl(context: CliContext, text: string, root: string): Promise<FetchedRun | undefined> {
  const parsed = parseLocation(text, context.cwd);
  if (!parsed.ok)
    return fail(context, exitCodes.badInput, `${text} is ${parsed.problem.wrong}; write ${parsed.problem.write}`);
  const { location, runId } = splitRun(parsed.value);
  if (runId === undefined) {
    const remedy = `write its id behind it, as ${text.replace(/\/$/, '')}/20261123-151507-k3f9x2`;
    return fail(context, exitCodes.badInput, `${text} names no run; ${remedy}`);
  }
  const store = await openStore(location, { env: context.env });
  try {
    return await fetchRun(store, runId, dataFolder(root));
  } finally {
    store.close();
  }
}

async function fetchBundle(context: CliContext, text: string, root: string): Promise<FetchedRun> {
  const archive = path.join(root, 'archive');
  const runId = await readBundle(path.resolve(context.cwd, text), archive);
  return fetchRun(await openStore({ kind: 'folder', folder: archive }, { env: {} }), runId, dataFolder(root));
}
