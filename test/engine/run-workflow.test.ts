// The order of a run, with attempts that end when and how the test says; no process is started here.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Attempt, AttemptResult } from '../../src/run/engine/attempt.ts';
import { type RunHandle, type RunScope, startRun } from '../../src/run/engine/run-workflow.ts';
import type { Step, Workflow } from '../../src/workflow/workflow.ts';
import { createMemoryAppend, type MemoryAppend } from '../support/memory-append.ts';
import { shellStep, workflowOf } from '../support/workflows.ts';

const success: Outcome = { kind: 'success' };
const failure: Outcome = { kind: 'failure', reason: 'exit_code', exitCode: 1, message: 'exit code 1' };

const resultOf = (outcome: Outcome, fields: Partial<AttemptResult> = {}): AttemptResult => ({
  outcome,
  output: '',
  outputCut: false,
  costUsd: 0,
  costUnknown: false,
  session: undefined,
  isSessionLost: false,
  limit: undefined,
  ranMs: 0,
  retryAsked: false,
  ...fields,
});

type Rig = {
  readonly handle: RunHandle;
  readonly append: MemoryAppend;
  readonly started: string[];
  readonly frozen: Set<string>;
  readonly end: (id: string, outcome: Outcome, fields?: Partial<AttemptResult>) => void;
  readonly until: (condition: () => boolean) => Promise<void>;
};

function startRig(workflow: Workflow, onStart?: (step: Step, attempt: number, scope: RunScope) => void): Rig {
  const append = createMemoryAppend();
  const started: string[] = [];
  const frozen = new Set<string>();
  const open = new Map<string, (result: AttemptResult) => void>();
  const end: Rig['end'] = (id, outcome, fields) => {
    const resolve = open.get(id);
    open.delete(id);
    resolve?.(resultOf(outcome, fields));
  };
  const handle = startRun({
    workflow,
    append,
    started: {
      runId: 'r',
      traceId: 't',
      definition: {},
      writer: { pid: 1, startTime: '', host: '' },
      stepspanVersion: '0',
      resumedFrom: undefined,
    },
    sync: async () => undefined,
    endLeftoverProcesses: async () => undefined,
    startAttempt(step, attempt, scope): Attempt {
      started.push(`${step.id}#${attempt}`);
      const done = new Promise<AttemptResult>((resolve) => open.set(step.id, resolve));
      onStart?.(step, attempt, scope);
      return {
        done,
        stop: (outcome) => end(step.id, outcome),
        killNow: () => undefined,
        freeze: () => void frozen.add(step.id),
        thaw: () => void frozen.delete(step.id),
      };
    },
  });
  const until = async (condition: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 1000 && !condition(); turn++) await new Promise(setImmediate);
    expect(condition()).toBe(true);
  };
  return { handle, append, started, frozen, end, until };
}

