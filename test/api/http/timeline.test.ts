// Claude Code's own spans in the timeline of a run, beside those that the journal's events make.
import { expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import { beginRun, tempData } from '../../hub/hub-rig.ts';
import { liveHub } from './api-rig.ts';

type Sent = {
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly status?: object;
  readonly attributes?: readonly object[];
};

/** As Claude Code exports them: second 10 to 11 of the epoch, unless it has no start. */
function telemetry(...spans: readonly (Sent & { readonly startTimeUnixNano?: string })[]): Event {
  const times = { startTimeUnixNano: '10000000000', endTimeUnixNano: '11000000000' };
  const request = { resourceSpans: [{ scopeSpans: [{ spans: spans.map((span) => ({ ...times, ...span })) }] }] };
  return { type: 'claude.telemetry', signal: 'traces', derived: false, items: spans.length, request };
}

type Span = { readonly id: string; readonly kind: string; readonly parentId: string; readonly outcome: string };

test('the timeline has the spans of Claude Code where they belong, each once, and afterwards only what has changed', async () => {
  const data = tempData();
  const { runId, journal } = beginRun(data);
  const subject = { step: 'build', attempt: 1 };
  const turn = { spanId: 'A1'.repeat(8), parentSpanId: 'f0'.repeat(8), name: 'claude_code.interaction' };
  const hook = { spanId: 'b2'.repeat(8), parentSpanId: turn.spanId.toLowerCase(), name: 'claude_code.hook' };
  const hub = await liveHub(data);
  const ask = async (from = 0) => (await hub.get(`/api/v1/runs/${runId}/timeline?from=${from}`)).body;
  const claude = async () => (await ask()).spans.filter(({ kind }: Span) => kind === 'claude');
  // A child is sent before its parent, which lasts longer.
  journal.event(telemetry(hook), subject);
  const first = await ask();
  expect(first.spans.at(-1)).toEqual({
    id: `claude:${'b2'.repeat(8)}`,
    parentId: 'attempt:build#1',
    kind: 'claude',
    name: 'hook',
    detail: '',
    step: 'build',
    attempt: 1,
    startNs: '10000000000',
    endNs: '11000000000',
    outcome: 'success',
    seq: null,
    spanId: 'b2'.repeat(8),
    usage: null,
    count: 0,
  });
  journal.event(telemetry(turn, { ...hook, status: { code: 2 } }), subject);
  journal.event(telemetry({ spanId: 'c3'.repeat(8), parentSpanId: 'd4'.repeat(8), name: 'orphan' }), subject);
  journal.event(telemetry({ spanId: 'e5'.repeat(8), startTimeUnixNano: '0' }, {}), subject);
  expect((await claude()).map(({ id, parentId, outcome }: Span) => [id, parentId, outcome])).toEqual([
    [`claude:${'b2'.repeat(8)}`, 'attempt:build#1', 'failure'],
    [`claude:${'c3'.repeat(8)}`, 'attempt:build#1', 'success'],
  ]);
  // The one interaction is the attempt itself.
  const later = await ask(first.nextSeq);
  expect(later.spans.map(({ kind, spanId }: { kind: string; spanId: string }) => [kind, spanId])).toEqual([
    ['attempt', 'a1'.repeat(8)],
    ['claude', 'b2'.repeat(8)],
    ['claude', 'c3'.repeat(8)],
  ]);
  expect((await ask(later.nextSeq)).spans).toEqual([]);
});

test('the details of a span are what it was given, what it gave and its attributes', async () => {
  const data = tempData();
  const { runId, journal } = beginRun(data);
  const subject = { step: 'build', attempt: 1 };
  const call = { toolUseId: 't1', parentToolUseId: undefined } as const;
  journal.event({ type: 'claude.tool_called', tool: 'Bash', input: '{"command":"ls"}', ...call }, subject);
  journal.event({ type: 'claude.tool_returned', isError: false, text: 'a\nb', bytes: 3, ...call }, subject);
  const attributes = [
    { key: 'tool_use_id', value: { stringValue: 't1' } },
    { key: 'duration_ms', value: { intValue: '12' } },
  ];
  journal.event(telemetry({ spanId: 'a1'.repeat(8), name: 'claude_code.tool', attributes }), subject);
  const hub = await liveHub(data);
  const ask = (span: string) => hub.get(`/api/v1/runs/${runId}/span?span=${encodeURIComponent(span)}`);
  expect((await ask('tool:build#1:t1')).body).toEqual({
    id: 'tool:build#1:t1',
    input: '{"command":"ls"}',
    output: 'a\nb',
    outputBytes: 3,
    attributes: { tool_use_id: 't1', duration_ms: '12' },
  });
  expect((await ask('step:build')).body).toMatchObject({ input: '', output: '', attributes: {} });
  expect((await ask('tool:build#1:t2')).status).toBe(404);
});
