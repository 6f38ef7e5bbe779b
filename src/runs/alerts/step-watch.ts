// What the rules have to remember of each step besides its state: when it last gave a sign of life, its last lines, its
// memory over time. Pure and bounded: a few numbers and lines a step, however long it runs.
import type { Event, StallCause } from '../../core/event.ts';
import type { OutputRecord } from '../../core/record.ts';
import { appendOutput, lastLinesOf, noText, type TextEnd } from '../last-line.ts';

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
  /** What the last attempt printed last. Absent in what an older version has saved. */
  readonly output?: TextEnd;
  readonly memory: readonly MemoryPoint[];
};

/** Enough for an error and what led to it, in a message that is read on a phone. */
const shownLines = 10;
/** Of one line, in UTF-16 units: 10 of them and the rest stay below the 4 KiB at which chats cut. */
const shownLineLength = 300;
/** So that a saved state stays small; ten lines of a redrawn bar are far shorter. */
const keptOutput = 16 * 1024;
/** Memory is looked at in so many parts of the rule's window. */
export const memoryParts = 10;

export function newWatch(atMs: number): StepWatch {
  return { isRunning: false, startedMs: atMs, quietSinceMs: atMs, hang: undefined, output: noText, memory: [] };
}

/** A sign of life: lines of the child (not of stepspan), and what Claude Code says that it does. */
export function showsLife(event: Event): boolean {
  return event.type.startsWith('claude.') && event.type !== 'claude.telemetry';
}

export function watchOutput(watch: StepWatch, record: OutputRecord, atMs: number): StepWatch {
  if (record.stream === 'system') return watch;
  const alive = { ...watch, quietSinceMs: atMs };
  return record.stream === 'debug'
    ? alive
    : { ...alive, output: appendOutput(watch.output ?? noText, record, keptOutput) };
}

/** What the last attempt printed last, as it was seen at its end: collapsed first, and then cut. Oldest first. */
export function lastLinesOfWatch(watch: StepWatch | undefined, limit = shownLines): readonly string[] {
  // Blank lines take up room that an error needs.
  return lastLinesOf(watch?.output ?? noText, 2 * shownLines)
    .filter((line) => line.trim() !== '')
    .slice(-limit)
    .map((line) => line.slice(0, shownLineLength).toWellFormed());
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

/** The step did not run for so long, paused or suspended: that counts neither as silence nor as slowness. */
export function thaw(watch: StepWatch, lostMs: number, atMs: number): StepWatch {
  // A sign of life within that time does not move into the future.
  const moved = (timeMs: number): number => Math.min(atMs, timeMs + lostMs);
  return { ...watch, startedMs: moved(watch.startedMs), quietSinceMs: moved(watch.quietSinceMs) };
}
