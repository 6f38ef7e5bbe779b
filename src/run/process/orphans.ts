// Makes this process the parent of every descendant that loses its own (a "child subreaper", prctl(2)), so that everything
// that its steps started is below it and nobody has to search the whole machine for it. And collects those that have ended,
// which Node does only for what it started itself. For a process that is stepspan's alone: in a program that uses the
// library the setting would change what becomes of the orphans of others.
import { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { type Libc, loadLibc } from './libc.ts';
import { readChildren, readStat } from './proc-files.ts';
import { isLive } from './process-info.ts';

/** Nobody waits for a process that has ended, but each holds a pid until it is collected, and a machine has 32,768 at least. */
const COLLECT_INTERVAL_MS = 5_000;

let libc: Libc | undefined;
/** Started by this process and not yet collected by Node, which would lose their exit code if they were collected here. */
const own = new Set<Pick<ChildProcess, 'pid'>>();

/**
 * From now on adopts orphans, for as long as this process lives. A second call changes nothing.
 * @returns false if the system cannot: it is not Linux, or the package koffi is missing. Then orphans go where they went before
 */
export function adoptOrphans(): boolean {
  if (libc !== undefined) return true;
  const loaded = loadLibc();
  if (loaded === undefined) return false;
  for (const pid of readChildren(process.pid)) own.add({ pid });
  subscribe('child_process', keepOwn);
  if (!loaded.becomeSubreaper()) return false;
  libc = loaded;
  setInterval(collectOrphans, COLLECT_INTERVAL_MS).unref();
  return true;
}

export function adoptsOrphans(): boolean {
  return libc !== undefined;
}

/** The children of this process that it did not start. */
export function adoptedPids(): number[] {
  const started = new Set([...own].map(({ pid }) => pid));
  return readChildren(process.pid).filter((pid) => !started.has(pid));
}

/** Collects the adopted processes that have ended. */
export function collectOrphans(): void {
  for (const pid of adoptedPids()) {
    const info = readStat(pid);
    if (info !== undefined && !isLive(info)) libc?.collect(pid);
  }
}

/** Called by Node for each child that it makes, before the child has a pid. */
function keepOwn(message: unknown): void {
  const child = typeof message === 'object' && message !== null && 'process' in message ? message.process : undefined;
  if (!(child instanceof ChildProcess)) return;
  own.add(child);
  child.once('exit', () => own.delete(child));
  child.once('error', () => child.pid === undefined && own.delete(child));
}