describe('a run', () => {
  test('starts every step after its needs, never more than its concurrency, and ends each exactly once', async () => {
    const dag = fc.array(fc.record({ needs: fc.array(fc.nat(), { maxLength: 3 }), outcome: fc.nat(3) }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(dag, fc.integer({ min: 1, max: 4 }), async (shape, concurrency) => {
        const steps = shape.map(({ needs }, index) =>
          shellStep(`s${index}`, {
            needs: index === 0 ? [] : [...new Set(needs.map((need) => `s${need % index}`))],
            continueOnFailure: index % 5 === 0,
          }),
        );
        const outcomes = shape.map(({ outcome }) => (outcome === 0 ? failure : success));
        let running = 0;
        let most = 0;
        const rig = startRig(workflowOf(steps, { concurrency }), (step) => {
          running += 1;
          most = Math.max(most, running);
          setImmediate(() => {
            running -= 1;
            rig.end(step.id, outcomes[Number(step.id.slice(1))] ?? success);
          });
        });
        const { outcome, steps: ends } = await rig.handle.done;

        expect(most).toBeLessThanOrEqual(concurrency);
        expect(ends.size).toBe(steps.length);
        expect(
          rig.append
            .events('step.finished')
            .map(({ subject }) => subject?.step)
            .sort(),
        ).toEqual(steps.map((step) => step.id).sort());
        for (const step of steps) {
          const at = rig.append.entries.findIndex(
            (e) => e.kind === 'event' && e.event.type === 'step.started' && e.subject?.step === step.id,
          );
          if (at === -1) continue;
          for (const need of step.needs) {
            const needAt = rig.append.entries.findIndex(
              (e) => e.kind === 'event' && e.event.type === 'step.finished' && e.subject?.step === need,
            );
            expect(needAt).toBeGreaterThanOrEqual(0);
            expect(needAt).toBeLessThan(at);
          }
        }
        const bad = [...ends].some(([, end]) => end.outcome.kind === 'failure' && !end.tolerated);
        expect(outcome.kind).toBe(bad ? 'failure' : 'success');
        const last = rig.append.entries.at(-1);
        expect(last?.kind === 'event' && last.event.type).toBe('run.finished');
      }),
      { numRuns: 60 },
    );
  });

  test('skips what needs a failed step, and says which step that was', async () => {
    const rig = startRig(
      workflowOf([shellStep('a'), shellStep('b', { needs: ['a'] }), shellStep('c', { needs: ['b'] })]),
    );
    await rig.until(() => rig.started.length === 1);
    rig.end('a', failure);
    const { outcome, steps } = await rig.handle.done;
    expect(outcome).toMatchObject({ kind: 'failure', reason: 'step_failed', message: 'step `a`: exit code 1' });
    expect(steps.get('b')?.outcome).toEqual({
      kind: 'skip',
      reason: 'need',
      message: 'step `a`, which it needs, ended in failure',
    });
    expect(steps.get('c')?.outcome.kind).toBe('skip');
  });

  test('runs a step with `when: failure()` only after a failure, and one with `always()` in both cases', async () => {
    for (const [outcome, expected] of [
      [failure, ['a#1', 'onFailure#1', 'always#1']],
      [success, ['a#1', 'always#1']],
    ] as const) {
      const steps = [
        shellStep('a'),
        shellStep('onFailure', { needs: ['a'], when: { kind: 'failure' } }),
        shellStep('always', { needs: ['a'], when: { kind: 'always' } }),
      ];
      const rig = startRig(workflowOf(steps), (step) => {
        setImmediate(() => rig.end(step.id, step.id === 'a' ? outcome : success));
      });
      await rig.handle.done;
      expect(rig.started).toEqual(expected);
    }
  });

  test('lets an expression judge the outcome of a need that failed', async () => {
    const asks = {
      kind: 'binary',
      operator: '==',
      left: { kind: 'reference', path: ['steps', 'a', 'outcome'] },
      right: { kind: 'literal', value: 'failure' },
    } as const;
    const steps = [shellStep('a'), shellStep('b', { needs: ['a'], when: { kind: 'expression', expression: asks } })];
    const rig = startRig(workflowOf(steps), (step) => {
      setImmediate(() => rig.end(step.id, step.id === 'a' ? failure : success));
    });
    await rig.handle.done;
    expect(rig.started).toEqual(['a#1', 'b#1']);
  });

  test('tries a step again as often as it may, and only on the outcomes that it names', async () => {
    const retries = { max: 2, delayMs: 1, factor: 2, maxDelayMs: 2, on: ['failure'], session: 'new' } as const;
    const rig = startRig(workflowOf([shellStep('a', { retries })]), () => setImmediate(() => rig.end('a', failure)));
    expect((await rig.handle.done).steps.get('a')).toMatchObject({ attempts: 3, outcome: failure });
    expect(rig.append.events('step.retrying').map(({ event }) => event.delayMs)).toEqual([1, 2]);

    const timeout: Outcome = { kind: 'timeout', limitMs: 1, message: 'too long' };
    const other = startRig(workflowOf([shellStep('a', { retries })]), () =>
      setImmediate(() => other.end('a', timeout)),
    );
    expect((await other.handle.done).steps.get('a')?.attempts).toBe(1);
  });

  test('holds the next step while it is paused, freezes running trees only when asked, and continues', async () => {
    const rig = startRig(workflowOf([shellStep('a'), shellStep('b', { needs: ['a'] })]));
    await rig.until(() => rig.started.length === 1);
    expect(rig.handle.pause('test', false)).toBe(true);
    expect(rig.frozen).toEqual(new Set());
    rig.end('a', success);
    await rig.until(() => rig.append.events('step.finished').length === 1);
    await new Promise(setImmediate);
    expect(rig.started).toEqual(['a#1']);
    expect(rig.handle.resume('test')).toBe(true);
    await rig.until(() => rig.started.length === 2);
    rig.handle.pause('test', true);
    expect(rig.frozen).toEqual(new Set(['b']));
    rig.handle.resume('test');
    expect(rig.frozen).toEqual(new Set());
    rig.end('b', success);
    expect((await rig.handle.done).outcome).toEqual(success);
  });

  test('cancels what runs, skips what has not come up, and ends as cancelled, also out of a pause', async () => {
    for (const paused of [false, true]) {
      const rig = startRig(workflowOf([shellStep('a'), shellStep('b', { needs: ['a'] })]));
      await rig.until(() => rig.started.length === 1);
      if (paused) rig.handle.pause('test', true);
      rig.handle.cancel('SIGINT');
      const { outcome, steps } = await rig.handle.done;
      expect(outcome).toEqual({ kind: 'cancellation', message: 'cancelled by SIGINT' });
      expect(steps.get('a')?.outcome.kind).toBe('cancellation');
      expect(steps.get('b')?.outcome).toMatchObject({ kind: 'skip', reason: 'run_ended' });
      expect(rig.frozen).toEqual(new Set());
    }
  });

  test('a step waiting for its next attempt ends with the run and is not tried again', async () => {
    const retries = {
      max: 5,
      delayMs: 60_000,
      factor: 1,
      maxDelayMs: 60_000,
      on: ['failure'],
      session: 'new',
    } as const;
    const rig = startRig(workflowOf([shellStep('a', { retries })]));
    await rig.until(() => rig.started.length === 1);
    rig.end('a', failure);
    await rig.until(() => rig.append.events('step.retrying').length === 1);
    rig.handle.cancel('api');
    expect((await rig.handle.done).outcome.kind).toBe('cancellation');
    expect(rig.started).toEqual(['a#1']);
  });

  test('warns at 80 % of its budget and stops the running Claude step when it is used up', async () => {
    let scope: RunScope | undefined;
    const claude = { ...shellStep('c'), kind: 'claude' } as unknown as Step;
    const workflow = workflowOf([claude, shellStep('d', { needs: ['c'] })], { budget: { usd: 1, tokens: undefined } });
    const rig = startRig(workflow, (_step, _attempt, given) => {
      scope = given;
    });
    await rig.until(() => scope !== undefined);
    scope?.use(claude, 1, { usd: 0.85, tokens: 10, estimated: true });
    expect(rig.append.events('run.budget_warned')).toHaveLength(1);
    expect(scope?.budget.remainingUsd()).toBeCloseTo(0.15);
    scope?.use(claude, 1, { usd: 1.2, tokens: 10, estimated: true });
    const { outcome, steps } = await rig.handle.done;
    expect(outcome).toMatchObject({ kind: 'error', reason: 'budget' });
    expect(steps.get('c')?.outcome).toMatchObject({ kind: 'error', reason: 'budget' });
    expect(steps.get('d')?.outcome).toMatchObject({ kind: 'skip', reason: 'run_ended' });
  });

  test('a resumed run does not repeat what had succeeded, and passes its output on', async () => {
    const append = createMemoryAppend();
    let seen: string | undefined;
    const handle = startRun({
      workflow: workflowOf([shellStep('a'), shellStep('b', { needs: ['a'] })]),
      append,
      started: {
        runId: 'r',
        traceId: 't',
        definition: {},
        writer: { pid: 1, startTime: '', host: '' },
        stepspanVersion: '0',
        resumedFrom: 'r0',
      },
      sync: async () => undefined,
      endLeftoverProcesses: async () => undefined,
      previousResults: new Map([['a', { output: 'from before', outputCut: false, session: undefined }]]),
      startAttempt(_step, _attempt, scope) {
        seen = scope.ended.get('a')?.output;
        const none = (): void => undefined;
        return { done: Promise.resolve(resultOf(success)), stop: none, killNow: none, freeze: none, thaw: none };
      },
    });
    const { outcome, steps } = await handle.done;
    expect(outcome).toEqual(success);
    expect(steps.get('a')?.outcome).toMatchObject({ kind: 'skip', reason: 'already_done' });
    expect(seen).toBe('from before');
  });
});
