#!/usr/bin/env node
// The command line, the only edge of the program: argv, streams, signals and the exit code. No other file touches `process`.
// bin/stepspan.js starts it. It loads the module of the command that was asked for (commands.ts); each command reads its settings
// (settings.ts), calls the library, the hub or a reader, and prints (terminal/). context.ts is what they get from here.
import { isatty } from 'node:tty';
import { Command, CommanderError } from 'commander';
import { isRefusedByDisk, toError } from '../core/errors.ts';
import { version } from '../library/version.ts';
import { addCommands } from './commands.ts';
import type { CliContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { wasIgnored, watchLaunchers } from './inherited-signals.ts';
import { noteRefusal, wantsJson, watchStandardOutput } from './standard-output.ts';
import { terminalKeys } from './terminal-keys.ts';

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Ctrl-\. Every interactive shell ignores it for itself alone, so that it was ignored at the start is never known. */
const quitSignal = 'SIGQUIT';

/** Undefined if it was deleted. */
const folder = currentFolder();

/** Node makes an ignored signal end the program again; a listener that does nothing keeps it ignored. */
const ignored = stopSignals.filter((signal) => wasIgnored(signal, process.env));
for (const signal of ignored) process.on(signal, () => undefined);
const handled = [quitSignal, ...stopSignals.filter((signal) => !ignored.includes(signal))] as const;

// A launcher that is ended by SIGKILL cannot forward it; the run is then cancelled, as when a terminal is closed.
watchLaunchers(process.env, (name) => {
  process.stderr.write(`stepspan: ${name}, which started stepspan, has ended; stepspan ends too, as after a SIGHUP\n`);
  process.kill(process.pid, 'SIGHUP');
});

const cleanUps: (() => void)[] = [];

const context: CliContext = {
  env: process.env,
  cwd: folder ?? '/',
  stdout: process.stdout,
  stderr: process.stderr,
  stdinIsTerminal: isatty(0),
  stdin: () => process.stdin,
  ...(isatty(0) ? { keys: terminalKeys({ pid: process.pid, stdin: () => process.stdin, kill: process.kill }) } : {}),
  now: Date.now,
  setExitCode(code) {
    process.exitCode = code;
  },
  // Loaded only when it is needed: the SDK takes a quarter of a second.
  toOtlp: async (run) => (await import('./otlp-mapper.ts')).createOtlpMapper(run, version),
  onEnd: (cleanUp) => void cleanUps.push(cleanUp),
  onSignal(listener) {
    for (const signal of handled) process.on(signal, listener);
    return () => {
      for (const signal of handled) process.off(signal, listener);
    };
  },
};

const standardOutput = watchStandardOutput(process.stdout);
process.stderr.on('error', () => undefined);
const refused = wantsJson(process.argv) ? noteRefusal(process.stdout, process.stderr) : undefined;

const program = new Command('stepspan')
  .description('Run a workflow of Claude Code and shell steps, and see it: traces, logs, metrics, cost.')
  .version(version)
  .showHelpAfterError('(stepspan --help lists the commands; stepspan COMMAND --help explains one)')
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({
    writeOut: (text) => void context.stdout.write(text),
    writeErr: (text) => void context.stderr.write(text),
  });

try {
  if (folder === undefined) {
    context.stderr.write('stepspan: the folder that you are in was deleted; change to one that exists and try again\n');
    context.setExitCode(exitCodes.badInput);
  } else {
    await addCommands(program, context, askedCommand(process.argv.slice(2)));
    await program.parseAsync(process.argv);
  }
} catch (error) {
  if (error instanceof CommanderError) {
    context.setExitCode(error.exitCode === 0 ? exitCodes.success : exitCodes.badInput);
  } else if (standardOutput.isFailure(error)) {
    // Reported below, together with that of a command that does not wait for its output.
  } else if (isRefusedByDisk(error)) {
    context.stderr.write(
      `stepspan: ${error.message}; set STEPSPAN_DATA_DIR or --data-dir to a folder that is yours to use\n`,
    );
    context.setExitCode(exitCodes.badInput);
  } else {
    const { stack, message } = toError(error);
    context.stderr.write(`stepspan: a defect of stepspan, please report it: ${stack ?? message}\n`);
    context.setExitCode(exitCodes.internal);
  }
}

for (const cleanUp of cleanUps) cleanUp();

const exitCode = Number(process.exitCode ?? exitCodes.success);
// A failed run has printed its result; with every higher code the command was refused.
if (exitCode > exitCodes.runFailed) {
  const refusal = refused?.refusal(exitCode);
  if (refusal !== undefined) context.stdout.write(`${refusal}\n`);
}
await standardOutput.settled();
const failure = standardOutput.failure();
if (failure !== undefined) {
  context.stderr.write(`stepspan: ${failure}\n`);
  if (exitCode === exitCodes.success) context.setExitCode(exitCodes.notExecuted);
}

/** The command that the arguments name: the first word, or the one after `help`. */
function askedCommand(args: readonly string[]): string | undefined {
  const words = args.filter((arg) => !arg.startsWith('-'));
  return words[0] === 'help' ? words[1] : words[0];
}

function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}
