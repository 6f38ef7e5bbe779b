// The helper files of a lock: written whole before they get a name that counts, removed when their maker has died.
import { closeSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A helper file lives for one call. One that cannot be read is left alone for an hour, in case it is being written. */
const unreadableMs = 3_600_000;

/**
 * Makes a new file with this content. It is not synced: after a power cut nobody holds a lock, and a lock file that is
 * empty then says just that.
 */
export function writeWhole(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Removes what processes that were killed amid taking the lock at `path` have left beside it. */
export function removeLitter(path: string, isStale: (helper: string) => boolean): void {
  const prefix = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{16}(\.[0-9a-f]{16})*(\.tmp)?$/.test(name.slice(prefix.length)))
      continue;
    const helper = join(dirname(path), name);
    const file = statSync(helper, { throwIfNoEntry: false });
    if (file === undefined) continue;
    if (file.size === 0 && Date.now() - file.mtimeMs < unreadableMs) continue;
    if (isStale(helper)) rmSync(helper, { force: true });
  }
}
