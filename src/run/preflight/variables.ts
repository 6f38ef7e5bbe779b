// Looks whether the variables are set that values of `env` take over from stepspan's own environment. Pure.
import { referencesOf, type Workflow } from '../../workflow/index.ts';
import type { Finding, StepToCheck } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function checkWorkflowVariables(workflow: Workflow, env: Environment): readonly Finding[] {
  return checkVariables(workflow.env, ['env'], env);
}

export function checkStepVariables({ step, index }: StepToCheck, env: Environment): readonly Finding[] {
  return checkVariables(step.env, ['steps', index, 'env'], env);
}

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
