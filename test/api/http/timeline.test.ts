// Claude Code's own spans in the timeline of a run, beside those that the journal's events make.
import { expect, test } from 'vitest';
import { createClaudeSpans } from '../../../src/api/http/claude-spans.ts';
import type { Event } from '../../../src/core/event.ts';
import { parentSpanId, type RunId } from '../../../src/core/ids.ts';
import { beginRun, tempData } from '../../hub/hub-rig.ts';
import { journalOf } from '../../runs/journal-of.ts';
import { liveHub } from './api-rig.ts';

type Sent = {
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly status?: object;
};

/** As Claude Code exports them: second 10 to 11 of the epoch, unless it has no start. */
function telemetry(...spans: readonly (Sent & { readonly startTimeUnixNano?: string })[]): Event {
  const times = { startTimeUnixNano: '10000000000', endTimeUnixNano: '11000000000' };
  const request = { resourceSpans: [{ scopeSpans: [{ spans: spans.map((span) => ({ ...times, ...span })) }] }] };
  return { type: 'claude.telemetry', signal: 'traces', derived: false, items: spans.length, request };
}

test('the timeline has the spans of Claude Code below the attempt that they are of, each once, also while the run is active', async () => {
  const data = tempData();
  const { runId, journal } = beginRun(data);
  const subject = { step: 'build', attempt: 1 };
  const own = parentSpanId(runId, 'build', 1);
  const turn = { spanId: 'A1'.repeat(8), parentSpanId: own, name: 'claude_code.interaction' };
  const call = { spanId: 'b2'.repeat(8), parentSpanId: turn.spanId.toLowerCase(), name: 'claude_code.llm_request' };
  const hub = await liveHub(data);
  const claude = async () =>
    (await hub.get(`/api/v1/runs/${runId}/timeline`)).body.spans.filter(
      ({ kind }: { kind: string }) => kind === 'claude',
    );
  // A child is sent before its parent, which lasts longer.
  journal.event(telemetry(call), subject);
  expect(await claude()).toEqual([
    {
      id: 'b2'.repeat(8),
      parentId: 'attempt:build#1',
      kind: 'claude',
      name: 'claude_code.llm_request',
      step: 'build',
      attempt: 1,
      startNs: '10000000000',
      endNs: '11000000000',
      outcome: 'success',
    },
  ]);
  journal.event(telemetry(turn, { ...call, status: { code: 2 } }), subject);
  journal.event(telemetry({ spanId: 'c3'.repeat(8), parentSpanId: 'd4'.repeat(8), name: 'orphan' }), subject);
  journal.event(telemetry({ spanId: 'e5'.repeat(8), startTimeUnixNano: '0' }, {}), subject);
  const spans = (await claude()).map(({ id, parentId, outcome }: Record<string, unknown>) => [id, parentId, outcome]);
  expect(spans).toEqual([
    ['b2'.repeat(8), 'a1'.repeat(8), 'failure'],
    ['a1'.repeat(8), 'attempt:build#1', 'success'],
    ['c3'.repeat(8), 'attempt:build#1', 'success'],
  ]);
});

test('spans over the bound are counted and not kept', () => {
  const spans = createClaudeSpans('20261123-151402-abc123' as RunId, 2);
  const ids = ['1', '2', '3', '2', '4'].map((digit) => ({ spanId: digit.repeat(16) }));
  for (const record of journalOf()
    .event(telemetry(...ids), 'a')
    .event(telemetry({ spanId: '5'.repeat(16) })).records)
    spans.add(record);
  expect([spans.list().map(({ id }) => id[0]), spans.dropped()]).toEqual([['1', '2'], 2]);
});
