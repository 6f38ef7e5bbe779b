// The helper files of a lock that their makers left behind: removed once those have died.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A helper file lives for one call. One that cannot be read is left alone for an hour, in case it is being written. */
const unreadableMs = 3_600_000;

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
