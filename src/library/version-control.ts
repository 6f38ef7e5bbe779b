// What is checked out in the working folder of a run: repository, branch and commit, read from the files of Git, and whether files
// differ from that commit, which only git itself knows. What cannot be read is left out. Called once, when a run starts.
import { execFile } from 'node:child_process';
import { readFileSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import type { VersionControl } from '../core/event.ts';

/** Git answers within some 10 ms, on a cold disk within a second. The start of a run waits no longer for it. */
const gitTimeoutMs = 2000;

/** All of it. Git runs meanwhile: call this early and await it late. Never rejects. */
export async function readWorkTree(cwd: string, timeoutMs = gitTimeoutMs): Promise<VersionControl | undefined> {
  const found = readVersionControl(cwd);
  if (found?.revision === undefined) return found;
  const isDirty = await isWorkTreeDirty(cwd, timeoutMs);
  return isDirty === undefined ? found : { ...found, isDirty };
}

/** Undefined if git is missing, or does not answer in time. */
function isWorkTreeDirty(cwd: string, timeoutMs: number): Promise<boolean | undefined> {
  // What a Git hook sets names the repository of the hook, which can be another one than that of the folder.
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...inherited } = process.env;
  // A lock of ours must not fail a `git commit` of another program.
  const env = { ...inherited, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
  const options = { cwd, env, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
  const words = ['-c', 'core.fsmonitor=false', 'diff', '--quiet', '--no-ext-diff', '--ignore-submodules=dirty', 'HEAD'];
  return new Promise((resolve) => {
    execFile('git', words, options, (error) => {
      if (error === null) resolve(false);
      else resolve(error.code === 1 ? true : undefined);
    });
  });
}

/** What the files of Git say. @param cwd the working folder of the workflow; undefined if it is in no Git repository */
export function readVersionControl(cwd: string): VersionControl | undefined {
  const folder = gitFolder(path.resolve(cwd));
  const head = folder && textOf(path.join(folder, 'HEAD'));
  if (folder === undefined || head === undefined) return undefined;
  // A second worktree has a HEAD of its own and shares the rest.
  const common = path.resolve(folder, textOf(path.join(folder, 'commondir')) ?? '.');
  const [, ref] = /^ref: *(\S+)$/.exec(head) ?? [];
  const revision = commitIn(ref === undefined ? head : (readRef(ref, [folder, common]) ?? ''));
  const [, branch] = /^refs\/heads\/(?!\.invalid$)(.+)$/.exec(ref ?? '') ?? [];
  const url = webAddress(remoteIn(textOf(path.join(common, 'config')) ?? ''));
  return {
    ...(url === undefined ? {} : { url }),
    ...(branch === undefined ? {} : { branch }),
    ...(revision === undefined ? {} : { revision }),
  };
}

/** The nearest `.git` above, or what its file names in a second worktree or a submodule. */
function gitFolder(from: string): string | undefined {
  for (let at = from; ; at = path.dirname(at)) {
    const entry = path.join(at, '.git');
    const stat = statOf(entry);
    if (stat?.isDirectory()) return entry;
    const [, named] = /^gitdir: *(.+)$/.exec((stat?.isFile() && textOf(entry)) || '') ?? [];
    if (named !== undefined) return path.resolve(at, named);
    if (path.dirname(at) === at) return undefined;
  }
}

function readRef(ref: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    const text = textOf(path.join(folder, ref));
    if (text !== undefined) return text;
    const packed = textOf(path.join(folder, 'packed-refs'))?.split('\n') ?? [];
    const line = packed.find((each) => each.endsWith(` ${ref}`));
    if (line !== undefined) return line.split(' ')[0];
  }
  return undefined;
}

/** A commit has 40 digits, or 64 in a repository with SHA-256. */
function commitIn(text: string): string | undefined {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined;
}

/** The address of `origin`, else that of the first remote. */
function remoteIn(config: string): string | undefined {
  const remotes = new Map<string, string>();
  let remote: string | undefined;
  for (const line of config.split('\n')) {
    const [, section, name] = /^\s*\[\s*([\w.-]+)(?:\s+"(.*)")?\s*\]/.exec(line) ?? [];
    if (section !== undefined) remote = section === 'remote' ? name : undefined;
    const [, url] = /^\s*url\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (url !== undefined && remote !== undefined && !remotes.has(remote)) remotes.set(remote, url);
  }
  return remotes.get('origin') ?? [...remotes.values()][0];
}

/**
 * The address on the web of what Git fetches from: without credentials, and without `.git`, as the convention asks.
 * Undefined for a folder, which is on no web.
 */
export function webAddress(remote: string | undefined): string | undefined {
  // `git@host:owner/name.git`: neither a URL nor a path of this machine.
  const [, host, path] = /^(?:[^@/:\s]+@)?([^/:\s]{2,}):(?!\/\/)(.+)$/.exec(remote ?? '') ?? [];
  const text = host === undefined ? (remote ?? '') : `ssh://${host}/${path?.replace(/^\/+/, '')}`;
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(text);
  if (!/^(?:https?|ssh|git|git\+ssh):$/.test(protocol) || hostname === '') return undefined;
  // The port of another protocol leads nowhere on the web.
  const isWeb = /^https?:$/.test(protocol);
  const authority = isWeb && port !== '' ? `${hostname}:${port}` : hostname;
  return `${isWeb ? protocol : 'https:'}//${authority}${pathname.replace(/\/+$/, '').replace(/\.git$/, '')}`;
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
