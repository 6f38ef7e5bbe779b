// The exit status of every command, by name: a script can distinguish a failed workflow, bad input and a defect of stepspan.
// Commands set one by `fail` or `exitCodeOf`; help and docs/cli.md list them.
import type { Outcome } from '../core/outcome.ts';
import { unreachable } from '../core/unreachable.ts';

/** By name, so that no other file has the numbers. 128 + signal number is what shells use for a signal. */
export const exitCodes = {
  success: 0,
  runFailed: 1,
  badInput: 2,
  notExecuted: 3,
  timeout: 4,
  budget: 5,
  lockHeld: 6,
  notFound: 7,
  recordLost: 8,
  internal: 70,
  hungUp: 129,
  interrupted: 130,
  quit: 131,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** One line for each. docs/cli.md begins its rows with them. 70 is EX_SOFTWARE of sysexits.h. */
export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'Success.',
  1: 'The run failed: a step did not succeed, and has no `continueOnFailure`.',
  2: 'Bad input: a workflow, a flag or a setting is wrong. Nothing was started.',
  3: 'The run could not be carried out, or a check did not pass. The message says why.',
  4: 'The run was longer than its `timeout`.',
  5: 'The budget of the run, or of a step, was used up.',
  6: 'Another run uses the working folder, or another hub the data folder.',
  7: 'There is no such run, step or field, or no hub although the command needs one.',
  8: 'The run succeeded, but part of its record was lost, as on a full disk.',
  70: 'A defect of stepspan. Please report it.',
  129: 'Cancelled by SIGHUP, as when the terminal is closed.',
  130: 'Cancelled by Ctrl-C (SIGINT) or through the API.',
  131: 'Cancelled by Ctrl-\\ (SIGQUIT), without a wait for the steps.',
  143: 'Cancelled by SIGTERM.',
};

/** For the help of the commands that start a run. */
export function exitStatusHelp(): string {
  const lines = Object.entries(exitCodeMeanings).map(([code, meaning]) => `  ${code.padEnd(4)} ${meaning}\n`);
  return `\nExit status:\n${lines.join('')}`;
}

/**
 * The exit status for the outcome of a run.
 * @param cancelledBy the `by` of its `run.cancelling`, which distinguishes SIGTERM from SIGINT
 * @param lost how many lines and events of it were not kept
 */
export function exitCodeOf(outcome: Outcome, cancelledBy = '', lost = 0): ExitCode {
  switch (outcome.kind) {
    case 'success':
    case 'skip':
      return lost > 0 ? exitCodes.recordLost : exitCodes.success;
    case 'failure':
      return exitCodes.runFailed;
    case 'timeout':
      return exitCodes.timeout;
    case 'cancellation':
      return codeOfCancel(cancelledBy);
    case 'error':
      return codeOfError(outcome);
    default:
      return unreachable(outcome);
  }
}

function codeOfCancel(by: string): ExitCode {
  switch (by) {
    case 'SIGTERM':
      return exitCodes.terminated;
    case 'SIGHUP':
      return exitCodes.hungUp;
    case 'SIGQUIT':
      return exitCodes.quit;
    default:
      return exitCodes.interrupted;
  }
}

function codeOfError({ reason }: Extract<Outcome, { kind: 'error' }>): ExitCode {
  switch (reason) {
    case 'budget':
      return exitCodes.budget;
    case 'internal':
      return exitCodes.internal;
    case 'spawn':
    case 'signal':
    case 'no_result':
    case 'stalled':
    case 'rate_limited':
    case 'abandoned':
    case 'setup':
      return exitCodes.notExecuted;
    default:
      return unreachable(reason);
  }
}
