// A conversation of Claude Code belongs to the folder in which it was held, such as a git worktree of its own. An attempt that
// continues one works there, whatever folder the step itself would have.
import { realpathSync, statSync } from 'node:fs';
import type { ClaudeStep } from '../../workflow/workflow.ts';
import type { ClaudeInputs } from './claude-inputs.ts';
import type { StepSetting } from './step-context.ts';

export type Placed =
  | {
      readonly ok: true;
      readonly setting: StepSetting;
      /** Says that the folder is another one than that of the step. */
      readonly note: string | undefined;
    }
  /** One sentence: the folder is gone. */
  | { readonly ok: false; readonly message: string };

export function placeInSessionFolder(step: ClaudeStep, setting: StepSetting, inputs: ClaudeInputs): Placed {
  const { sessionCwd: folder } = inputs;
  if (folder === undefined || isSameFolder(folder, setting.cwd)) return { ok: true, setting, note: undefined };
  const whose = inputs.isContinued ? 'the session to continue' : `the session of step \`${step.resume ?? ''}\``;
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    const fix = inputs.isContinued ? '' : '; keep that folder, or leave out `resume`';
    return { ok: false, message: `${whose} worked in ${folder}, which is not there any more${fix}` };
  }
  const moved = { ...setting, cwd: folder, env: { ...setting.env, PWD: folder } };
  return { ok: true, setting: moved, note: `works in ${folder}, where ${whose} is` };
}

function isSameFolder(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}
