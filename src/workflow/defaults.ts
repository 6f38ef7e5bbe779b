// What holds where a workflow says nothing. Every number has its reason beside it; docs/workflow.md repeats them.

/** Over a night, as people who approve are not there at any time. */
export const defaultApprovalMs = 24 * 60 * 60_000;

/** Long enough for a build or a short prompt, short enough that a hung step is seen the same day. */
export const defaultStepTimeoutMs = 5 * 60_000;

/** Claude steps wait for the network and shell steps for the disk, so a few at once fit on two cores. */
export const defaultConcurrency = 4;

/** More processes than this at once is a mistake in the file, not a machine. */
export const maxConcurrency = 64;

/** The page, the graph and the trace (Tempo refuses one of over 5 MB) are made for workflows that people read. */
export const maxSteps = 500;

/** With the largest delay of an hour that is four days of trying. */
export const maxRetries = 100;

/** Doubling from two seconds, up to a minute: what API rate limits and package registries ask for. */
export const defaultRetries = {
  max: 0,
  delayMs: 2000,
  factor: 2,
  maxDelayMs: 60_000,
  on: ['failure', 'error', 'timeout'],
  session: 'new',
} as const;

/** The usage limits of a subscription are those of five hours; one that holds for days is for a person to know of. */
export const defaultLimitWaitMs = 6 * 60 * 60_000;

/**
 * Scripts stop at the first command that fails, also one inside a pipe: a step that continues after an error and
 * then reports success is the worst of its outcomes. `sh` has no `pipefail`, so this is bash, as in most CI systems.
 */
export const bashShell: readonly string[] = ['bash', '-eo', 'pipefail', '-c'];
export const shShell: readonly string[] = ['sh', '-e', '-c'];

/**
 * How long a Claude step waits for commands that run in the background after its result. Claude Code itself waits ten minutes for
 * them, which a server that it started never ends; ten seconds are enough for a command that is about to end.
 */
export const backgroundGraceMs = 10_000;

/**
 * A stall is shown but nothing is killed for it, as a long tool call looks just the same. The exception is a Claude
 * Code that does not exit after its result: the work is done, and it ends background commands within 5 s by itself.
 */
export const defaultStalls = {
  no_output: { afterMs: 120_000, action: 'none' },
  output_closed: { afterMs: 30_000, action: 'none' },
  no_exit_after_result: { afterMs: 30_000, action: 'kill' },
  rate_limited: { afterMs: 60_000, action: 'none' },
  waiting_for_permission: { afterMs: 30_000, action: 'none' },
} as const;
