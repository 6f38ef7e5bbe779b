// One run at a time writes in a working folder: two that edit the same files undo one another's work.
// Owns which folders a run writes in and how folders overlap. Called by the library before a run starts.
import { createHash } from 'node:crypto';
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type LockHolder, lockHolder, makeFolder, tryLockFile } from '../../journal/index.ts';
import type { Workflow } from '../../workflow/workflow.ts';

export type WorkingFolderLock =
  | { readonly kind: 'acquired'; readonly release: () => void }
  /** `message` names the other run, its process and what to do. */
  | { readonly kind: 'held'; readonly folder: string; readonly message: string };

/**
 * Locks every folder in which a step that is not `readOnly` works.
 * @param locksDir a folder that all runs of this data folder share
 * @param runId for the message that the next run gets
 */
export function lockWorkingFolders(workflow: Workflow, locksDir: string, runId: string): WorkingFolderLock {
  makeFolder(locksDir);
  const releases: (() => void)[] = [];
  const release = (): void => {
    for (const each of releases.splice(0)) each();
  };
  for (const folder of foldersOf(workflow)) {
    const own = tryLockFile(path.join(locksDir, lockName(folder)), `${runId} ${folder}`);
    if (own.kind === 'acquired') releases.push(own.release);
    // Our own lock is there first, so of two runs that come at once at least one sees the other.
    const other = own.kind === 'held' ? own.by : overlapping(locksDir, folder, runId);
    if (other === undefined) continue;
    release();
    return { kind: 'held', folder, message: heldMessage(folder, other) };
  }
  return { kind: 'acquired', release };
}

/** Real paths, so that two names of one folder are one lock. A folder that is missing fails its step, not the lock. */
function foldersOf(workflow: Workflow): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const step of workflow.steps) {
    if (step.readOnly) continue;
    const folder = path.resolve(workflow.cwd, step.cwd ?? '.');
    try {
      folders.add(realpathSync(folder));
    } catch {
      folders.add(folder);
    }
  }
  return folders;
}

function lockName(folder: string): string {
  return `folder-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}.lock`;
}

/** A live lock of another run on a folder that holds this one or lies in it. */
function overlapping(locksDir: string, folder: string, runId: string): LockHolder | undefined {
  for (const name of readdirSync(locksDir)) {
    if (!/^folder-[0-9a-f]+\.lock$/.test(name)) continue;
    const holder = lockHolder(path.join(locksDir, name));
    if (holder === undefined) continue;
    const [otherRun = '', otherFolder = ''] = splitDetail(holder.detail);
    if (otherRun !== runId && (isInside(folder, otherFolder) || isInside(otherFolder, folder))) return holder;
  }
  return undefined;
}

function splitDetail(detail: string): readonly [string, string] {
  const space = detail.indexOf(' ');
  return [detail.slice(0, space), detail.slice(space + 1)];
}

function isInside(inner: string, outer: string): boolean {
  const relative = path.relative(outer, inner);
  return relative === '' || (!relative.startsWith(`..${path.sep}`) && relative !== '..' && !path.isAbsolute(relative));
}

function heldMessage(folder: string, holder: LockHolder): string {
  const [runId, otherFolder] = splitDetail(holder.detail);
  const where = otherFolder === folder ? 'the same folder' : otherFolder;
  return (
    `run ${runId} (process ${holder.pid} on ${holder.host}, since ${holder.since}) works in ${where}, ` +
    `and this run would write in ${folder}. Wait for it, cancel it, mark the steps that write nothing \`readOnly: true\`, ` +
    'or start with --shared if the two cannot disturb one another.'
  );
}
