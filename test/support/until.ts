// Waits for what happens elsewhere: in another process, on a socket, on disk. Knows nothing of what it waits for.
import { setTimeout as sleep } from 'node:timers/promises';

export type Patience = {
  /** For the message, where the place in the stack does not say it. */
  readonly what?: string;
  /** What has not come by then never will; below the time limit of a test, so that it says what was waited for. */
  readonly withinMs?: number;
  readonly everyMs?: number;
};

/** Looks until there is something else than false or undefined, and gives that. What `look` throws is thrown at once. */
export async function until<T>(
  look: () => T | Promise<T>,
  { what = String(look), withinMs = 25_000, everyMs = 5 }: Patience = {},
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found as Exclude<T, false | undefined>;
    if (performance.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(everyMs);
  }
}
