// Which files below a folder changed between two moments. In a work tree git says it, which knows contents and what was committed
// meanwhile; a bounded list of the folder says it for everything that git does not track. Called by the check of `expect`.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type Dir, type Dirent, lstatSync, opendirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toError } from '../../core/errors.ts';
import { systemClock } from '../process/index.ts';

/** Files that are listed at most: a third of a second of reading. A folder with more has no answer rather than a wrong one. */
export const maxListedFiles = 20_000;

/**
 * Bytes that are read at most to know contents: a file whose times changed and whose content is not known counts as changed.
 * 64 MiB take a tenth of a second.
 */
const maxHashedBytes = 64 * 1024 * 1024;

/** Not listed: what tools keep there changes by itself, and is too much. A glob that names one lists it. */
const leftOut = ['.git', 'node_modules'];

/** Longest time and most bytes of one answer of git. */
const gitTimeoutMs = 60_000;
const gitMaxBytes = 64 * 1024 * 1024;

export type ChangedFiles =
  /** Paths from the folder, sorted. */
  | { readonly kind: 'known'; readonly files: readonly string[] }
  /** `why` is one clause; `files` are those that have certainly changed. */
  | { readonly kind: 'unknown'; readonly files: readonly string[]; readonly why: string };

/** Asks again and compares. */
export type CompareFiles = () => Promise<ChangedFiles>;

export type WatchedFiles = {
  readonly folder: string;
  /** Folders below it in which to look, '' for all of it. */
  readonly bases: readonly string[];
  /** Whether a path from the folder is asked about. */
  readonly matches: (file: string) => boolean;
};

/** Records how the files are now. Never rejects. */
export async function watchFiles(watched: WatchedFiles): Promise<CompareFiles> {
  const git = await gitState(watched);
  const before = await listFiles(watched, git === undefined);
  return async () => {
    const after = await listFiles(watched, false);
    if ('why' in before || 'why' in after) {
      const why = 'why' in before ? before.why : 'why' in after ? after.why : '';
      return { kind: 'unknown', why, files: git === undefined ? [] : await changedByGit(git, watched) };
    }
    const touched = await differing(before.files, after.files, watched);
    if (git === undefined) return { kind: 'known', files: touched.toSorted() };
    const byGit = await changedByGit(git, watched).catch(() => undefined);
    const ignored = await ignoredOf(touched, watched.folder).catch(() => undefined);
    if (byGit === undefined || ignored === undefined) return { kind: 'unknown', why: 'git gave no answer', files: [] };
    return { kind: 'known', files: [...new Set([...byGit, ...ignored])].toSorted() };
  };
}

type FileState = { readonly size: number; readonly stamp: string; readonly content: string | undefined };
type Listing = { readonly files: ReadonlyMap<string, FileState> } | { readonly why: string };

/** @param withContents reads them too, within `maxHashedBytes` */
async function listFiles(watched: WatchedFiles, withContents: boolean): Promise<Listing> {
  const files = new Map<string, FileState>();
  const giveWay = createGiveWay();
  const folders = [...outermost(watched.bases)];
  let seen = 0;
  let room = withContents ? maxHashedBytes : 0;
  try {
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of entriesOf(path.join(watched.folder, folder))) {
        seen += 1;
        if (seen > maxListedFiles)
          return { why: `more than ${maxListedFiles} files lie in the folder, which is too many to compare` };
        const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) {
          const isLeftOut = leftOut.includes(entry.name) && !watched.bases.some((base) => isWithin(base, file));
          if (!isLeftOut) folders.push(file);
        } else if (watched.matches(file)) {
          const state = await stateOf(path.join(watched.folder, file), room);
          if (state?.content !== undefined) room -= state.size;
          if (state !== undefined) files.set(file, state);
        }
        await giveWay();
      }
    }
    return { files };
  } catch (error) {
    return { why: `the folder could not be listed: ${toError(error).message}` };
  }
}

/** Synchronously: a trip to the thread pool for each file takes many times as long, above all on a busy machine. */
function* entriesOf(folder: string): Generator<Dirent> {
  let directory: Dir;
  try {
    directory = opendirSync(folder);
  } catch {
    return;
  }
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry;
  } finally {
    directory.closeSync();
  }
}

/** Longest time, in ms, for which the output of other steps waits for a list. */
const longestTurnMs = 10;

/** @returns lets the event loop do its other work once that time has passed; to be awaited after each file */
function createGiveWay(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < longestTurnMs) return undefined;
    return nextTurn().then(() => {
      since = performance.now();
    });
  };
}

/** Bases that do not lie in another one. */
function outermost(bases: readonly string[]): readonly string[] {
  const unique = [...new Set(bases)];
  return unique.filter((base) => !unique.some((other) => other !== base && isWithin(base, other)));
}

