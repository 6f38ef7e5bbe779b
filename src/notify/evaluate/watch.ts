// What the rules have to remember of each step besides its state: when it last gave a sign of life, its last lines, its
// memory over time. Pure and bounded: a few numbers and lines a step, however long it runs.

import type { Event, StallCause } from '../../event/event.ts';
import { linesOf, type OutputRecord } from '../../event/record.ts';
import { stripAnsi } from '../../text/ansi.ts';

export type MemoryPoint = {
  readonly atMs: number;
  /** The least of its interval: what a program needs for a moment and gives back does not show. */
  readonly bytes: number;
};

export type StepWatch = {
  readonly isRunning: boolean;
  /** When the step came up, moved on by the time in which it was frozen. */
  readonly startedMs: number;
  /** The last sign of life of its attempt, moved on in the same way. */
  readonly quietSinceMs: number;
  /** A stall that the run has found, other than that nothing is printed. */
  readonly hang: { readonly cause: StallCause; readonly sinceMs: number } | undefined;
  /** What the newest stall said that the step was doing. */
  readonly activity?: string | undefined;
  /** Of the last attempt. */
  readonly lastLines: readonly string[];
  readonly memory: readonly MemoryPoint[];
};

/** Enough for an error and what led to it, in a message that is read on a phone. */
const keptLines = 10;
/** Of one line, in UTF-16 units: 10 of them and the rest stay below the 4 KiB at which chats cut. */
const keptLineLength = 300;
/** Memory is looked at in so many parts of the rule's window. */
export const memoryParts = 10;

export function newWatch(atMs: number): StepWatch {
  return { isRunning: false, startedMs: atMs, quietSinceMs: atMs, hang: undefined, lastLines: [], memory: [] };
}

/** A sign of life: lines of the child (not of stepspan), and what Claude Code says that it does. */
export function showsLife(event: Event): boolean {
  return event.type.startsWith('claude.') && event.type !== 'claude.telemetry';
}

export function watchOutput(watch: StepWatch, record: OutputRecord, atMs: number): StepWatch {
  if (record.stream === 'system') return watch;
  const alive = { ...watch, quietSinceMs: atMs };
  return record.stream === 'debug' ? alive : { ...alive, lastLines: withLines(watch.lastLines, record) };
}

function withLines(before: readonly string[], record: OutputRecord): readonly string[] {
  const tail = lastPart(record);
  const fresh: string[] = [];
  for (const { bytes } of linesOf(tail)) {
    // Four bytes are the longest character of UTF-8; what is cut inside of one shows as the replacement character.
    const line = stripAnsi(bytes.subarray(0, keptLineLength * 4).toString('utf8')).slice(0, keptLineLength);
    if (line.trim() !== '') fresh.push(line);
  }
  return fresh.length === 0 ? before : [...before, ...fresh].slice(-keptLines);
}

/** The record cut to its last lines, so that a batch of thousands costs no more than a few. */
function lastPart(record: OutputRecord): OutputRecord {
  let start = record.bytes.length;
  let count = 0;
  while (start > 0 && count < keptLines) {
    start = record.bytes.lastIndexOf(0x0a, start - 2) + 1;
    count += 1;
    if (start <= 1) break;
  }
  return { ...record, bytes: record.bytes.subarray(start), lineCount: Math.min(count, record.lineCount) };
}

/** @param windowMs the time over which growth is looked for */
export function watchMemory(watch: StepWatch, bytes: number, atMs: number, windowMs: number): StepWatch {
  const partMs = windowMs / memoryParts;
  const last = watch.memory.at(-1);
  if (last !== undefined && atMs - last.atMs < partMs) {
    const least = { ...last, bytes: Math.min(last.bytes, bytes) };
    return { ...watch, memory: [...watch.memory.slice(0, -1), least] };
  }
  return { ...watch, memory: [...watch.memory, { atMs, bytes }].slice(-(memoryParts + 1)) };
}

/** The step was frozen for so long: that counts neither as silence nor as slowness. */
export function thaw(watch: StepWatch, frozenMs: number): StepWatch {
  return { ...watch, startedMs: watch.startedMs + frozenMs, quietSinceMs: watch.quietSinceMs + frozenMs };
}
