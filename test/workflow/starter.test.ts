// The first workflow that `init` writes: valid, and its shell steps work in any folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { environmentOf } from '../../src/workflow/environment.ts';
import {
  formatProblems,
  parseWorkflow,
  type ShellStep,
  schemaReference,
  starterWorkflow,
  type Workflow,
} from '../../src/workflow/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stepspan-starter-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function starter(): Workflow {
  const result = parseWorkflow(starterWorkflow('./x.json'), { file: join(folder, 'f.yaml'), params: {} });
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.workflow;
}

/** Runs its shell steps one after the other, as the engine would. @returns what each printed */
function runShellSteps(): Readonly<Record<string, string>> {
  const workflow = starter();
  const steps = workflow.steps.filter((step): step is ShellStep => step.kind === 'run');
  const outputs = steps.map((step) => {
    const environment = environmentOf(workflow, step, { params: workflow.paramValues, steps: new Map() });
    if (!environment.ok) throw new Error(environment.message);
    const [program, ...flags] = step.shell;
    const env = { PATH: process.env.PATH, HOME: folder, ...environment.variables };
    return [step.id, execFileSync(program!, [...flags, step.command], { cwd: folder, env, encoding: 'utf8' })];
  });
  return Object.fromEntries(outputs) as Record<string, string>;
}

test('it is valid, has shell steps and one Claude step that needs them all', () => {
  const { steps } = starter();
  expect(steps.map((step) => step.kind)).toEqual(['run', 'run', 'run', 'claude']);
  expect(steps[3]!.needs).toEqual(steps.slice(0, 3).map((step) => step.id));
});

test('its shell steps work in an empty folder', () => {
  expect(runShellSteps()).toEqual({ files: '', history: 'no git history here\n', todos: '' });
});

test('its shell steps report on a repository', () => {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } });
  writeFileSync(join(folder, 'a.ts'), '// TODO: name things\n');
  writeFileSync(join(folder, 'b.ts'), '');
  git('init', '--quiet');
  git('add', '.');
  git('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '--quiet', '-m', 'First');
  const outputs = runShellSteps();
  expect(outputs.files?.trim()).toBe('2 ts');
  expect(outputs.history).toMatch(/^[0-9a-f]+ First\n$/);
  expect(outputs.todos).toBe('./a.ts:1:// TODO: name things\n');
});

test('it names the schema of an installed package, relative to the file, and none without a package', () => {
  expect(starterWorkflow()).not.toContain('$schema');
  expect(starterWorkflow('./s.json').split('\n')[0]).toBe('# yaml-language-server: $schema=./s.json');
  expect(schemaReference(join(folder, 'f.yaml'))).toBeUndefined();
  mkdirSync(join(folder, 'node_modules/stepspan/schema'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/stepspan/schema/workflow.schema.json'), '{}');
  expect(schemaReference(join(folder, 'f.yaml'))).toBe('./node_modules/stepspan/schema/workflow.schema.json');
  expect(schemaReference(join(folder, 'flows/nightly/f.yaml'))).toBe(
    '../../node_modules/stepspan/schema/workflow.schema.json',
  );
});
