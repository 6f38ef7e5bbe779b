// A lock as a file, held by one process at a time and by nobody once that process has ended, however it ended.
// Called for the locks of a run (writer, ship, archive), of the hub and of its files; usable for any path. Node offers no flock(2), so the file says who holds it.
//
// How two processes never both take a lock over: a lock file appears only with its whole content (written under a
// temporary name, then link(2), which fails if the name exists). Each holding has a nonce. A process that finds the
// holder dead must first get the lock `<path>.<nonce of the dead>`, and replaces the file by rename(2) only when it still
// has that nonce. The dead cannot release, and only the one with that second lock may replace it, so nothing changes in
// between. Should the taker die as well, its second lock is taken over in the same way, by a third lock named after it.

import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { errorCode } from '../core/errors.ts';
import type { ProcessIdentity } from '../core/event.ts';
import { removeLitter } from './lock-litter.ts';
import { isAlive, processIdentity, type ScopedIdentity, whereIs } from './process-identity.ts';
import { linkFile, writeWhole } from './whole-file.ts';

export type LockHolder = ProcessIdentity & {
  /** What for, in the holder's words; for people. */
  readonly detail: string;
  /** Since when, ISO 8601. */
  readonly since: string;
};

export type HeldLock = {
  readonly kind: 'acquired';
  readonly path: string;
  /** False once another host has taken the lock over, which it may after `foreignStaleMs` without a heartbeat. */
  readonly stillHeld: () => boolean;
  /** Releases the lock. May be called more than once. A process that ends without it is found dead by the next. */
  readonly release: () => void;
};

export type LockResult = HeldLock | { readonly kind: 'held'; readonly by: LockHolder };

/** A holder rewrites its lock file so often, for other hosts on a shared disk, which cannot see its process. */
export const heartbeatMs = 30_000;

/**
 * A lock of another host (or of another container) is taken over when its file was not rewritten for so long: 20 missed
 * heartbeats, more than any pause of a machine short of a suspend. The age is measured by the clock of the file system alone.
 */
export const foreignStaleMs = 20 * heartbeatMs;

/** Another process got in between that often: it is there, so it may as well have the lock. */
const maxTries = 100;

type LockContent = { readonly nonce: string; readonly holder: LockHolder & ScopedIdentity };

/**
 * Takes the lock at `path`, or says who holds it. Never waits. The folder must exist.
 * Throws what the file system throws when the file cannot be made (no folder, no permission, no hard links).
 * @param detail what the lock is held for, shown to the process that finds it held
 */
export function tryLockFile(path: string, detail: string): LockResult {
  const nonce = randomBytes(8).toString('hex');
  const holder = { ...processIdentity(), detail, since: new Date().toISOString() };
  const text = `${JSON.stringify({ nonce, ...holder })}\n`;
  const temporary = `${path}.${nonce}.tmp`;
  // Not synced: after a power cut nobody holds a lock, and a lock file that is empty then says just that.
  writeWhole(temporary, text, 'unsynced');
  try {
    const by = take(path, temporary);
    if (by !== undefined) return { kind: 'held', by };
  } finally {
    rmSync(temporary, { force: true });
  }
  removeLitter(path, (name) => isStale(name, path));
  return hold(path, nonce, text);
}

/** Who holds the lock at `path` now; undefined when nobody does. Takes nothing. */
export function lockHolder(path: string): LockHolder | undefined {
  const content = readLock(path);
  return content === undefined || isDead(content, path, Date.now()) ? undefined : content.holder;
}

/** Puts `temporary` in the place of `path`, or returns the living holder that it has met. */
function take(path: string, temporary: string): LockHolder | undefined {
  let met: LockHolder | undefined;
  for (let tries = 0; tries < maxTries; tries++) {
    if (linkFile(temporary, path)) return undefined;
    const content = readLock(path);
    if (content === undefined) continue;
    met = content.holder;
    if (!isDead(content, path, statSync(temporary).mtimeMs)) return met;
    const guard = tryGuard(`${path}.${content.nonce}`, temporary);
    if (guard.kind === 'held') {
      // The process that takes over right now has it in a moment, unless it came late and there is a new holder already.
      if (readLock(path)?.nonce === content.nonce) return guard.by;
      continue;
    }
    try {
      if (readLock(path)?.nonce !== content.nonce) continue;
      renameSync(temporary, path);
      return undefined;
    } finally {
      rmSync(guard.path, { force: true });
    }
  }
  return (
    met ?? { pid: 0, startTime: '', host: '', detail: 'a process that takes and releases it all the time', since: '' }
  );
}

function tryGuard(path: string, source: string): { kind: 'acquired'; path: string } | { kind: 'held'; by: LockHolder } {
  const nonce = randomBytes(8).toString('hex');
  const temporary = `${path}.${nonce}.tmp`;
  writeWhole(temporary, `${JSON.stringify({ ...JSON.parse(readFileSync(source, 'utf8')), nonce })}\n`, 'unsynced');
  try {
    const by = take(path, temporary);
    return by === undefined ? { kind: 'acquired', path } : { kind: 'held', by };
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * What a lock file says; undefined when there is none. One that cannot be understood was damaged by a power cut (files
 * appear whole), so its holder is dead; its nonce is taken from its bytes.
 */
function readLock(path: string): LockContent | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { nonce, ...holder } = JSON.parse(text);
    if (typeof nonce === 'string' && /^[0-9a-f]{16}$/.test(nonce) && typeof holder.pid === 'number')
      return { nonce, holder };
  } catch {
    // Falls through to what a damaged file means.
  }
  const nonce = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return {
    nonce,
    holder: { pid: 0, startTime: '', host: processIdentity().host, detail: 'a damaged lock file', since: '' },
  };
}

/** @param nowMs the time by the clock of the file system that holds the lock */
function isDead(content: LockContent, path: string, nowMs: number): boolean {
  if (whereIs(content.holder) !== 'elsewhere') return !isAlive(content.holder);
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return touched !== undefined && nowMs - touched > foreignStaleMs;
}

/** Whether a helper file beside the lock belongs to a process that has ended, and so not to a takeover in progress. */
function isStale(helper: string, path: string): boolean {
  const content = readLock(helper);
  return content !== undefined && readLock(path)?.nonce !== content.nonce && isDead(content, helper, Date.now());
}

function hold(path: string, nonce: string, text: string): HeldLock {
  const isOurs = (): boolean => readLock(path)?.nonce === nonce;
  const heartbeat = setInterval(() => beat(path, nonce, text), heartbeatMs);
  heartbeat.unref();
  let released = false;
  return {
    kind: 'acquired',
    path,
    stillHeld: () => !released && isOurs(),
    release() {
      if (released) return;
      released = true;
      clearInterval(heartbeat);
      try {
        if (isOurs()) rmSync(path, { force: true });
      } catch {
        // A disk that fails keeps the file. The run has ended all the same, and the lock ends with this process, which it names.
      }
    },
  };
}

/** Rewrites our own text in place: that sets the time of the file by the clock of its file system, not by ours. */
function beat(path: string, nonce: string, text: string): void {
  try {
    const fd = openSync(path, 'r+');
    try {
      const now = Buffer.alloc(text.length * 4);
      if (now.subarray(0, readSync(fd, now, 0, now.length, 0)).includes(nonce)) {
        ftruncateSync(fd, writeSync(fd, text, 0));
      }
    } finally {
      closeSync(fd);
    }
  } catch {
    // A beat that is missed is made up for by the next; twenty in a row are what `stillHeld` is for.
  }
}
