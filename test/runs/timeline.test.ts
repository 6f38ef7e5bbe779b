// The timeline of a run: what Claude Code printed and what its telemetry says are one span each, with the exact times of the latter.
import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { createTimeline, type Timeline } from '../../src/runs/timeline/timeline.ts';
import {
  attemptFinished,
  attemptStarted,
  journalOf,
  modelUse,
  runFinished,
  runStarted,
  startNs,
  stepFinished,
} from './journal-of.ts';

const second = 1_000_000_000n;
const opus = 'claude-opus-5-5';

const session: Event = {
  ...{ type: 'claude.session', sessionId: 's', model: opus, version: '2.1.328', permissionMode: 'default' },
  ...{ tools: [], mcpServers: [], cwd: '/app' },
};
const said = (text: string, parentToolUseId?: string): Event => ({ type: 'claude.message', text, parentToolUseId });
const usage = (messageId: string): Event => ({ type: 'claude.usage', messageId, usage: modelUse(opus, 10, 0.01) });
const called = (toolUseId: string, tool: string, input: object, parentToolUseId?: string): Event => ({
  ...{ type: 'claude.tool_called', toolUseId, tool, input: JSON.stringify(input), parentToolUseId },
});
const returned = (toolUseId: string, isError = false, parentToolUseId?: string): Event => ({
  ...{ type: 'claude.tool_returned', toolUseId, isError, text: '', bytes: 0, parentToolUseId },
});
const result: Event = {
  ...{ type: 'claude.result', subtype: 'success', isError: false, sessionId: 's', turns: 1, durationMs: 1 },
  ...{ durationApiMs: 1, costUsd: 0, models: [], text: '', structuredOutput: undefined },
};

type Sent = {
  readonly id: string;
  readonly name: string;
  readonly parent?: string;
  /** Seconds after the start of the journal. */
  readonly from: number;
  readonly to: number;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly failed?: boolean;
};

function telemetry(...spans: readonly Sent[]): Event {
  const items = spans.map(({ id, name, parent, from, to, attributes = {}, failed = false }) => ({
    spanId: id.repeat(16),
    ...(parent !== undefined && { parentSpanId: parent.repeat(16) }),
    name: `claude_code.${name}`,
    startTimeUnixNano: String(startNs + BigInt(Math.round(from * 1e9))),
    endTimeUnixNano: String(startNs + BigInt(Math.round(to * 1e9))),
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: value } })),
    status: { code: failed ? 2 : 0 },
  }));
  const request = { resourceSpans: [{ scopeSpans: [{ spans: items }] }] };
  return { type: 'claude.telemetry', signal: 'traces', derived: false, items: items.length, request };
}

function timelineOf(events: readonly Event[], limit?: number): Timeline {
  const journal = journalOf()
    .event(runStarted(['a']))
    .event({ type: 'step.started' }, 'a')
    .event(attemptStarted, 'a');
  for (const event of events) journal.event(event, event.type.startsWith('run.') ? undefined : 'a');
  const timeline = createTimeline(limit);
  for (const record of journal.records) timeline.add(record);
  return timeline;
}

/** Each span as a path from the run, with when it began and ended in seconds. */
function seen(timeline: Timeline): readonly string[] {
  const spans = timeline.spans();
  const nameOf = (id: string | undefined): string => {
    const span = spans.find((each) => each.id === id);
    return span === undefined ? '' : `${nameOf(span.parentId)}/${span.kind} ${span.name}`;
  };
  const at = (ns: bigint | undefined): string => (ns === undefined ? '' : String(Number(ns - startNs) / 1e9));
  return spans
    .filter(({ kind }) => kind !== 'run' && kind !== 'step' && kind !== 'attempt')
    .map(
      (span) =>
        `${nameOf(span.id).replace('/run nightly/step a/attempt attempt 1/', '')} ${at(span.startNs)}-${at(span.endNs)}`,
    );
}

