// Compares two normal forms of one workflow: which steps read differently, and which would do something else. Pure. `resume` calls
// it to find whether the file was edited since a run, and which completed steps are still valid.
import { resolve } from 'node:path';
import { limitKeys } from './claude-keys.ts';
import { paramVariable } from './environment.ts';
import type { Step, Workflow } from './workflow.ts';

export type WorkflowDifference = {
  /** Ids of steps that are in both and differ in anything. */
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Keys of the workflow itself, such as `env`, in the words of the file. */
  readonly keys: readonly string[];
};

const workflowKeys = [
  'name',
  'description',
  'params',
  'labels',
  'env',
  'cwd',
  'timeoutMs',
  'budget',
  'secrets',
] as const;

/**
 * Every difference that a person could see in the file. Values of params are not part of it, nor is `concurrency`: the stored
 * one can come from a flag.
 * @param ignored keys of the workflow that are not compared
 */
export function compareWorkflows(
  before: Workflow,
  after: Workflow,
  ignored: readonly (typeof workflowKeys)[number][] = [],
): WorkflowDifference {
  const [old, now] = [byId(before), byId(after)];
  const keys = workflowKeys.filter((key) => !ignored.includes(key));
  return {
    changed: after.steps.filter((step) => old.has(step.id) && !readsSame(old.get(step.id), step)).map(({ id }) => id),
    added: after.steps.filter(({ id }) => !old.has(id)).map(({ id }) => id),
    removed: before.steps.filter(({ id }) => !now.has(id)).map(({ id }) => id),
    keys: keys.filter((key) => !readsSame(before[key], after[key])).map(keyInFile),
  };
}

/** One phrase such as `steps lint, test; workflow: env`; undefined if nothing differs. */
export function describeDifference({ changed, added, removed, keys }: WorkflowDifference): string | undefined {
  const parts = [
    changed.length === 0 ? '' : `${changed.length === 1 ? 'step' : 'steps'} ${changed.join(', ')}`,
    added.length === 0 ? '' : `new: ${added.join(', ')}`,
    removed.length === 0 ? '' : `removed: ${removed.join(', ')}`,
    keys.length === 0 ? '' : `workflow: ${keys.join(', ')}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join('; ');
}

/**
 * Keys of how a step is watched, repeated and shown, which change nothing of what it does. A completed step stays completed if one
 * of them changes. Every other key, also one of a later version, counts.
 */
const notOfTheWork: ReadonlySet<string> = new Set([
  'name',
  'timeoutMs',
  'retries',
  'continueOnFailure',
  'readOnly',
  'stalls',
  'onTimeout',
  ...limitKeys,
]);

/**
 * Why step `id` would do something else in `after` than in `before`: the keys that differ, in the words of the file, and
 * `param NAME`. Empty if it would do the same, as far as the two workflows show; the files that it reads are not compared.
 */
export function changesOfWork(before: Workflow, after: Workflow, id: string): readonly string[] {
  const [old, now] = [byId(before).get(id), byId(after).get(id)];
  if (old === undefined || now === undefined) return ['new in the file'];
  const [oldWork, newWork] = [workOf(before, old), workOf(after, now)];
  const keys = [...new Set([...Object.keys(oldWork), ...Object.keys(newWork)])];
  return [
    ...keys.filter((key) => !isSame(oldWork[key], newWork[key])).map(keyInFile),
    ...changedParams(before, after, old, now).map((name) => `param ${name}`),
  ];
}

function workOf(workflow: Workflow, step: Step): Readonly<Record<string, unknown>> {
  const kept = Object.entries(step).filter(([key]) => !notOfTheWork.has(key));
  return {
    ...Object.fromEntries(kept),
    needs: [...step.needs].sort(),
    env: { ...workflow.env, ...step.env },
    cwd: resolve(workflow.cwd, step.cwd ?? '.'),
  };
}

/**
 * A shell step has every param in its environment, where a script that it calls can read it, so every changed value counts. For a
 * Claude step, and for a new param, only the params count that its texts name; a prompt file counts as naming them all.
 */
function changedParams(before: Workflow, after: Workflow, old: Step, now: Step): readonly string[] {
  const names = [...new Set([...Object.keys(before.paramValues), ...Object.keys(after.paramValues)])];
  return names.filter((name) => {
    if (Object.is(paramValueOf(before, name), paramValueOf(after, name))) return false;
    const isNew = paramValueOf(before, name) === undefined;
    if (now.kind === 'run' && !isNew) return true;
    return namesParam(before, old, name) || namesParam(after, now, name);
  });
}

function paramValueOf({ paramValues }: Workflow, name: string): unknown {
  return Object.hasOwn(paramValues, name) ? paramValues[name] : undefined;
}

function namesParam(workflow: Workflow, step: Step, name: string): boolean {
  if (step.kind === 'claude' && step.prompt.kind === 'file') return true;
  const text = JSON.stringify([step, workflow.env]);
  return [`params.${name}`, `"params","${name}"`, paramVariable(name)].some((mention) => text.includes(mention));
}

/** The key as people write it. */
function keyInFile(key: string): string {
  if (key === 'command') return 'run';
  return key.endsWith('Ms') ? key.slice(0, -'Ms'.length) : key;
}

function byId({ steps }: Workflow): ReadonlyMap<string, Step> {
  return new Map(steps.map((step) => [step.id, step]));
}

/** What redaction put in place of a secret in a stored workflow (run/redact/marker.ts). */
const hiddenText = /.hidden:[\w.-]+./;

/** Whether two values read the same, as far as can be known: a text that redaction has hidden counts as the same. */
function readsSame(before: unknown, after: unknown): boolean {
  if (typeof before === 'string' && typeof after === 'string' && hiddenText.test(before)) return true;
  if (typeof before !== 'object' || before === null || typeof after !== 'object' || after === null)
    return Object.is(before, after);
  const old: Readonly<Record<string, unknown>> = { ...before };
  const now: Readonly<Record<string, unknown>> = { ...after };
  // An undefined key counts as absent: a stored workflow and a fresh one differ in that.
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].every((key) => readsSame(old[key], now[key]));
}

function isSame(before: unknown, after: unknown): boolean {
  return readsSame(before, after) && !hiddenText.test(JSON.stringify(before ?? null));
}
