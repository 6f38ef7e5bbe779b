// Which steps a run that continues an earlier one keeps: for any workflow, any end of the earlier run and any edit of the file.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PastStep } from '../../src/library/read-past.ts';
import { planSteps } from '../../src/library/resume-plan.ts';
import {
  ancestorsOf,
  changesOfWork,
  defineWorkflow,
  type Workflow,
  type WorkflowInput,
} from '../../src/workflow/index.ts';

const ids = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
type Id = (typeof ids)[number];

type Written = {
  readonly needs: readonly Id[];
  readonly command: string;
  readonly timeout: string;
  readonly retries: number;
};

/** Each step can need those before it only, so there are no cycles. */
const steps: fc.Arbitrary<readonly Written[]> = fc.tuple(
  ...ids.map((_, index) =>
    fc.record({
      needs: fc.subarray(ids.slice(0, index)),
      command: fc.constantFrom('true', 'echo 1', 'echo 2'),
      timeout: fc.constantFrom('1m', '2m'),
      retries: fc.integer({ min: 0, max: 2 }),
    }),
  ),
);

type Edit = { readonly step: number; readonly what: 'command' | 'env' | 'cwd' | 'timeout' | 'retries' | 'name' };
const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    step: fc.nat(ids.length - 1),
    what: fc.constantFrom('command', 'env', 'cwd', 'timeout', 'retries', 'name'),
  }),
  { maxLength: 3 },
);

/** What changes nothing of the work that is done. */
const isOfTheWork = ({ what }: Edit): boolean => what === 'command' || what === 'env' || what === 'cwd';

function workflowOf(written: readonly Written[], edited: readonly Edit[] = []): Workflow {
  const input: WorkflowInput = {
    name: 'w',
    steps: written.map(({ needs, command, timeout, retries }, index) => {
      const has = (what: Edit['what']): boolean => edited.some((edit) => edit.step === index && edit.what === what);
      return {
        id: ids[index]!,
        needs: [...needs],
        run: has('command') ? 'echo edited' : command,
        timeout: has('timeout') ? '9m' : timeout,
        retries: has('retries') ? 9 : retries,
        ...(has('env') ? { env: { EDITED: '1' } } : {}),
        ...(has('cwd') ? { cwd: 'elsewhere' } : {}),
        ...(has('name') ? { name: 'edited' } : {}),
      };
    }),
  };
  const result = defineWorkflow(input, { cwd: '/work' });
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.workflow;
}

const ends: fc.Arbitrary<readonly PastStep['end'][]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'succeeded' } as const) },
    { weight: 1, arbitrary: fc.constant({ kind: 'not_reached' } as const) },
    { weight: 1, arbitrary: fc.constant({ kind: 'cut_off' } as const) },
    {
      weight: 1,
      arbitrary: fc.constant({ kind: 'ended', outcome: { kind: 'cancellation', message: 'cancelled' } } as const),
    },
  ),
  { minLength: ids.length, maxLength: ids.length },
);

function pastOf(given: readonly PastStep['end'][]): ReadonlyMap<string, PastStep> {
  return new Map(
    given.map((end, index) => [
      ids[index]!,
      {
        end,
        output: { output: '', outputCut: false },
        session: undefined,
        costUsd: 0,
        durationMs: 1,
        files: {},
        startedMs: 1,
      },
    ]),
  );
}

test('a step is kept exactly if it succeeded, does the same as before, and all steps before it are kept', () => {
  fc.assert(
    fc.property(steps, edits, ends, fc.option(fc.constantFrom(...ids)), (written, edited, before, fromStep) => {
      const [old, now] = [workflowOf(written), workflowOf(written, edited)];
      const plan = planSteps({
        workflow: now,
        past: pastOf(before),
        changesOf: (id) => changesOfWork(old, now, id),
        fromStep: fromStep ?? undefined,
        fresh: false,
      });
      const isUnchanged = (id: string): boolean => {
        const index = ids.indexOf(id as Id);
        const isEdited = edited.some((edit) => edit.step === index && isOfTheWork(edit));
        return before[index]?.kind === 'succeeded' && !isEdited && id !== fromStep;
      };
      for (const { id, action, why } of plan) {
        const isKept = [id, ...ancestorsOf(now.steps, id)].every(isUnchanged);
        expect({ id, action, why }).toMatchObject({ action: isKept ? 'keep' : 'run' });
        expect(why).not.toBe('');
      }
      expect(plan.map(({ id }) => id)).toEqual(ids);
    }),
  );
});

