// Reads from the system calls of a process whether the disk was asked to keep each segment that it wrote: after its last byte, and with
// its name. A killed process loses nothing by an omitted sync, so only the calls themselves can show one.
import type { SystemCall } from './strace.ts';

const writes = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'ftruncate']);
const syncs = new Set(['fsync', 'fdatasync']);

/** @param calls of a process that has ended well, with paths @returns what it has not asked the disk to keep, in words */
export function unsyncedIn(calls: readonly SystemCall[]): readonly string[] {
  const written = new Map<string, number>();
  const made = new Map<string, number>();
  const synced = new Map<string, number>();
  for (const [at, { name, text }] of calls.entries()) {
    const file = /^\d+<([^>]+)>/.exec(text)?.[1];
    const segment = /"([^"]+\/journal)\/[^"/]+\.seg"/.exec(text);
    if (file !== undefined && syncs.has(name)) synced.set(file, at);
    if (file?.endsWith('.seg') && writes.has(name)) written.set(file, at);
    if (segment !== null && name === 'openat' && text.includes('O_CREAT')) made.set(segment[1]!, at);
  }
  const isLate = ([file, at]: readonly [string, number]): boolean => (synced.get(file) ?? -1) < at;
  return [
    ...[...written].filter(isLate).map(([file]) => `${file} was written to after its last sync`),
    ...[...made].filter(isLate).map(([folder]) => `${folder} was not synced after a segment was made in it`),
  ];
}