function isWithin(inner: string, outer: string): boolean {
  return outer === '' || inner === outer || inner.startsWith(`${outer}/`);
}

/** A file up to this size is read at once; reading it takes less than a trip to the thread pool. */
const smallFileBytes = 64 * 1024;

async function stateOf(file: string, room: number): Promise<FileState | undefined> {
  try {
    const stat = lstatSync(file, { bigint: true });
    const size = Number(stat.size);
    // The kernel alone sets the time of the last change of the inode: a file whose other time was set back is seen too.
    const stamp = [stat.mtimeNs, stat.ctimeNs, stat.ino, stat.mode].join(' ');
    return { size, stamp, content: size <= room ? await contentOf(file, stat.isSymbolicLink(), size) : undefined };
  } catch {
    // It is gone, or belongs to another user.
    return undefined;
  }
}

async function contentOf(file: string, isLink: boolean, size: number): Promise<string> {
  const bytes = isLink ? readlinkSync(file) : size <= smallFileBytes ? readFileSync(file) : await readFile(file);
  return createHash('sha256').update(bytes).digest('base64');
}

async function differing(
  before: ReadonlyMap<string, FileState>,
  after: ReadonlyMap<string, FileState>,
  { folder }: WatchedFiles,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(file), after.get(file)];
    if (old?.stamp === now?.stamp && old?.size === now?.size) continue;
    const isSame =
      old?.content !== undefined &&
      old.size === now?.size &&
      old.content === (await stateOf(path.join(folder, file), old.size))?.content;
    if (!isSame) found.push(file);
  }
  return found;
}

type GitState = {
  /** What the files are compared with: the commit that was checked out, or the empty tree if there was none. */
  readonly tree: string;
  /** Files that were not as in that commit, with what they held then. */
  readonly dirty: ReadonlyMap<string, string | undefined>;
};

/** @returns undefined if the folder is not in a work tree, or git cannot be asked */
async function gitState({ folder }: WatchedFiles): Promise<GitState | undefined> {
  try {
    if ((await git(folder, ['rev-parse', '--is-inside-work-tree'])).trim() !== 'true') return undefined;
    const head = await git(folder, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch(() => '');
    const tree = head.trim() || (await git(folder, ['hash-object', '-t', 'tree', '/dev/null'])).trim();
    const dirty = new Map<string, string | undefined>();
    for (const file of await differingFrom(tree, folder)) dirty.set(file, await contentNow(folder, file));
    return { tree, dirty };
  } catch {
    return undefined;
  }
}

async function changedByGit({ tree, dirty }: GitState, { folder, matches }: WatchedFiles): Promise<readonly string[]> {
  const changed = new Set<string>();
  const differs = new Set(await differingFrom(tree, folder));
  for (const file of differs) if (!dirty.has(file)) changed.add(file);
  for (const [file, content] of dirty) if ((await contentNow(folder, file)) !== content) changed.add(file);
  return [...changed].filter(matches);
}

/** Tracked files that are not as in the tree, committed or not, and untracked ones that are not ignored. */
async function differingFrom(tree: string, folder: string): Promise<readonly string[]> {
  const flags = ['--name-only', '-z', '--no-renames', '--no-ext-diff', '--relative'];
  const tracked = await git(folder, ['diff', ...flags, tree, '--', '.']);
  const untracked = await git(folder, ['ls-files', '-z', '--others', '--exclude-standard', '--', '.']);
  return [...new Set([...tracked.split('\0'), ...untracked.split('\0')])].filter((file) => file !== '');
}

function contentNow(folder: string, file: string): Promise<string | undefined> {
  return stateOf(path.join(folder, file), Number.POSITIVE_INFINITY).then((state) => state?.content);
}

/** Those of the paths that git ignores, and therefore does not list. */
async function ignoredOf(files: readonly string[], folder: string): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const answer = await git(folder, ['check-ignore', '-z', '--stdin'], files.join('\0')).catch(
    (error: { code?: unknown }) => {
      // It exits with 1 if it ignores none of them.
      if (error.code === 1) return '';
      throw error;
    },
  );
  return answer.split('\0').filter((file) => file !== '');
}

function git(folder: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      // A lock of ours must not fail a `git commit` of the step or of another program.
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
      maxBuffer: gitMaxBytes,
      encoding: 'utf8',
    } as const;
    const child = execFile('git', ['-c', 'core.fsmonitor=false', ...args], options, (error, stdout) => {
      cancel();
      if (error === null) resolve(stdout);
      else reject(error);
    });
    const cancel = systemClock.after(gitTimeoutMs, () => child.kill('SIGKILL'));
    // It may end before it has read all of it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