test.each([
  [{ kind: 'timeout', message: 'took too long', limitMs: 1 }, true],
  [{ kind: 'cancellation', message: 'cancelled by SIGINT' }, true],
  [{ kind: 'error', reason: 'abandoned', message: 'died' }, true],
  [{ kind: 'error', reason: 'rate_limited', message: 'the usage limit ends later' }, true],
  [{ kind: 'error', reason: 'setup', message: 'no folder' }, false],
  [{ kind: 'failure', reason: 'claude_error', message: 'API Error: 529 overloaded: let the step retry' }, true],
  [{ kind: 'failure', reason: 'claude_error', message: 'API Error: Unable to connect to API (ECONNREFUSED)' }, true],
  [{ kind: 'failure', reason: 'claude_error', message: 'Reached maximum number of turns (3): raise maxTurns' }, false],
  [{ kind: 'failure', reason: 'claude_error', message: 'Not logged in: log in' }, false],
] as const)('whether a step can continue in its session after %j: %s', (outcome, continues) => {
  const ask = { id: 'a', claude: 'Do it' };
  const workflow = workflowOfInput({ name: 'w', steps: [ask] });
  const session = { sessionId: 'x', cwd: '/w' };
  const before = { end: { kind: 'ended', outcome } as const, session, output: { output: '', outputCut: false } };
  const past = new Map([['a', { ...before, costUsd: 1, durationMs: 1, files: {}, startedMs: 1 }]]);
  const plan = (more: { fresh?: boolean; fromStep?: string; changes?: readonly string[] }) =>
    planSteps({
      workflow,
      past,
      changesOf: () => more.changes ?? [],
      fromStep: more.fromStep,
      fresh: more.fresh ?? false,
    })[0]?.session;
  expect(plan({})).toEqual(continues ? session : undefined);
  for (const more of [{ fresh: true }, { fromStep: 'a' }, { changes: ['prompt'] }]) expect(plan(more)).toBeUndefined();
});

function workflowOfInput(input: WorkflowInput): Workflow {
  const result = defineWorkflow(input, { cwd: '/w' });
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.workflow;
}

const base = { name: 'w', params: { depth: 1, topic: 'x' }, env: { LEVEL: '1' } } as const;
const both = (before: WorkflowInput, after: WorkflowInput, params: Readonly<Record<string, number | string>> = {}) => {
  const [old, now] = [defineWorkflow(before, { cwd: '/w', params: {} }), defineWorkflow(after, { cwd: '/w', params })];
  if (!old.ok || !now.ok) throw new Error('the workflows of this test are wrong');
  return Object.fromEntries(now.workflow.steps.map(({ id }) => [id, changesOfWork(old.workflow, now.workflow, id)]));
};

test('what reaches a step counts: params, variables of the workflow, needs; what only bounds or names it does not', () => {
  const step = { id: 'a', run: 'make' };
  const ask = { id: 'b', needs: ['a'], claude: { prompt: 'About {{ params.topic }}', allowedTools: ['Read'] } };
  const written = { ...base, steps: [step, ask] };
  expect(both(written, written)).toEqual({ a: [], b: [] });
  // A command can read any param from its environment; of a prompt it is known which it names.
  expect(both(written, written, { depth: 2 })).toEqual({ a: ['param depth'], b: [] });
  expect(both(written, written, { topic: 'y' })).toEqual({ a: ['param topic'], b: ['param topic'] });
  expect(both(written, { ...written, env: { LEVEL: '2' } })).toEqual({ a: ['env'], b: ['env'] });
  expect(both(written, { ...written, params: { ...base.params, extra: 5 } })).toEqual({ a: [], b: [] });
  expect(both(written, { ...written, steps: [step, { ...ask, timeout: '9m', retries: 3, name: 'B' }] }).b).toEqual([]);
  const bounded = { ...ask, claude: { ...ask.claude, maxBudgetUsd: 9, maxTurns: 3 } };
  expect(both(written, { ...written, steps: [step, bounded] }).b).toEqual([]);
  const allowed = { ...ask, claude: { ...ask.claude, allowedTools: ['Read', 'Bash'] } };
  expect(both(written, { ...written, steps: [step, allowed] }).b).toEqual(['allowedTools']);
  expect(both(written, { ...written, steps: [step, { ...ask, needs: [] }] }).b).toEqual(['needs']);
  expect(both(written, { ...written, steps: [step, ask, { id: 'c', run: 'true' }] }).c).toEqual(['new in the file']);
});
