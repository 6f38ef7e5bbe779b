// The checks before a run: does everything exist that the workflow names? `checkSurroundings` looks at variables, files and
// programs, and is called by `validate` too; `checkClaude` asks the installed Claude Code. Nothing is written, no step is started.
import path from 'node:path';
import { referencesOf, renderTemplate, type Workflow } from '../../workflow/index.ts';
import type { ProgramPlace } from './find-program.ts';
import { type Finding, type StepToCheck, stepsToCheck } from './finding.ts';
import { checkMcp, checkPromptFile, checkStepFolder, checkWorkflowFolder } from './places.ts';
import { checkProgram } from './programs.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** @param done ids of steps that do not run again */
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

/** Where the programs of a step are looked for; undefined if only an earlier step decides it. */
function placeOf(workflow: Workflow, { step }: StepToCheck, env: Environment): ProgramPlace | undefined {
  const template = step.env.PATH ?? workflow.env.PATH;
  const cwd = path.resolve(workflow.cwd, step.cwd ?? '.');
  if (template === undefined) return { cwd, pathVariable: env.PATH };
  const rendered = renderTemplate(template, { params: workflow.paramValues, steps: new Map(), env });
  return rendered.ok ? { cwd, pathVariable: rendered.text } : undefined;
}

function checkWorkflowVariables(workflow: Workflow, env: Environment): readonly Finding[] {
  return checkVariables(workflow.env, ['env'], env);
}

function checkStepVariables({ step, index }: StepToCheck, env: Environment): readonly Finding[] {
  return checkVariables(step.env, ['steps', index, 'env'], env);
}

/** Whether the variables are set that values of `env` take over from the environment of stepspan itself. */
function checkVariables(
  values: Readonly<Record<string, string>>,
  at: Finding['path'],
  env: Environment,
): readonly Finding[] {
  return Object.entries(values).flatMap(([name, template]) =>
    referencesOf(template).flatMap(([root, variable = '']): readonly Finding[] => {
      if (root !== 'env' || env[variable] !== undefined) return [];
      const message = `the variable \`${variable}\` is not set where stepspan runs`;
      return [{ severity: 'problem', path: [...at, name], message, fix: 'set it, or write the value itself' }];
    }),
  );
}

export type { Finding } from './finding.ts';
