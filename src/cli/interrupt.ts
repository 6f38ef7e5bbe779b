// `stepspan interrupt RUN`: ends the turn of Claude Code in a step that runs; its session is kept, and a question asks how to continue. The
// hub's `steerRun` does the work, through the control channel.
import type { Command } from 'commander';
import { showHidden } from '../text/hidden.ts';
import { type CliContext, fail } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { runArgument } from './find-run.ts';
import { findClaudeStep } from './find-step.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';
import { userName } from './user-name.ts';

type InterruptFlags = FlagValues & { readonly step?: string };

export function registerInterrupt(program: Command, context: CliContext): void {
  const command = program
    .command('interrupt')
    .argument('<run>', runArgument)
    .description('End the turn of Claude Code in a step. It keeps its session; `answer` says how it continues.')
    .option('--step <id>', 'which step; not needed if only one Claude step runs')
    .addHelpText('after', examples('interrupt latest', 'interrupt 7f3k2m --step fix'))
    .action((run: string, flags: InterruptFlags) => interrupt(context, run, flags));
  addSettingFlags(command, 'dataDir');
}

async function interrupt(context: CliContext, run: string, flags: InterruptFlags): Promise<void> {
  const found = await findClaudeStep(context, run, flags);
  if (found === undefined) return;
  const { folder, step } = found;
  const { steerRun } = await import('../hub/index.ts');
  const steered = await steerRun(folder, { verb: 'interrupt', step, by: userName(), from: 'cli' });
  if (steered.kind !== 'done') return fail(context, exitCodes.notExecuted, showHidden(steered.message));
  context.stdout.write(`${showHidden(steered.message)}\n`);
  const answers = ['--continue', '--text MESSAGE', '--end REASON'];
  for (const each of answers) context.stdout.write(`  stepspan answer ${folder.runId} --step ${step} ${each}\n`);
}
