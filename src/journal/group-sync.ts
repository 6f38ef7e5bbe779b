// When the disk is asked to keep what the kernel has: on a timer for all appends since the last time, never per line.
// A timer runs only while there is something to keep, and never holds the process up.

/**
 * `none`: only the kernel has it, which outlives a killed process but not a power cut. `always`: one fdatasync an append
 * (0.5 ms each). `everyMs`: at most so much is lost to a power cut.
 */
export type Durability = 'none' | 'always' | { readonly everyMs: number };

/** A power cut loses at most 100 ms of output; ten fdatasync a second cost 5 ms of disk time. */
export const defaultDurability: Durability = { everyMs: 100 };

export type GroupSync = {
  readonly markDirty: () => void;
  /** Syncs what is dirty now, and resolves when everything appended before the call is kept. */
  readonly sync: () => Promise<void>;
  readonly stop: () => void;
};

/** @param syncAll asks the disk; resolves also when it failed, which the caller counts */
export function createGroupSync(everyMs: number | undefined, syncAll: () => Promise<void>): GroupSync {
  let dirty = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const sync = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    running = running.then(() => {
      if (!dirty) return undefined;
      dirty = false;
      return syncAll();
    });
    return running;
  };
  return {
    markDirty() {
      dirty = true;
      if (everyMs === undefined || timer !== undefined) return;
      timer = setTimeout(() => void sync(), everyMs);
      timer.unref();
    },
    sync,
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
