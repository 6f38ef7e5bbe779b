// The checks before a run: is everything there that the workflow names? `checkSurroundings` looks at files and programs
// and is for `validate` too; `checkClaude` asks the installed Claude Code. Nothing is written, no step is started.
import path from 'node:path';
import { renderTemplate, type Workflow } from '../../workflow/index.ts';
import type { ProgramPlace } from './find-program.ts';
import { type Finding, type StepToCheck, stepsToCheck } from './finding.ts';
import { checkMcp, checkPromptFile, checkStepFolder, checkWorkflowFolder } from './places.ts';
import { checkProgram } from './programs.ts';
import { checkStepVariables, checkWorkflowVariables } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** @param done ids of steps that need not run again */
export function checkSurroundings(
  workflow: Workflow,
  env: Environment,
  done: ReadonlySet<string> = new Set(),
): readonly Finding[] {
  const steps = stepsToCheck(workflow, done);
  const folder = checkWorkflowFolder(workflow, steps);
  const found = steps.flatMap((checked) => {
    const own = checkStepFolder(workflow, checked);
    const place = own.length + folder.length > 0 ? undefined : placeOf(workflow, checked, env);
    return [
      ...own,
      ...checkStepVariables(checked, env),
      ...checkPromptFile(checked),
      ...checkMcp(checked, place),
      ...checkProgram(checked, place),
    ];
  });
  return [...folder, ...checkWorkflowVariables(workflow, env), ...found];
}

/** Where the programs of a step are looked for; undefined where an earlier step decides it. */
function placeOf(workflow: Workflow, { step }: StepToCheck, env: Environment): ProgramPlace | undefined {
  const template = step.env.PATH ?? workflow.env.PATH;
  const cwd = path.resolve(workflow.cwd, step.cwd ?? '.');
  if (template === undefined) return { cwd, pathVariable: env.PATH };
  const rendered = renderTemplate(template, { params: workflow.paramValues, steps: new Map(), env });
  return rendered.ok ? { cwd, pathVariable: rendered.text } : undefined;
}

export type { Finding } from './finding.ts';
