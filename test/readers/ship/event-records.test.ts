// Events as log records: which are sent, in a stream of their own, with numbers that LogQL can unwrap; and that a line
// stays all there is to say of what went wrong.
import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { outcomeKinds } from '../../../src/core/outcome.ts';
import { attr } from '../../../src/otlp/names.ts';
import { createEventLogs, stepStates } from '../../../src/readers/ship/map/event-records.ts';
import type { LogOrigin } from '../../../src/readers/ship/map/log-records.ts';
import type { Resource } from '../../../src/readers/ship/map/otlp-types.ts';
import { bareContext, contextAfter } from '../../../src/readers/ship/map/run-context.ts';
import { build, recorder, runFinished, runStarted } from './support/runs.ts';

const runId = '20261123-100000-abcdef' as RunId;
const context = contextAfter(bareContext(runId), recorder().event(runStarted(runId)));
const origin: LogOrigin = {
  resource: { attributes: { 'service.name': 'nightly', 'host.name': 'box' } } as unknown as Resource,
  scope: { name: 'stepspan' },
};
const logsOf = (event: Event, subject = build) => createEventLogs(context, origin)(recorder().event(event, subject));

const failure = { kind: 'failure', reason: 'exit_code', message: 'Exit code 3.' } as const;
const stepFinished: Event = {
  type: 'step.finished',
  outcome: failure,
  attempts: 2,
  durationMs: 1500,
  costUsd: 0.25,
  output: 'not for everybody',
  outputCut: false,
  tolerated: false,
};

describe('an event as a log record', () => {
  test.each([
    stepFinished,
    { type: 'run.finished', outcome: failure, durationMs: 1, pausedMs: 0, costUsd: 0.25 } as const,
    { type: 'claude.cost', costUsd: 0.25, estimated: true, models: [] } as const,
  ])('has no amount of a cost that is unknown, which would be added up ($type)', (event) => {
    const unknown = event.type === 'claude.cost' ? { ...event, unknown: 'killed' } : { ...event, costUnknown: true };
    const [log] = logsOf(unknown);
    expect(log?.attributes).toMatchObject({ 'stepspan.cost.unknown': true, 'stepspan.cost.at_least_usd': 0.25 });
    expect(log?.attributes).not.toHaveProperty(attr.costUsd);
  });

  test('says how a step ended, of which run, step and span, in a service of its own', () => {
    const [log, ...more] = logsOf(stepFinished);
    expect(more).toEqual([]);
    expect(log?.resource.attributes).toEqual({ 'service.name': 'nightly-events', 'host.name': 'box' });
    expect(log?.spanContext).toMatchObject({
      traceId: context.traceId,
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(log?.attributes).toEqual({
      [attr.event]: 'step.finished',
      [attr.pipelineRunId]: runId,
      [attr.pipelineName]: 'nightly',
      [attr.taskName]: 'Build it',
      [attr.stepId]: 'build',
      [attr.attempt]: 1,
      [attr.taskRunResult]: 'failure',
      [attr.reason]: 'exit_code',
      [attr.stepState]: stepStates.failure,
      [attr.attempts]: 2,
      [attr.durationMs]: 1500,
      [attr.costUsd]: 0.25,
      [attr.tolerated]: false,
    });
    expect(log?.body).toBe('step failure (Exit code 3.) after 1.5 s');
  });

  test('is the same record in every process that makes it, and whatever came before', () => {
    const logs = createEventLogs(context, origin);
    const record = recorder().event(stepFinished, build);
    logs(
      recorder().event({
        type: 'claude.tool_called',
        toolUseId: 'a',
        tool: 'Bash',
        input: '',
        parentToolUseId: undefined,
      }),
    );
    expect(logs(record)).toEqual(createEventLogs(context, origin)(record));
  });

  test('is never more than INFO, as a line has said what went wrong', () => {
    const events: Event[] = [
      stepFinished,
      { ...runFinished, outcome: failure },
      { type: 'stall.detected', cause: 'no_output', durationMs: 1, action: 'kill' },
      { type: 'run.budget_exceeded', unit: 'USD', used: 2, limit: 1, estimated: false },
    ];
    for (const event of events) expect(logsOf(event)[0]?.severityText, event.type).toBe('INFO');
    expect(
      logsOf({ type: 'resource.sampled', cpuSeconds: 1, cpuCores: 0.5, rssBytes: 4096, processes: 2 })[0]?.severityText,
    ).toBe('DEBUG');
  });

  test('is apart from samples, which are many more', () => {
    const [sample] = logsOf({ type: 'resource.sampled', cpuSeconds: 1, cpuCores: 0.5, rssBytes: 4096, processes: 2 });
    expect(sample?.resource.attributes).toMatchObject({ 'service.name': 'nightly-samples' });
    expect(sample?.attributes).toMatchObject({ [attr.cpuCores]: 0.5, [attr.rssBytes]: 4096, [attr.processCount]: 2 });
  });

  test('has a state for every way to end', () => {
    const states = Object.values(stepStates);
    expect(outcomeKinds.filter((kind) => stepStates[kind] === undefined)).toEqual([]);
    expect(new Set(states).size).toBe(states.length);
  });

  test('says that a step is stalled, and that it is running again', () => {
    const [detected] = logsOf({ type: 'stall.detected', cause: 'no_output', durationMs: 1, action: 'none' });
    expect(detected?.attributes).toMatchObject({
      [attr.stepState]: stepStates.stalled,
      [attr.stallCause]: 'no_output',
    });
    const [cleared] = logsOf({ type: 'stall.cleared', cause: 'no_output', durationMs: 2 });
    expect(cleared?.attributes).toMatchObject({ [attr.stepState]: stepStates.running });
  });

  test('says that a step waits for a person, and that it is running again', () => {
    const question = { questionId: 'q-1', toolUseId: 't' };
    const asking = { kind: 'permission', tool: 'Bash', input: '{}', isCut: false, suggestions: [] } as const;
    const [asked] = logsOf({ type: 'claude.asked', ...question, ...asking, untilNs: '1', onTimeout: 'deny' });
    expect(asked?.attributes).toMatchObject({
      [attr.stepState]: stepStates.asking,
      [attr.questionId]: 'q-1',
      [attr.message]: expect.stringContaining('permission for Bash'),
    });
    const answer = { answer: 'allowed', by: 'ann', from: 'page', waitedMs: 1, text: '' } as never;
    const [answered] = logsOf({ type: 'claude.answered', ...question, ...(answer as object) } as never);
    expect(answered?.attributes).toMatchObject({
      [attr.stepState]: stepStates.running,
      [attr.questionId]: 'q-1',
    });
  });

  test('is not made of what lines say already', () => {
    expect(logsOf({ type: 'claude.message', text: 'hello', parentToolUseId: undefined })).toEqual([]);
  });
});
