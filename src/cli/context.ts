// What every command gets from main.ts: streams, environment, clock and the few things that only the composition root has.
// A command does not touch `process`, so that a test or another program can run it.
import type { OtlpMapper } from '../readers/export/index.ts';
import type { RunState } from '../runs/index.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { type FlagValues, loadSettings, type Settings, surroundings } from './settings.ts';

/** The keyboard of the terminal that the program was started in. */
export type TerminalKeys = {
  /** Whether this program has the terminal: one in the background that reads it is stopped. */
  readonly isForeground: () => boolean;
  /** Calls `listener` with each key; nothing is shown of it, and no key is a signal. @returns stops reading */
  readonly read: (listener: (text: string) => void) => () => void;
  /** As Ctrl-C and Ctrl-Z do. */
  readonly signal: (signal: 'SIGINT' | 'SIGTSTP') => void;
};

export type CliContext = {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** With a person before it, a command of `exec` gets no input, so that it cannot wait for an answer. */
  readonly stdinIsTerminal?: boolean;
  /** Opens what is typed or piped into the program: a function, as opening it changes how a child inherits it. */
  readonly stdin?: () => NodeJS.ReadStream;
  /** Absent if it was started without a terminal. */
  readonly keys?: TerminalKeys;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Sets the status with which the program ends. Besides the codes of stepspan, `exec` passes on the one of its command. */
  readonly setExitCode: (code: number) => void;
  /** Calls `listener` for SIGINT, SIGTERM, SIGHUP and SIGQUIT, which then do not end the program by themselves. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => () => void;
  /** Calls `cleanUp` when the command has ended, however it ended short of being killed. */
  readonly onEnd: (cleanUp: () => void) => void;
  /** Makes the mapper for `export --format otlp-json` of a run; without it that format is not offered. */
  readonly toOtlp?: (run: RunState) => Promise<OtlpMapper>;
};

/** Reports in one or more lines what the user can fix: not a defect of stepspan. */
export function fail(context: CliContext, code: ExitCode, ...lines: readonly string[]): undefined {
  for (const line of lines) context.stderr.write(`stepspan: ${line}\n`);
  context.setExitCode(code);
  return undefined;
}

/** @returns undefined after reporting everything that is wrong with the settings */
export function settingsFor(context: CliContext, flags: FlagValues): Settings | undefined {
  const loaded = loadSettings(surroundings(context.env, context.cwd), flags);
  return loaded.ok ? loaded.settings : fail(context, exitCodes.badInput, ...loaded.problems);
}
