// Waits for what happens elsewhere: in another process, on a socket, on disk. Used by every test that waits.
import { setTimeout as sleep } from 'node:timers/promises';

export type Patience = {
  /** For the message, if the place in the stack does not say it. */
  readonly what?: string;
  /** Below the time limit of a test, so that a test that hangs says what it waited for. A slow machine never gets here. */
  readonly withinMs?: number;
  readonly everyMs?: number;
};

/** Waits until what `read` returns has been the same for half a second, as of a counter whose process is frozen. @returns it */
export async function untilStill<T>(read: () => T): Promise<T> {
  let last = read();
  return until(async () => {
    const before = last;
    await sleep(500);
    last = read();
    return last === before && { still: last };
  }).then(({ still }) => still);
}

/** Looks until `look` returns something else than false or undefined, and returns that. An error of `look` is thrown at once. */
export async function until<T>(
  look: () => T | Promise<T>,
  { what = String(look), withinMs = 150_000, everyMs = 5 }: Patience = {},
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found as Exclude<T, false | undefined>;
    if (performance.now() > end) throw new Error(`waited too long for: ${what}`);
    await sleep(everyMs);
  }
}
