// How a workflow is written: the zod schema of the file's root and of steps. It transforms nothing, so
// the JSON Schema for editors is made from it. Rules that span several fields are in check/.
import { z } from 'zod';
import { approve } from './approve.ts';
import { ask, askDescription, askExample, askOfCommand } from './ask.ts';
import { claude } from './claude-keys.ts';
import { maxConcurrency, maxSteps } from './defaults.ts';
import {
  budget,
  duration,
  env,
  envName,
  expect,
  field,
  filled,
  id,
  idPattern,
  labels,
  param,
  plainText,
  retries,
  stalls,
} from './schema-fields.ts';

/** One step as written. That it has exactly one of `run`, `claude` and `approve` is checked apart, for the better message. */
export const stepSchema = z.strictObject({
  id: field(id, 'Names the step, for `needs`, for `steps.ID` and in every view. Letters, digits, `-` and `_`.', 'lint'),
  name: field(plainText, 'What people are shown. Default: the id.', 'Lint the code').optional(),
  needs: field(
    z.union([z.string(), z.array(z.string())]),
    'Steps that must have ended before this one comes up. Steps that do not need one another run at the same time.',
    ['lint'],
  ).optional(),
  when: field(
    z.union([z.string(), z.boolean()]),
    'When the step runs: `success()` (default), `failure()`, `always()`, or an expression.',
    "steps.lint.outcome == 'failure'",
  ).optional(),
  env: field(env, 'Environment variables of this step. Values may hold `{{ }}`.', {
    LEVEL: '{{ params.level }}',
  }).optional(),
  cwd: field(
    z.string().min(1),
    'Folder to work in, from the `cwd` of the workflow. Default: that one.',
    'packages/api',
  ).optional(),
  timeout: field(
    duration('positive'),
    'Longest time of one attempt; pauses do not count. Default: 5m.',
    '10m',
  ).optional(),
  retries: field(retries, 'How often to try again: a number, or how. Default: 0.', { max: 2, delay: '5s' }).optional(),
  continueOnFailure: field(
    z.boolean(),
    'The run continues, and can succeed, although this step did not.',
    true,
  ).optional(),
  readOnly: field(z.boolean(), 'The step writes nothing in its folder, so it needs no lock on it.', true).optional(),
  stalls: field(stalls, 'What happens when the step seems to hang: one action for all causes, or by cause.', {
    noOutput: { after: '10m', action: 'kill' },
  }).optional(),
  claudeTelemetry: field(
    z.enum(['path', 'env', 'off']),
    'How Claude Code that the step itself starts reports its cost: by a `claude` first on the PATH (default), by OTEL_* variables for every program of the step, or not.',
    'env',
  ).optional(),
  expect: field(
    expect,
    'What must hold when the step has succeeded by itself; else it is a failure with the reason `unmet_expectation`.',
    { changed: ['src/**'], command: 'npm test' },
  ).optional(),
  run: field(
    z.union([filled, z.array(z.string()).min(1)]),
    'A shell script, or a list of program and arguments that is started without a shell. Values reach it as environment variables.',
    'npm test',
  ).optional(),
  shell: field(
    z.union([z.enum(['bash', 'sh']), z.array(z.string().min(1)).min(1)]),
    'What runs the script: `bash` (default), `sh`, or a program and flags that take the script as last argument.',
    ['python3', '-c'],
  ).optional(),
  stderr: field(
    z.enum(['separate', 'join']),
    '`join` puts stderr into the stream of stdout, in the order in which it was written. Default: `separate`.',
    'join',
  ).optional(),
  ask: field(
    askOfCommand,
    'Of a step with `run`: whether a person can type the lines that the command reads, `never` (default), or how long it waits. That of a Claude step is below `claude`.',
    { wait: '30m' },
  ).optional(),
  claude: field(
    z.union([filled, claude]),
    'A Claude Code session: the prompt, or a mapping with the prompt and how to run it.',
    'Review the last commit.',
  ).optional(),
  approve: field(
    z.union([filled, approve]),
    'Waits for a person to approve: the message, or a mapping with the message and what is shown with it. No process is started.',
    { message: 'Deploy to production?', show: ['steps.plan.output'], by: '2h' },
  ).optional(),
});

/** A whole workflow as written. */
export const workflowSchema = z.strictObject({
  name: field(
    plainText,
    'Names the workflow in every view; runs of one name are compared with one another.',
    'nightly',
  ),
  description: field(z.string(), 'One or more sentences for people.', 'Reviews what changed.').optional(),
  params: field(
    z.record(z.string().regex(idPattern, idHelp()), param),
    'Values that a run can be given. A plain value is the default and sets the type.',
    { depth: 3 },
  ).optional(),
  labels: field(
    labels,
    'What the runs of this workflow are about, to find, group and add them up by. Values may hold `{{ params.NAME }}`; an empty one leaves the label out.',
    { team: 'payments', pr: '{{ params.pr }}' },
  ).optional(),
  env: field(env, 'Environment variables of every step. Values may hold `{{ params.NAME }}`.', {
    CI: 'true',
  }).optional(),
  cwd: field(
    z.string().min(1),
    "Folder to work in, from the file's own. Default: the folder of the file.",
    '..',
  ).optional(),
  timeout: field(duration('positive'), 'Longest time of the run; pauses do not count. Default: none.', '2h').optional(),
  concurrency: field(
    z.int().min(1).max(maxConcurrency),
    'Steps that may run at the same time. Default: 4.',
    2,
  ).optional(),
  budget: field(
    budget,
    'What the run may cost over all steps: US dollars, or `usd` and `tokens`. Default: no limit.',
    5,
  ).optional(),
  secrets: field(
    z.array(envName),
    'Names of environment variables whose values are hidden in all output, besides those that look like secrets.',
    ['DEPLOY_KEY'],
  ).optional(),
  ask: field(ask, `${askDescription} For every Claude step without an \`ask\` of its own.`, askExample).optional(),
  steps: field(
    z.array(stepSchema).min(1).max(maxSteps),
    'What is done. The order is given by `needs`, not by the list.',
    [{ id: 'lint', run: 'npm run lint' }],
  ),
});

/** A workflow as one writes it, for `defineWorkflow`. */
export type WorkflowInput = z.input<typeof workflowSchema>;
export type WrittenWorkflow = z.output<typeof workflowSchema>;
export type WrittenStep = z.output<typeof stepSchema>;

function idHelp(): string {
  return 'a name starts with a letter and holds letters, digits, `-` and `_`, at most 64';
}
