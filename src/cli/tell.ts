// `stepspan tell RUN "text"`: sends a message to Claude Code in a step that runs. The hub's `steerRun` does the work, through the control
// channel.
import type { Command } from 'commander';
import { showHidden } from '../text/hidden.ts';
import { type CliContext, fail } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { runArgument } from './find-run.ts';
import { findClaudeStep } from './find-step.ts';
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
  const found = await findClaudeStep(context, run, flags);
  if (found === undefined) return;
  const { folder, step } = found;
  const { steerRun } = await import('../hub/index.ts');
  const steered = await steerRun(folder, { verb: 'tell', step, text, by: userName(), from: 'cli' });
  if (steered.kind === 'done') context.stdout.write(`${showHidden(steered.message)}\n`);
  else fail(context, exitCodes.notExecuted, showHidden(steered.message));
}
