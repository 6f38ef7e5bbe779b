// Keeps a long loop from blocking the event loop: awaited between two pieces of its work, it lets everything else have its turn once
// the loop has had the time that it may take at once.
import { setImmediate } from 'node:timers/promises';

/** Resolves at once while there is time left, and otherwise after a turn of the event loop. */
export type TimeSlice = () => Promise<void> | undefined;

/** With the piece of work that exceeds it, still a fraction of what a person or a scraper would notice. */
const sliceMs = 10;

export function createTimeSlice(ms = sliceMs): TimeSlice {
  let startedAt = performance.now();
  const turn = async (): Promise<void> => {
    await setImmediate();
    startedAt = performance.now();
  };
  return () => (performance.now() - startedAt < ms ? undefined : turn());
}
