// Everything that is looked for before a run starts: what the workflow names, and a Claude Code that can do it. Puts the
// checks of run/preflight together, with the place of each finding in the workflow file.
import { type ClaudeProgram, checkClaude, checkSurroundings, type Finding, findClaude } from '../run/index.ts';
import { formatWarnings, locateProblems, problemText, type Workflow } from '../workflow/index.ts';
import type { Refusal } from './refusal.ts';
import type { RunSettings } from './settings.ts';

export type Preflight =
  | {
      readonly kind: 'ready';
      /** Undefined if no step needs it. */
      readonly claude: ClaudeProgram | undefined;
      /** For the log of the run, each with its place. */
      readonly warnings: readonly string[];
    }
  | Refusal;

/**
 * @param done ids of steps that do not have to run again
 * @param isCommand the workflow is one command of `exec`: whether it can be started shows at once
 */
export async function checkBeforeRun(
  workflow: Workflow,
  done: ReadonlySet<string>,
  settings: RunSettings,
  isCommand: boolean,
): Promise<Preflight> {
  const { env } = settings;
  const needsClaude = workflow.steps.some((step) => step.kind === 'claude' && !done.has(step.id));
  // Started first, so that its process runs beside the look at the files.
  const searching = needsClaude ? findClaude(env, settings.claudeSetBy) : undefined;
  const around = isCommand ? [] : checkSurroundings(workflow, env, done);
  const claude = await searching;
  if (claude?.kind === 'missing')
    return { kind: 'unusable', code: 'claude_missing', path: claude.path, message: claude.message };
  const checked = claude === undefined ? undefined : await checkClaude(claude, workflow, env, done);
  if (checked?.kind === 'refused') return { kind: 'unsuited', code: 'claude_unsuited', message: checked.message };
  const found = [...around, ...(checked?.findings ?? [])];
  const problems = locateProblems(workflow, severe(found, 'problem'));
  if (problems.length > 0) {
    return { kind: 'invalid', problems, message: problems.map(problemText).join('\n') };
  }
  const warnings = locateProblems(workflow, severe(found, 'warning')).map((each) => formatWarnings([each]).trim());
  return { kind: 'ready', claude, warnings };
}

function severe(found: readonly Finding[], severity: Finding['severity']): readonly Finding[] {
  return found.filter((each) => each.severity === severity);
}
