// What was thrown, read without a cast: anything can be thrown, and Node puts a `code` on the errors of the system.

/** The `code` of an error of Node or the system, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The error itself, or one that says what was thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
