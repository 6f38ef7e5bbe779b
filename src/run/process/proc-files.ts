// Reads single files of Linux's /proc. Owns their formats (proc(5)). Called by process-source.ts and for the child itself.
// All reads are synchronous: one takes a few microseconds, where a trip to the thread pool takes more CPU than the read.
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { errorCode } from '../../core/errors.ts';
import { parseProcStat } from '../../data/proc-stat.ts';
import type { Marker, ProcessInfo } from './process-info.ts';

/** The process as it is now; undefined if there is none with this pid. */
export function readStat(pid: number): ProcessInfo | undefined {
  const text = readProc(`/proc/${pid}/stat`)?.toString('latin1');
  if (text === undefined) return undefined;
  const { residentPages, ...stat } = parseProcStat(text);
  pageBytes ??= readPageBytes();
  return { pid, ...stat, residentBytes: residentPages * pageBytes };
}

let pageBytes: number | undefined;

/** AT_PAGESZ of Linux (auxvec.h). */
const PAGE_SIZE_ENTRY = 6n;

/** From the pairs of words that the kernel hands to each process: asking `getconf PAGESIZE` would start one. */
function readPageBytes(): number {
  const pairs = readProc('/proc/self/auxv') ?? Buffer.alloc(0);
  for (let at = 0; at + 16 <= pairs.length; at += 16)
    if (pairs.readBigUInt64LE(at) === PAGE_SIZE_ENTRY) return Number(pairs.readBigUInt64LE(at + 8));
  return 4096;
}

/** Children of every thread of the process: one that a thread forked is only in that thread's list. */
export function readChildren(pid: number): number[] {
  const children: number[] = [];
  for (const thread of listFolder(`/proc/${pid}/task`)) {
    const list = readProc(`/proc/${pid}/task/${thread}/children`);
    if (list === undefined || list.length === 0) continue;
    for (const word of list.toString('latin1').trim().split(' ')) children.push(Number(word));
  }
  return children;
}

/** Whether this kernel lists children (CONFIG_PROC_CHILDREN); without it the whole of /proc has to be read. */
export function hasChildrenFiles(): boolean {
  return readProc(`/proc/${process.pid}/task/${process.pid}/children`) !== undefined;
}

/** Every process of the machine that this user may see. */
export function readAllPids(): number[] {
  return listFolder('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * Whether the environment that the process was started with has every entry of the marker.
 * False for processes of other users, whose environment cannot be read.
 */
export function hasMarker(pid: number, marker: Marker): boolean {
  if (marker.length === 0) return false;
  const environment = readProc(`/proc/${pid}/environ`);
  if (environment === undefined) return false;
  const framed = Buffer.concat([NUL, environment, NUL]);
  return marker.every((entry) => framed.includes(Buffer.from(`\0${entry}\0`)));
}

/** The entries of the environment that the process was started with; none for a process of another user. */
export function readEnvironment(pid: number): readonly string[] {
  return readProc(`/proc/${pid}/environ`)?.toString('latin1').split('\0') ?? [];
}

/** Whether the process holds open a file with `part` in its path, also one whose name has been removed since. */
export function holdsFile(pid: number, part: string): boolean {
  for (const file of heldFiles(pid)) if (file.includes(part)) return true;
  return false;
}

/** What a thread waits in, or was in last. */
export type SystemCall = { readonly number: number; readonly firstArgument: number };

/** The system calls in which the threads of the process sleep; undefined if the system does not show them. */
export function readSystemCalls(pid: number): readonly SystemCall[] | undefined {
  const found: SystemCall[] = [];
  for (const thread of listFolder(`/proc/${pid}/task`)) {
    const text = readProc(`/proc/${pid}/task/${thread}/syscall`)?.toString('latin1');
    if (text === undefined) return undefined;
    // `running`, or -1 for a thread that sleeps outside of a call.
    const [number = '', first = ''] = text.split(' ');
    if (/^\d+$/.test(number)) found.push({ number: Number(number), firstArgument: Number(first) });
  }
  return found;
}

/** What a descriptor of the process leads to, such as `socket:[4711]`; undefined if it is not open or not to be seen. */
export function openFile(pid: number, descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch (error) {
    goneOrForeign(error);
    return undefined;
  }
}

/** The paths of all files that the process holds open. */
export function* heldFiles(pid: number): Generator<string> {
  for (const fd of listFolder(`/proc/${pid}/fd`)) {
    try {
      yield readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch (error) {
      goneOrForeign(error);
    }
  }
}

/** The command line for a person: arguments divided by spaces, or the name in brackets if there are no arguments. */
export function readCommand(pid: number): string {
  const line = readProc(`/proc/${pid}/cmdline`)?.toString().replaceAll('\0', ' ').trim();
  if (line) return line.slice(0, MAX_COMMAND_CHARACTERS);
  return `[${readProc(`/proc/${pid}/comm`)?.toString().trim() ?? 'unknown'}]`;
}

/** A command line can be 2 MiB long; this much shows a person which process it is. */
export const MAX_COMMAND_CHARACTERS = 500;

const NUL = Buffer.from([0]);
/** One read takes nearly every file of /proc whole: only environments, command lines and long lists of children grow. */
const scratch = Buffer.allocUnsafeSlow(1 << 16);

function readProc(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    goneOrForeign(error);
    return undefined;
  }
  try {
    const parts: Buffer[] = [];
    for (;;) {
      const count = readSync(fd, scratch, 0, scratch.length, null);
      parts.push(Buffer.from(scratch.subarray(0, count)));
      if (count < scratch.length) return parts.length === 1 ? parts[0] : Buffer.concat(parts);
    }
  } catch (error) {
    goneOrForeign(error);
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    goneOrForeign(error);
    return [];
  }
}

/**
 * False for the errors that mean that there is no such process or that it is another user's.
 * Any other one (no file descriptor left, no memory) is thrown again: it must not make a live process look dead.
 */
function goneOrForeign(error: unknown): false {
  const code = errorCode(error);
  if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return false;
  throw error;
}
