// What the rules remember of each step besides its state: its last sign of life, its last lines, its memory over time. Pure and
// bounded: a few numbers and lines for each step, however long it runs.
import type { Event, StallCause } from '../../core/event.ts';
import type { OutputRecord } from '../../core/record.ts';
import { msOfNs } from '../../core/time.ts';
import { appendOutput, lastLinesOf, noText, type TextEnd } from '../last-line.ts';

export type MemoryPoint = {
  readonly atMs: number;
  /** The least of its interval, so that a short peak does not show. */
  readonly bytes: number;
};

export type StepWatch = {
  readonly isRunning: boolean;
  /** When the step started, moved forward by the time in which it was frozen. */
  readonly startedMs: number;
  /** The last sign of life of its attempt, moved forward in the same way. */
  readonly quietSinceMs: number;
  /** A stall other than silence that the run has found and does nothing about. */
  readonly hang: { readonly cause: StallCause; readonly sinceMs: number } | undefined;
  /** What the step was doing when the newest stall was found. */
  readonly activity: string | undefined;
  /** The end of what the last attempt printed. */
  readonly output: TextEnd;
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
  return {
    isRunning: false,
    startedMs: atMs,
    quietSinceMs: atMs,
    hang: undefined,
    activity: undefined,
    output: noText,
    memory: [],
  };
}

/** What Claude Code reports of its work; lines of the child are the other sign of life. */
export function isSignOfLife(event: Event): boolean {
  return event.type.startsWith('claude.') && event.type !== 'claude.telemetry';
}

export function watchOutput(watch: StepWatch, record: OutputRecord): StepWatch {
  if (record.stream === 'system') return watch;
  const quietSinceMs = msOfNs(record.timeNs);
  if (record.stream === 'debug') return { ...watch, quietSinceMs };
  return { ...watch, quietSinceMs, output: appendOutput(watch.output, record, keptOutput) };
}

/** The last lines of the last attempt as a person saw them: redrawn lines are collapsed first, and then cut. Oldest first. */
export function lastLinesOfWatch(watch: StepWatch | undefined, limit = shownLines): readonly string[] {
  // Blank lines take up room that an error needs.
  return lastLinesOf(watch?.output ?? noText, 2 * shownLines, shownLineLength)
    .filter((line) => line.trim() !== '')
    .slice(-limit);
}

/** Lines below a text, each marked, so that they cannot be taken for part of it. */
export function quoteLines(lines: readonly string[]): string {
  return lines.map((line) => `\n> ${line}`).join('');
}

/** @param windowMs the time over which memory has to grow */
export function watchMemory(watch: StepWatch, bytes: number, atMs: number, windowMs: number): StepWatch {
  const partMs = windowMs / memoryParts;
  const last = watch.memory.at(-1);
  if (last !== undefined && atMs - last.atMs < partMs) {
    const least = { ...last, bytes: Math.min(last.bytes, bytes) };
    return { ...watch, memory: [...watch.memory.slice(0, -1), least] };
  }
  return { ...watch, memory: [...watch.memory, { atMs, bytes }].slice(-(memoryParts + 1)) };
}

/** The step was paused or suspended for so long: that counts neither as silence nor as slowness. */
export function skipTime(watch: StepWatch, lostMs: number, atMs: number): StepWatch {
  // A sign of life within that time does not move into the future.
  const moved = (timeMs: number): number => Math.min(atMs, timeMs + lostMs);
  return { ...watch, startedMs: moved(watch.startedMs), quietSinceMs: moved(watch.quietSinceMs) };
}
