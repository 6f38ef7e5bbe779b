// What the commands get from the outside: streams, environment and the few things that only the composition root can give.
// A command touches no `process` of its own, so that it can be run by a test or by another program.
import type { OtlpMapper } from '../readers/export/index.ts';
import type { RunState } from '../runs/index.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { type FlagValues, loadSettings, type Settings, surroundings } from './settings.ts';

export type CliContext = {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Somebody sits before it: what `exec` starts then reads nothing, so that no program waits for an answer. */
  readonly stdinIsTerminal?: boolean;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The exit status that the program will end with, once nothing is left to do. */
  readonly setExitCode: (code: ExitCode) => void;
  /** Calls `listener` for each request to end (SIGINT, SIGTERM, SIGHUP), which then do not end the program by themselves. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => () => void;
  /** Makes the mapper for `export --format otlp-json` of a run; without it that format is not offered. */
  readonly toOtlp?: (run: RunState) => Promise<OtlpMapper>;
};

/** Reports a person's mistake or a circumstance, which is not a defect of stepspan, in one or more lines. */
export function fail(context: CliContext, code: ExitCode, ...lines: readonly string[]): undefined {
  for (const line of lines) context.stderr.write(`stepspan: ${line}\n`);
  context.setExitCode(code);
  return undefined;
}

/** The settings, or undefined after everything that is wrong with them was reported. */
export function settingsFor(context: CliContext, flags: FlagValues): Settings | undefined {
  const loaded = loadSettings(surroundings(context.env, context.cwd), flags);
  return loaded.ok ? loaded.settings : fail(context, exitCodes.badInput, ...loaded.problems);
}
