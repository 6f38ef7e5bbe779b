// From the run of a command and its `--step` to the Claude step that is meant: the one that runs, if none is named. Called by the commands
// that steer Claude Code in a step.
import type { RunFolder } from '../journal/index.ts';
import { currentSteps } from '../runs/index.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { findRunState } from './find-run.ts';
import type { FlagValues } from './settings.ts';

/** @returns undefined after the problem was reported; the step is '' for a run that has ended, which says so when it is asked */
export async function findClaudeStep(
  context: CliContext,
  run: string,
  flags: FlagValues & { readonly step?: string },
): Promise<{ readonly folder: RunFolder; readonly step: string } | undefined> {
  const found = await findRunState(context, run, { ...flags });
  if (found === undefined) return undefined;
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
  return { folder, step: step ?? '' };
}
