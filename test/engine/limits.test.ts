// Waits for usage limits between the attempts of a step: what they use up, and what the next attempt is given. The attempts are
// made up, the engine around them is the real one.
import { expect, test } from 'vitest';
import { noOutput } from '../../src/core/step-output.ts';
import type { AttemptPlan, AttemptResult } from '../../src/run/engine/attempt.ts';
import { createPhaseMachine } from '../../src/run/engine/run-phase.ts';
import { runStep } from '../../src/run/engine/run-step.ts';
import { claudeStep } from '../support/claude-run.ts';
import { createMemoryAppend } from '../support/memory-append.ts';

const failure = { kind: 'failure', reason: 'claude_error', message: 'limit reached' } as const;

function result(part: Partial<AttemptResult>): AttemptResult {
  const nothing = { outputs: {}, costUsd: 0, costUnknown: false, isSessionLost: false, retryAsked: false };
  return { ...noOutput, ...nothing, outcome: failure, session: undefined, limit: undefined, ranMs: 0, ...part };
}

const session = (sessionId: string) => ({ sessionId, cwd: '/work' });
const limit = () => ({ untilMs: Date.now() - 1000, what: 'usage limit' });

test('a wait uses up no retry, leaves the rest of the timeout, and the next attempt continues in the session', async () => {
  const append = createMemoryAppend();
  const plans: AttemptPlan[] = [];
  const results = [
    result({ limit: limit(), session: session('s1'), ranMs: 100_000, costUsd: 1 }),
    result({ limit: limit(), session: session('s2'), ranMs: 150_000, costUsd: 1 }),
    result({ session: session('s3') }),
    result({ outcome: { kind: 'success' }, session: session('s4') }),
  ];
  const step = claudeStep({
    timeoutMs: 300_000,
    onRateLimit: { kind: 'wait', maxMs: 60_000 },
    retries: { max: 1, delayMs: 1, factor: 1, maxDelayMs: 1, on: ['failure'], session: 'new' },
  });
  const end = await runStep(step, {
    append,
    log: () => undefined,
    phase: createPhaseMachine(),
    now: () => 0,
    startAttempt(_step, number, plan) {
      plans.push(plan);
      const none = (): void => undefined;
      const done = Promise.resolve(results[number - 1]!);
      return { done, stop: none, killNow: none, freeze: none, thaw: none };
    },
  });
  expect(end).toMatchObject({ outcome: { kind: 'success' }, attempts: 4, costUsd: 2 });
  expect(plans.map(({ continuation, timeLeftMs }) => [continuation?.sessionId, timeLeftMs])).toEqual([
    [undefined, undefined],
    ['s1', 200_000],
    ['s2', 50_000],
    // The retry starts again, with all of its time.
    [undefined, undefined],
  ]);
  expect(append.events('step.waiting').map(({ event }) => event.nextAttempt)).toEqual([2, 3]);
  expect(append.events('step.retrying').map(({ event }) => event.nextAttempt)).toEqual([4]);
});
