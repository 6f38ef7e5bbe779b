// What was thrown, read without a cast: anything can be thrown, and Node puts a `code` on the errors of the system.

import { isObject } from './json.ts';

/** The `code` of an error of Node or the system, such as ENOENT. Errors of another context of Node's vm are not `Error`s here. */
export function errorCode(error: unknown): string | undefined {
  return isObject(error) && typeof error.code === 'string' ? error.code : undefined;
}

/** The file or folder that an error of the system or of the journal is about. */
export function errorPath(error: unknown): string | undefined {
  return isObject(error) && typeof error.path === 'string' ? error.path : undefined;
}

/** The file system refused a path: the user can fix that, so it is not a defect. */
export function isRefusedByDisk(error: unknown): error is Error {
  if (!(error instanceof Error && 'path' in error)) return false;
  return ['EACCES', 'EPERM', 'EROFS', 'EIO', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '');
}

/** The error itself, or one that says what was thrown. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  const message = isObject(thrown) && typeof thrown.message === 'string' ? thrown.message : String(thrown);
  return new Error(message, { cause: thrown });
}
