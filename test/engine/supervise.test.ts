// The clocks of one child under supervision: what they count while a person is asked.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newRunId } from '../../src/core/ids.ts';
import { supervise } from '../../src/run/engine/supervise.ts';
import { markerOf } from '../../src/run/process/index.ts';
import { createMemoryAppend } from '../support/memory-append.ts';
import { shellStep } from '../support/workflows.ts';

test('neither the timeout nor the stall clocks count the time in which a person is asked', async () => {
  const append = createMemoryAppend();
  const supervision = supervise({
    ...{ file: 'sleep', args: ['60'], cwd: '/', env: { PATH: process.env.PATH ?? '' }, command: 'sleep' },
    ...{ marker: markerOf(newRunId(), 'ask'), subject: { step: 'ask', attempt: 1 }, append, log: () => undefined },
    ...{ timeoutMs: 60_000, timeLeftMs: 1_500, onOutput: () => undefined, activity: () => ({ kind: 'silent' }) },
    stalls: { ...shellStep('ask').stalls, no_output: { afterMs: 500, action: 'kill' } },
  });
  supervision.waitForPerson(true);
  await sleep(2_500);
  supervision.stop({ kind: 'cancellation', message: 'enough' }, 'enough');
  const { ending, pausedMs } = await supervision.done;
  expect(ending).toMatchObject({ kind: 'stopped', outcome: { kind: 'cancellation' } });
  expect(append.events('stall.detected')).toEqual([]);
  expect(pausedMs).toBeGreaterThanOrEqual(2_400);
});