describe('turns of Claude', () => {
  // Records are a second apart: the session begins at 3.
  const oneCall = [
    session,
    called('t1', 'Bash', { command: 'ls' }),
    usage('m1'),
    returned('t1'),
    said('Done.'),
    usage('m2'),
    result,
  ];

  test('are made of what it printed, before any telemetry comes', () => {
    expect(seen(timelineOf(oneCall))).toEqual([
      'turn 1 3-6',
      `turn 1/model ${opus} 3-4`,
      'turn 1/tool Bash 4-6',
      'turn 2 6-9',
      `turn 2/model ${opus} 6-7`,
    ]);
  });

  test('take the exact times of the telemetry, and stay one line each', () => {
    const interaction = { id: 'a', name: 'interaction', from: 2.5, to: 9 };
    const sent = telemetry(
      { id: 'b', name: 'llm_request', parent: 'a', from: 3.2, to: 4.1, attributes: { model: opus } },
      { id: 'c', name: 'tool', parent: 'a', from: 4.2, to: 5.5, attributes: { 'gen_ai.tool.call.id': 't1' } },
      { id: 'd', name: 'tool.execution', parent: 'c', from: 4.3, to: 5.4 },
      { id: 'e', name: 'llm_request', parent: 'a', from: 6.1, to: 7.2, attributes: { model: opus } },
    );
    const timeline = timelineOf([...oneCall, sent, telemetry(interaction)]);
    expect(seen(timeline)).toEqual([
      'turn 1 3.2-6',
      `turn 1/model ${opus} 3.2-4.1`,
      'turn 1/tool Bash 4.2-5.5',
      'turn 2 6.1-9',
      `turn 2/model ${opus} 6.1-7.2`,
      'turn 1/tool Bash/claude tool.execution 4.3-5.4',
    ]);
    expect(timeline.spans().find(({ kind }) => kind === 'attempt')?.telemetry?.id).toBe('a'.repeat(16));
  });

  test('take the times also if the telemetry comes first, and name what was taken away', () => {
    const request = { id: 'b', name: 'llm_request', from: 3.2, to: 3.9, attributes: { model: opus } };
    const timeline = timelineOf([session, telemetry(request), said('Hm.'), usage('m1'), result]);
    expect(seen(timeline)).toEqual(['turn 1 3.2-7', `turn 1/model ${opus} 3.2-3.9`]);
    expect(timeline.changes(0).removed).toEqual([`claude:${'b'.repeat(16)}`]);
    expect(timeline.changes(8).removed).toEqual([]);
  });

  test('leave requests of their own that no answer is of: another model, a failed one, an end far away', () => {
    const timeline = timelineOf([
      ...oneCall,
      telemetry(
        { id: 'b', name: 'llm_request', from: 3, to: 4, attributes: { model: 'claude-haiku-4-5' } },
        { id: 'c', name: 'llm_request', from: 3, to: 3.5, attributes: { model: opus }, failed: true },
        { id: 'd', name: 'llm_request', from: 0, to: 0.5, attributes: { model: opus } },
      ),
    ]);
    expect(seen(timeline).filter((path) => path.startsWith('model'))).toEqual([
      'model claude-haiku-4-5 3-4',
      `model ${opus} 3-3.5`,
      `model ${opus} 0-0.5`,
    ]);
  });

  test('of a subagent are below its call, and take no request of the main agent', () => {
    const timeline = timelineOf([
      session,
      called('t1', 'Task', { description: 'Look for it' }),
      usage('m1'),
      called('t2', 'Read', { file_path: '/app/src/a.ts' }, 't1'),
      usage('m2'),
      returned('t2', false, 't1'),
      returned('t1'),
      said('Found.'),
      usage('m3'),
      result,
      telemetry({
        id: 'b',
        name: 'llm_request',
        from: 9,
        to: 9.9,
        attributes: { model: opus, 'llm_request.context': 'tool' },
      }),
      telemetry({
        id: 'c',
        name: 'llm_request',
        from: 9.1,
        to: 9.8,
        attributes: { model: opus, 'llm_request.context': 'interaction' },
      }),
    ]);
    expect(seen(timeline)).toEqual([
      'turn 1 3-9',
      `turn 1/model ${opus} 3-4`,
      'turn 1/tool Task 4-9',
      'turn 1/tool Task/turn 1 4-8',
      `turn 1/tool Task/turn 1/model ${opus} 4-6`,
      'turn 1/tool Task/turn 1/tool Read 6-8',
      'turn 2 9.1-12',
      `turn 2/model ${opus} 9.1-9.8`,
      `model ${opus} 9-9.9`,
    ]);
    expect(timeline.spans().find(({ name }) => name === 'Read')?.detail).toBe('src/a.ts');
  });

  test('are one if a tool returns between two parts of an answer', () => {
    const timeline = timelineOf([
      session,
      called('t1', 'Read', { file_path: 'a' }),
      usage('m1'),
      returned('t1'),
      called('t2', 'Bash', { command: 'ls' }),
      usage('m1'),
      returned('t2', true),
      said('Done.'),
      usage('m2'),
      result,
    ]);
    expect(seen(timeline)).toEqual([
      'turn 1 3-9',
      `turn 1/model ${opus} 3-7`,
      'turn 1/tool Read 4-6',
      'turn 1/tool Bash 7-9',
      'turn 2 9-12',
      `turn 2/model ${opus} 9-10`,
    ]);
    expect(timeline.spans().find(({ name }) => name === 'Bash')?.result).toBe('tool_error');
  });

  test('have a line for each interaction if people wrote to the session', () => {
    const timeline = timelineOf([
      session,
      telemetry({ id: 'a', name: 'interaction', from: 3, to: 4 }, { id: 'b', name: 'interaction', from: 5, to: 6 }),
    ]);
    expect(seen(timeline).filter((path) => path.includes('interaction'))).toEqual([
      'claude interaction 3-4',
      'claude interaction 5-6',
    ]);
  });
});

