// Makes a folder and those above it. In place of Node's `recursive`, which never returns if the system says of an existing
// folder that it does not exist, as /proc and automounters do (libuv's mkdirp tries for ever on ENOENT).
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../core/errors.ts';

/**
 * For the owner only: what a run prints is nobody else's business. An existing folder stays as it is.
 * @throws the error of `mkdir`, as ENOTDIR, EACCES or ENOENT
 */
export function makeFolder(dir: string): void {
  const missing: string[] = [];
  let at = path.resolve(dir);
  for (; statSync(at, { throwIfNoEntry: false }) === undefined && path.dirname(at) !== at; at = path.dirname(at)) {
    missing.unshift(at);
  }
  for (const each of missing) {
    try {
      mkdirSync(each, { mode: 0o700 });
    } catch (error) {
      // Another run was as fast.
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}
