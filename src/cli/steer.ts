// The commands `pause RUN`, `continue RUN` and `cancel RUN`, which steer a run of another process. They have flags, messages and
// the exit status; the hub's `steerRun` does the work, through the control channel.
import type { Command } from 'commander';
import type { steerRun } from '../hub/index.ts';
import { dataFolder } from '../journal/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { runArgument } from './find-run.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';

type Request = Parameters<typeof steerRun>[1];
type SteerFlags = FlagValues & { readonly now?: boolean };

/** The name in the journal of what asked for it. */
const by = 'cli';

export function registerSteer(program: Command, context: CliContext): void {
  const add = (name: string, description: string, requestOf: (flags: SteerFlags) => Request): Command => {
    const command = program
      .command(name)
      .argument('<run>', runArgument)
      .description(description)
      .action((run: string, flags: SteerFlags) => steer(context, run, flags, requestOf(flags)));
    return addSettingFlags(command, 'dataDir');
  };
  add('pause', 'Hold a run before its next step.', ({ now }) => ({ verb: 'pause', now: now === true, by }))
    .option('--now', 'freeze the processes that run now as well; their timeouts stop counting')
    .addHelpText(
      'after',
      '\nExamples:\n  $ stepspan pause latest\n  $ stepspan pause latest --now\n  $ stepspan continue latest',
    );
  add('continue', 'Continue a paused run. (`resume` starts a new run from one that has ended.)', () => ({
    verb: 'resume',
    by,
  }));
  add('cancel', 'End a run: its steps are asked to stop, then killed.', ({ now }) => ({
    verb: 'cancel',
    now: now === true,
    by,
  }))
    .option('--now', 'do not wait for steps to stop by themselves')
    .addHelpText(
      'after',
      '\nA run whose own process was killed is closed as abandoned, and its remaining processes are ended.\n\nExamples:\n  $ stepspan cancel latest\n  $ stepspan cancel 7f3k2m --now',
    );
}

async function steer(context: CliContext, text: string, flags: SteerFlags, request: Request): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const found = data.findRun(text);
  if (found.kind !== 'found') return fail(context, exitCodes.notFound, found.message);
  const { steerRun: steerOn } = await import('../hub/index.ts');
  const steered = await steerOn(data.runDir(found.runId), request);
  switch (steered.kind) {
    case 'done':
    case 'adopted':
      context.stdout.write(`${steered.message}\n`);
      return;
    case 'refused':
    case 'ended':
    case 'unreachable':
      return fail(context, exitCodes.notExecuted, steered.message);
  }
}
