// Keys that people bring along from other tools, and keys that stand on the wrong level. Pure tables.

import { claude } from '../claude-keys.ts';
import type { Path } from '../problem.ts';
import { nearest } from '../suggest.ts';

const stepEntry: Readonly<Record<string, string>> = {
  if: 'when',
  condition: 'when',
  only: 'when',
  dependsOn: 'needs',
  depends_on: 'needs',
  depends: 'needs',
  after: 'needs',
  command: 'run',
  cmd: 'run',
  script: 'run',
  exec: 'run',
  sh: 'run',
  bash: 'run',
  environment: 'env',
  variables: 'env',
  dir: 'cwd',
  workdir: 'cwd',
  'working-directory': 'cwd',
  working_directory: 'cwd',
  'continue-on-error': 'continueOnFailure',
  continueOnError: 'continueOnFailure',
  allow_failure: 'continueOnFailure',
  'timeout-minutes': 'timeout',
  retry: 'retries',
  agent: 'claude',
  approval: 'approve',
  gate: 'approve',
  confirm: 'approve',
  manual: 'approve',
};

const ofWorkflow: Readonly<Record<string, string>> = {
  jobs: 'steps',
  tasks: 'steps',
  stages: 'steps',
  inputs: 'params',
  parameters: 'params',
  variables: 'env',
  environment: 'env',
  parallel: 'concurrency',
  maxParallel: 'concurrency',
  'max-parallel': 'concurrency',
  workdir: 'cwd',
  title: 'name',
  tags: 'labels',
  metadata: 'labels',
};

const ofClaude: Readonly<Record<string, string>> = {
  tools: 'allowedTools',
  permissions: 'permissionMode',
  budget: 'maxBudgetUsd',
  maxBudget: 'maxBudgetUsd',
  mcp: 'mcpConfig',
  schema: 'jsonSchema',
  args: 'extraArgs',
  system: 'systemPrompt',
  file: 'promptFile',
  text: 'prompt',
};

const ofApprove: Readonly<Record<string, string>> = {
  text: 'message',
  prompt: 'message',
  question: 'message',
  timeout: 'by',
  wait: 'by',
  outputs: 'show',
};

/** What to write in place of a key that the schema does not know, or undefined when the tables do not know it either. */
export function betterKey(key: string, path: Path, known: readonly string[]): string | undefined {
  const isStep = path.length === 2 && path[0] === 'steps';
  const isClaude = path.length === 3 && path[2] === 'claude';
  const isApprove = path.length === 3 && path[2] === 'approve';
  const below = isClaude ? ofClaude : isApprove ? ofApprove : {};
  const table = path.length === 0 ? ofWorkflow : isStep ? stepEntry : below;
  const synonym = Object.hasOwn(table, key) ? table[key] : undefined;
  if (synonym !== undefined) return `write \`${synonym}\``;
  if (nearest(key, known) !== undefined) return undefined;
  if (isStep) {
    const inside = nearest(key, Object.keys(claude.shape));
    if (inside !== undefined) return `put \`${inside}\` below \`claude:\``;
  }
  return isClaude && ['timeout', 'retries', 'env', 'cwd', 'when', 'needs'].includes(key)
    ? 'put it one level up, beside `claude:`'
    : undefined;
}

/** A step has exactly one of them. */
export const commandKeys = ['run', 'claude', 'approve'] as const;

/** Whether a key of a step that the schema does not know was meant as `run`, `claude` or `approve`. */
export function meansCommand(key: string): boolean {
  const synonym = Object.hasOwn(stepEntry, key) ? stepEntry[key] : nearest(key, commandKeys);
  return commandKeys.some((each) => each === synonym) || Object.hasOwn(claude.shape, key);
}
