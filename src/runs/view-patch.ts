// The difference between two views of a run, to keep a copy of a view up to date over a wire. Pure. The live API makes patches,
// the page applies them. A patch holds what changed and nothing else: whole fields of the run, of its steps and of their attempts.
import type { AttemptView, RunView, StepView } from './run-view.ts';

type AttemptPatch = Partial<AttemptView> & Pick<AttemptView, 'number'>;

type StepPatch = Partial<Omit<StepView, 'attempts'>> &
  Pick<StepView, 'id'> & {
    readonly attempts?: readonly AttemptPatch[];
    /** To be added at the end. */
    readonly newAttempts?: readonly AttemptView[];
  };

export type RunViewPatch = Partial<Omit<RunView, 'steps'>> & {
  readonly steps?: readonly StepPatch[];
  /** To be added at the end. */
  readonly newSteps?: readonly StepView[];
};

/** @returns undefined if both views are equal */
export function diffViews(before: RunView, after: RunView): RunViewPatch | undefined {
  const { steps: stepsBefore, ...fieldsBefore } = before;
  const { steps: stepsAfter, ...fieldsAfter } = after;
  const { patches: steps, added: newSteps } = diffItems(stepsBefore, stepsAfter, ({ id }) => id, diffStep);
  return unlessEmpty({
    ...changedFields(fieldsBefore, fieldsAfter),
    ...(steps.length > 0 ? { steps } : {}),
    ...(newSteps.length > 0 ? { newSteps } : {}),
  });
}

/** The view that `diffViews` was given as `after`. Parts that did not change are shared with `view`. */
export function patchView(view: RunView, { steps, newSteps = [], ...fields }: RunViewPatch): RunView {
  return { ...view, ...fields, steps: [...patchItems(view.steps, steps, ({ id }) => id, patchStep), ...newSteps] };
}

function diffStep(before: StepView, after: StepView): StepPatch | undefined {
  const { attempts: attemptsBefore, ...fieldsBefore } = before;
  const { attempts: attemptsAfter, ...fieldsAfter } = after;
  const { patches, added } = diffItems(attemptsBefore, attemptsAfter, numberOf, diffAttempt);
  const changed = unlessEmpty({
    ...changedFields(fieldsBefore, fieldsAfter),
    ...(patches.length > 0 ? { attempts: patches } : {}),
    ...(added.length > 0 ? { newAttempts: added } : {}),
  });
  return changed === undefined ? undefined : { id: after.id, ...changed };
}

function patchStep(step: StepView, { attempts, newAttempts = [], ...fields }: StepPatch): StepView {
  const patched = patchItems(step.attempts, attempts, numberOf, (attempt, patch) => ({ ...attempt, ...patch }));
  return { ...step, ...fields, attempts: [...patched, ...newAttempts] };
}

function diffAttempt(before: AttemptView, after: AttemptView): AttemptPatch | undefined {
  const changed = unlessEmpty(changedFields(before, after));
  return changed === undefined ? undefined : { number: after.number, ...changed };
}

function numberOf(attempt: { readonly number: number }): number {
  return attempt.number;
}

function diffItems<T, P>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (item: T) => string | number,
  diff: (before: T, after: T) => P | undefined,
): { readonly patches: readonly P[]; readonly added: readonly T[] } {
  const known = new Map(before.map((item) => [keyOf(item), item]));
  const patches: P[] = [];
  const added: T[] = [];
  for (const item of after) {
    const earlier = known.get(keyOf(item));
    const patch = earlier === undefined ? undefined : diff(earlier, item);
    if (earlier === undefined) added.push(item);
    else if (patch !== undefined) patches.push(patch);
  }
  return { patches, added };
}

function patchItems<T extends P, P>(
  items: readonly T[],
  patches: readonly P[] = [],
  keyOf: (item: P) => string | number,
  patchItem: (item: T, patch: P) => T,
): readonly T[] {
  const byKey = new Map(patches.map((patch) => [keyOf(patch), patch]));
  return items.map((item) => {
    const patch = byKey.get(keyOf(item));
    return patch === undefined ? item : patchItem(item, patch);
  });
}

function changedFields<T extends object>(before: T, after: T): Partial<T> {
  const changed: Partial<T> = {};
  for (const key in after) if (!isEqual(before[key], after[key])) changed[key] = after[key];
  return changed;
}

function unlessEmpty<T extends object>(patch: T): T | undefined {
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Views are JSON, so two parts are equal if their texts are. Most parts that did not change are the same object. */
function isEqual(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
