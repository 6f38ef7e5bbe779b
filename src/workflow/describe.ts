// A checked workflow in a few lines for a person: what `stepspan validate` answers. Pure.

import { isDeepStrictEqual } from 'node:util';
import { formatUsd } from '../core/cost.ts';
import { formatSetDuration } from '../core/duration.ts';
import { labelsText } from '../core/labels.ts';
import { plural } from '../core/units.ts';
import { bashShell, shShell } from './defaults.ts';
import { printWhen } from './expression/when.ts';
import { levelsOf } from './graph.ts';
import type { Budget, ShellStep, Step, Workflow } from './workflow.ts';

/** Name, limits, params, and the steps level by level: those of one level can run at the same time. */
export function describeWorkflow(workflow: Workflow): string {
  const levels = levelsOf(workflow.steps);
  const limits = [
    `${workflow.concurrency} at a time`,
    workflow.timeoutMs === undefined ? undefined : `at most ${formatSetDuration(workflow.timeoutMs)}`,
    budgetText(workflow.budget),
  ].filter((limit) => limit !== undefined);
  const lines = [
    `${workflow.name}: ${plural(workflow.steps.length, 'step')} in ${plural(levels.length, 'level')}, ${limits.join(', ')}`,
  ];
  if (workflow.description !== '') lines.push(`  ${workflow.description.split('\n', 1)[0]}`);
  for (const param of workflow.params) {
    const value = param.default === undefined ? 'must be given' : `default ${JSON.stringify(param.default)}`;
    lines.push(`  param ${param.name} (${param.type}, ${value})${param.description && `: ${param.description}`}`);
  }
  if (Object.keys(workflow.labels).length > 0) lines.push(`  labels ${labelsText(workflow.labels)}`);
  levels.forEach((level, index) => {
    for (const step of level) lines.push(`  ${index + 1}. ${stepText(step)}`);
  });
  return `${lines.join('\n')}\n`;
}

/**
 * The command of a shell step for people: the script alone in one of the two standard shells, else every word of what
 * is started, quoted as one would type it. Shown only, never run.
 */
export function commandText(step: ShellStep): string {
  const isScript = [bashShell, shShell].some((shell) => isDeepStrictEqual(shell, step.shell));
  return isScript ? step.command : [...step.shell, step.command].map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function stepText(step: Step): string {
  const notes = [
    step.needs.length > 0 ? `needs ${step.needs.join(', ')}` : undefined,
    step.when.kind === 'success' ? undefined : `when ${printWhen(step.when)}`,
    step.kind === 'approve'
      ? `waits ${formatSetDuration(step.timeoutMs)}`
      : `timeout ${formatSetDuration(step.timeoutMs)}`,
    step.retries.max > 0 ? plural(step.retries.max, 'retry', 'retries') : undefined,
    step.continueOnFailure ? 'may fail' : undefined,
  ].filter((note) => note !== undefined);
  const title = step.name === step.id ? step.id : `${step.id} (${step.name})`;
  return `${title} [${step.kind}] ${notes.join('; ')}`;
}

function budgetText({ usd, tokens }: Budget): string | undefined {
  const parts = [
    usd === undefined ? undefined : formatUsd(usd),
    tokens === undefined ? undefined : plural(tokens, 'token'),
  ];
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? undefined : `budget ${known.join(' and ')}`;
}
