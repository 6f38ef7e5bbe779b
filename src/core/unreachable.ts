// The default branch of every switch over a union, so that a new member breaks the build and not a run.

/** Fails the type check if a case is missing; throws if the types were wrong. */
export function unreachable(value: never): never {
  throw new Error(`stepspan met a value that its types exclude: ${JSON.stringify(value)}`);
}
