// `stepspan tell RUN "text"`: sends a message to Claude Code in a step that runs. The hub's `steerRun` does the work, through the control
// channel.
import type { Command } from 'commander';
import { currentSteps } from '../runs/index.ts';
import { showHidden } from '../text/hidden.ts';
import { type CliContext, fail } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { findRunState, runArgument } from './find-run.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';
import { userName } from './user-name.ts';

type MessageFlags = FlagValues & { readonly step?: string };

export function registerMessage(program: Command, context: CliContext): void {
  const command = program
    .command('tell')
    .argument('<run>', runArgument)
    .argument('<text>', 'the message')
    .description('Send a message to Claude Code in a step that runs. It takes it up within its turn or after it.')
    .option('--step <id>', 'which step; not needed if only one Claude step runs')
    .addHelpText('after', examples('tell latest --step fix "also update the docs"'))
    .action((run: string, text: string, flags: MessageFlags) => sendMessage(context, run, text, flags));
  addSettingFlags(command, 'dataDir');
}

async function sendMessage(context: CliContext, run: string, text: string, flags: MessageFlags): Promise<void> {
  if (text.trim() === '') return fail(context, exitCodes.badInput, 'The message is empty.');
  const found = await findRunState(context, run, { ...flags });
  if (found === undefined) return;
  const { folder, state } = found;
  const running = currentSteps(state).filter(({ kind }) => kind === 'claude');
  const [only, ...more] = running;
  if (flags.step === undefined && more.length > 0) {
    const ids = running.map(({ id }) => id).join(', ');
    return fail(context, exitCodes.badInput, `Several Claude steps run; choose one with --step: ${ids}.`);
  }
  const step = flags.step ?? only?.id;
  if (step === undefined && state.phase.kind !== 'finished')
    return fail(context, exitCodes.notExecuted, `Run ${state.runId}: no Claude step is running.`);
  const { steerRun } = await import('../hub/index.ts');
  const steered = await steerRun(folder, { verb: 'tell', step: step ?? '', text, by: userName(), from: 'cli' });
  if (steered.kind === 'done') context.stdout.write(`${showHidden(steered.message)}\n`);
  else fail(context, exitCodes.notExecuted, showHidden(steered.message));
}
