// What a check before a run finds, and how certain it is: an earlier step can make what is missing. Used by all checks.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ancestorsOf, type Step, type Workflow } from '../../workflow/index.ts';

export type Finding = {
  /** A problem refuses the run; with a warning it starts. */
  readonly severity: 'problem' | 'warning';
  /** Its place in the workflow, as `['steps', 2, 'claude', 'promptFile']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string;
};

/** One step that is to run, with what the checks need of its surroundings. */
export type StepToCheck = {
  readonly step: Step;
  /** In the list of the workflow. */
  readonly index: number;
  /** Steps that end before it, that will run, and that may write files. */
  readonly writers: readonly Step[];
};

/** @param done ids of the steps that an earlier run has done, which are not run again */
export function stepsToCheck(workflow: Workflow, done: ReadonlySet<string>): readonly StepToCheck[] {
  return workflow.steps.flatMap((step, index) => {
    if (done.has(step.id)) return [];
    const before = ancestorsOf(workflow.steps, step.id);
    const writers = workflow.steps.filter((other) => before.has(other.id) && !done.has(other.id) && !other.readOnly);
    return [{ step, index, writers }];
  });
}

/**
 * How severe it is that something of a step is missing. A step whose failure is tolerated, or that might not run at all, does
 * not have to stop the others.
 * @param file what is missing
 * @param isMade whether earlier steps commonly make such a thing without naming it, as a folder or a program
 * @returns undefined if an earlier step names the file, so that it will probably make it
 */
export function severityOfMissing(
  { step, writers }: StepToCheck,
  file: string,
  isMade: boolean,
): Finding['severity'] | undefined {
  if (writers.some((writer) => doesName(writer, path.basename(file)))) return undefined;
  if (step.continueOnFailure || step.when.kind === 'expression') return 'warning';
  return isMade && writers.length > 0 ? 'warning' : 'problem';
}

/** Prompts of steps are read for this, up to the bound of a prompt file. */
function doesName(step: Step, name: string): boolean {
  if (step.kind === 'run') return [...step.shell, step.command].some((word) => word.includes(name));
  if (step.kind === 'approve') return false;
  if (step.prompt.kind === 'inline') return step.prompt.text.includes(name);
  try {
    return readFileSync(step.prompt.path, 'utf8').includes(name);
  } catch {
    return false;
  }
}
