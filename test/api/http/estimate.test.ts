// When a run will be done, as the API and the tail estimate it for a workflow that has run before.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { TailMessage } from '../../../src/api/schema/messages.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { createCatalogue, emptyRunState } from '../../../src/runs/index.ts';
import { beginRun, nextRunId, tempData } from '../../hub/hub-rig.ts';
import { attemptFinished, exit1, runFinished, stepFinished } from '../../runs/journal-of.ts';
import { liveHub } from './api-rig.ts';

const subject = { step: 'build', attempt: 1 };
const success: Outcome = { kind: 'success' };

test('an estimate is computed from the earlier successful runs of the workflow, the same in the API and over the tail', async () => {
  const data = tempData();
  const finish = async (seconds: number, fields: Parameters<typeof beginRun>[2] = {}, failed = false) => {
    const { journal } = beginRun(data, nextRunId(), fields);
    const outcome = failed ? exit1 : success;
    journal.event(attemptFinished(outcome), subject);
    journal.event(stepFinished(outcome, seconds * 1000), subject);
    journal.event(runFinished(outcome));
    await journal.close();
  };
  for (const seconds of [50, 60, 4_000]) await finish(seconds);
  await finish(1, {}, true);
  await finish(2, { workflow: 'another' });
  // It is active, so its duration is not known yet.
  beginRun(data);
  const { runId } = beginRun(data);
  // What comes later does not belong to its history.
  await finish(3);
  await finish(3);

  const hub = await liveHub(data);
  const detail = (await hub.get(`/api/v1/runs/${runId}`)).body;
  const expected = Date.parse(detail.steps[0].startedAt) + 60_000;
  expect(Math.abs(Date.parse(detail.estimatedCompletion) - expected)).toBeLessThanOrEqual(1_000);

  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/api/v1/tail`, {
    headers: { authorization: `Bearer ${hub.tokens.read}` },
  });
  onTestFinished(() => socket.terminate());
  const estimated = new Promise<string | null>((resolve) => {
    socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString()) as TailMessage;
      if (message.type === 'progress') resolve(message.data.estimatedCompletion);
    });
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId }));
  expect(Math.abs(Date.parse((await estimated) ?? '') - expected)).toBeLessThanOrEqual(2);
});

test('an estimate looks at the twenty latest of them', async () => {
  const data = tempData();
  for (let at = 0; at < 22; at++) {
    const { journal } = beginRun(data);
    journal.event(stepFinished(success, at * 1000), subject);
    journal.event(runFinished());
    await journal.close();
  }
  const earlier = createCatalogue({ data }).historyOf;
  const history = await earlier({ runId: nextRunId(), workflow: 'nightly' });
  expect(history.get('build')).toEqual(Array.from({ length: 20 }, (_, back) => (21 - back) * 1000));
  // The journal of a run whose head is gone does not say what it is of.
  expect(await earlier(emptyRunState())).toEqual(new Map());
});