test('spans over the bound are counted by attempt, with the time that they cover', () => {
  const calls = Array.from({ length: 5 }, (_, index) => `t${index}`).flatMap((id) => [
    called(id, 'Bash', {}),
    returned(id),
  ]);
  const timeline = timelineOf([session, ...calls, result], 5);
  // Kept: the attempt, a turn with its model and its call, and the next turn. Not the turn that would begin after the last result.
  expect(timeline.dropped()).toBe(1 + 4 + 2 * 3);
  const more = timeline.spans().find(({ kind }) => kind === 'more');
  expect(more).toMatchObject({ count: timeline.dropped(), parentId: 'attempt:a#1', startNs: startNs + 5n * second });
});

test('changes are those of the records since then, also of a parent that came after its child', () => {
  const child = telemetry({ id: 'd', name: 'hook', parent: 'c', from: 4, to: 5 });
  const parent = telemetry({ id: 'c', name: 'tool', from: 4, to: 6, attributes: { 'gen_ai.tool.call.id': 't1' } });
  const timeline = timelineOf([session, child, parent]);
  expect(timeline.changes(5).spans.map(({ name, parentId }) => [name, parentId])).toEqual([
    ['hook', 'tool:a#1:t1'],
    ['tool', 'attempt:a#1'],
  ]);
  expect(timeline.changes(6).spans).toEqual([]);
});

test('a killed run ends with its last record, not when it was closed', () => {
  const abandoned = { kind: 'error', reason: 'abandoned', message: 'stepspan was killed' } as const;
  const timeline = timelineOf([
    session,
    called('t1', 'Bash', { command: 'sleep 99' }),
    attemptFinished(abandoned, 3_000),
    stepFinished(abandoned, 4_000),
    runFinished(abandoned, 5_000),
  ]);
  const ends = timeline.spans().map(({ kind, name, endNs }) => [kind, name, Number((endNs ?? 0n) - startNs) / 1e9]);
  expect(ends).toContainEqual(['run', 'nightly', 5]);
  expect(ends).toContainEqual(['step', 'a', 5]);
  expect(ends).toContainEqual(['attempt', 'attempt 1', 5]);
  expect(ends).toContainEqual(['tool', 'Bash', 5]);
});
