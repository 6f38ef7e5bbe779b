// The trace of a run as it is made from its records: which spans, when, below which, with what.
import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import { parentSpanId, type RunId, spanIdOf, traceIdOf } from '../../../src/core/ids.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { attr } from '../../../src/otlp/names.ts';
import { maxSpanEvents, type SpanSpec } from '../../../src/readers/ship/map/span-spec.ts';
import { createSpanMapper, type MappedSpan } from '../../../src/readers/ship/map/spans.ts';
import { recorder, runFinished, runStarted } from './support/runs.ts';

const runId = '20261123-100000-abcdef' as RunId;
const failed: Outcome = {
  kind: 'failure',
  reason: 'exit_code',
  message: 'The command ended with exit code 3.',
  exitCode: 3,
};

const attemptStarted: Event = { type: 'attempt.started', command: 'make', cwd: '/repo', pid: 42, pidStartTime: '7' };
const attemptFinished = (outcome: Outcome): Event => ({
  type: 'attempt.finished',
  outcome,
  durationMs: 5,
  pausedMs: 0,
  cpuSeconds: 1.5,
  maxRssBytes: 1000,
  lines: { stdout: 2 },
});
const stepFinished = (outcome: Outcome, attempts: number): Event => ({
  type: 'step.finished',
  outcome,
  attempts,
  durationMs: 10,
  costUsd: 0,
  output: '',
  outputCut: false,
  tolerated: false,
});

/** Feeds events and returns the spans that each of them completed. */
function trace(): (event: Event, attempt?: number | null) => SpanSpec[] {
  const { event: next } = recorder();
  const mapper = createSpanMapper(runId);
  return (event, attempt = 1) =>
    own(mapper.apply(next(event, attempt === null ? undefined : { step: 'build', attempt })));
}

function own(spans: readonly MappedSpan[]): SpanSpec[] {
  return spans.flatMap((span) => (span.kind === 'own' ? [span.spec] : []));
}

describe('the root', () => {
  test('is announced at once by a child without length and sent when the run has ended', () => {
    const feed = trace();
    const [started] = feed(runStarted(runId), null);
    const [root] = feed(runFinished, null);
    expect(started).toMatchObject({
      name: 'run.started',
      spanId: spanIdOf(runId, 'started'),
      parentSpanId: root?.spanId,
    });
    expect(started?.endNs).toBe(started?.startNs);
    expect(root).toMatchObject({
      name: 'RUN nightly',
      kind: 'server',
      traceId: traceIdOf(runId),
      spanId: spanIdOf(runId, 'root'),
      parentSpanId: undefined,
      error: undefined,
      startNs: started?.startNs,
    });
    expect(root?.attributes).toMatchObject({
      'cicd.pipeline.name': 'nightly',
      'cicd.pipeline.run.id': runId,
      'cicd.pipeline.result': 'success',
    });
  });

  test('of a run that was killed ends where its duration says, as its steps and attempts do, and not when it was closed', () => {
    const feed = trace();
    feed(runStarted(runId), null);
    feed({ type: 'step.started' });
    feed(attemptStarted);
    const outcome: Outcome = { kind: 'error', reason: 'abandoned', message: 'stepspan was killed' };
    feed({ ...attemptFinished(outcome), durationMs: 2 } as Event);
    const [step] = feed({ ...stepFinished(outcome, 1), durationMs: 3 } as Event);
    const [root] = feed({ ...runFinished, outcome, durationMs: 4 } as Event, null);
    const lengthOf = (span: SpanSpec | undefined) => Number((span?.endNs ?? 0n) - (span?.startNs ?? 0n)) / 1e6;
    expect([lengthOf(step), lengthOf(root)]).toEqual([3, 4]);
  });

  test('is marked as an error with the sentence that says why', () => {
    const feed = trace();
    feed(runStarted(runId), null);
    const outcome: Outcome = { kind: 'failure', reason: 'step_failed', message: 'Step build failed.' };
    const [root] = feed({ ...runFinished, outcome } as Event, null);
    expect(root).toMatchObject({ error: 'Step build failed.', attributes: { 'error.type': 'step_failed' } });
  });

  test('leads to the run that it continues', () => {
    const before = '20261122-100000-abcdef' as RunId;
    const feed = trace();
    feed(runStarted(runId, { resumedFrom: before }), null);
    const [root] = feed(runFinished, null);
    expect(root?.links).toMatchObject([{ traceId: traceIdOf(before), spanId: spanIdOf(before, 'root') }]);
    const elsewhere = trace();
    elsewhere(runStarted(runId, { resumedFrom: before, resumedFromTraceId: 'd'.repeat(32) }), null);
    expect(elsewhere(runFinished, null)[0]?.links).toMatchObject([{ traceId: 'd'.repeat(32) }]);
  });

  test('has the labels of the run, as every span has', () => {
    const feed = trace();
    const [started] = feed(runStarted(runId, { labels: { team: 'payments', pr: '42' } }), null);
    feed({ type: 'step.started' });
    const [step] = feed(stepFinished({ kind: 'success' }, 1));
    const [root] = feed(runFinished, null);
    for (const span of [started, step, root])
      expect(span?.attributes).toMatchObject({ 'stepspan.label.team': 'payments', 'stepspan.label.pr': '42' });
  });

  test('says where it is to be seen and what it worked on', () => {
    const feed = trace();
    const versionControl = { url: 'https://example.com/tool', branch: 'main', revision: 'a'.repeat(40), isDirty: true };
    const ci = { system: 'github', url: 'https://github.com/team/tool/actions/runs/7', change: '42' } as const;
    feed(runStarted(runId, { publicUrl: 'https://hub.example.com/', versionControl, ci }), null);
    feed({ type: 'step.started' });
    const [step] = feed(stepFinished({ kind: 'success' }, 1));
    const [root] = feed(runFinished, null);
    expect(root?.attributes).toMatchObject({
      'cicd.pipeline.run.url.full': `https://hub.example.com/#/runs/${runId}`,
      'vcs.repository.url.full': 'https://example.com/tool',
      'vcs.ref.head.name': 'main',
      'vcs.ref.head.type': 'branch',
      'vcs.ref.head.revision': 'a'.repeat(40),
      'stepspan.vcs.dirty': true,
      'stepspan.ci.system': 'github',
      'stepspan.ci.url': ci.url,
      'vcs.change.id': '42',
    });
    expect(step?.attributes['cicd.pipeline.task.run.url.full']).toBe(
      `https://hub.example.com/#/runs/${runId}/output?step=build`,
    );
  });

  test('hangs below the span that started the run, or links to it', () => {
    const by = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    const child = trace();
    child(runStarted(runId, { traceId: by.traceId, startedBy: { ...by, as: 'child' } }), null);
    expect(child(runFinished, null)).toMatchObject([{ traceId: by.traceId, parentSpanId: by.spanId, links: [] }]);
    const linked = trace();
    linked(runStarted(runId, { startedBy: { ...by, as: 'link' } }), null);
    expect(linked(runFinished, null)).toMatchObject([
      { traceId: traceIdOf(runId), parentSpanId: undefined, links: [{ ...by }] },
    ]);
  });

  test('carries pauses and the budget as events', () => {
    const feed = trace();
    feed(runStarted(runId), null);
    feed({ type: 'run.paused', by: 'api', now: true }, null);
    feed({ type: 'run.budget_exceeded', unit: 'USD', used: 3, limit: 2, estimated: false }, null);
    const [root] = feed(runFinished, null);
    expect(root?.events.map(({ name }) => name)).toEqual(['run.paused', 'run.budget_exceeded']);
  });
});

describe('a step that needed one attempt', () => {
  test('is one span, below the root, without attempts', () => {
    const feed = trace();
    feed(runStarted(runId), null);
    feed({ type: 'step.started' });
    feed(attemptStarted);
    feed({ type: 'stall.detected', cause: 'no_output', durationMs: 9, action: 'none' });
    feed(attemptFinished(failed));
    const spans = feed(stepFinished(failed, 1));
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({
      name: 'Build it',
      kind: 'internal',
      spanId: parentSpanId(runId, 'build', 1),
      parentSpanId: spanIdOf(runId, 'root'),
      error: failed.message,
      attributes: {
        'cicd.pipeline.task.name': 'Build it',
        'cicd.pipeline.task.run.id': `${runId}/build`,
        'cicd.pipeline.task.run.result': 'failure',
        'error.type': 'exit_code',
        'process.exit.code': 3,
        'process.pid': 42,
        'stepspan.cpu.seconds': 1.5,
      },
    });
    expect(spans[0]?.events.map(({ name }) => name)).toEqual(['stall.detected']);
    expect(spans[0]!.startNs).toBeLessThan(spans[0]!.endNs);
  });

  test('that was skipped has no length, a reason and no error', () => {
    const feed = trace();
    feed(runStarted(runId), null);
    const [span] = feed(stepFinished({ kind: 'skip', reason: 'need', message: 'build failed' }, 0));
    expect(span).toMatchObject({ error: undefined, attributes: { 'stepspan.skip.reason': 'need' } });
    expect(span?.startNs).toBe(span?.endNs);
  });

  test('that was cancelled is not an error', () => {
    const feed = trace();
    feed(runStarted(runId), null);
    feed({ type: 'step.started' });
    const [span] = feed(stepFinished({ kind: 'cancellation', message: 'SIGINT' }, 1));
    expect(span).toMatchObject({ error: undefined, attributes: { 'cicd.pipeline.task.run.result': 'cancellation' } });
  });
});

describe('a step that was retried', () => {
  function retried(): { first: SpanSpec[]; last: SpanSpec[] } {
    const feed = trace();
    feed(runStarted(runId), null);
    feed({ type: 'step.started' });
    feed(attemptStarted);
    feed({ type: 'process.orphaned', processes: [{ pid: 7, command: 'sleep' }] });
    feed(attemptFinished(failed));
    const first = feed({ type: 'step.retrying', nextAttempt: 2, delayMs: 1, outcome: failed });
    feed(attemptStarted, 2);
    feed(attemptFinished({ kind: 'success' }), 2);
    return { first, last: feed(stepFinished({ kind: 'success' }, 2), 2) };
  }

  test('has a span for every attempt below its own, the first as soon as it is known', () => {
    const { first, last } = retried();
    const step = spanIdOf(runId, 'step', 'build');
    expect(first).toMatchObject([
      {
        name: 'Build it attempt 1',
        spanId: spanIdOf(runId, 'attempt', 'build', '1'),
        parentSpanId: step,
        error: failed.message,
        attributes: { [attr.attempt]: 1, [attr.taskRunId]: `${runId}/build/1` },
      },
    ]);
    expect(last.map(({ spanId, parentSpanId: parent }) => [spanId, parent])).toEqual([
      [parentSpanId(runId, 'build', 2), step],
      [step, spanIdOf(runId, 'root')],
    ]);
    expect(last[1]).toMatchObject({ error: undefined, attributes: { [attr.attempts]: 2, [attr.cpuSeconds]: 3 } });
    expect(last[1]?.attributes).not.toHaveProperty(attr.attempt);
  });

  test('carries the retry itself, and each attempt what happened in it', () => {
    const { first, last } = retried();
    expect(first[0]?.events.map(({ name }) => name)).toEqual(['process.orphaned']);
    expect(last[1]?.events.map(({ name }) => name)).toEqual(['step.retrying']);
  });
});

describe('a step of Claude Code', () => {
  test('carries model and session by the GenAI conventions, and totals of tokens and cost under names of ours', () => {
    const { event: next } = recorder();
    const mapper = createSpanMapper(runId);
    const subject = { step: 'review', attempt: 1 };
    const use = {
      model: 'm',
      inputTokens: 10,
      outputTokens: 5,
      cacheReadTokens: 100,
      cacheCreationTokens: 20,
      costUsd: 0.5,
    };
    mapper.apply(next(runStarted(runId)));
    mapper.apply(next({ type: 'step.started' }, subject));
    mapper.apply(next(attemptStarted, subject));
    mapper.apply(
      next(
        {
          type: 'claude.session',
          sessionId: 's1',
          model: 'm',
          version: '2',
          permissionMode: '',
          tools: [],
          mcpServers: [],
        },
        subject,
      ),
    );
    mapper.apply(next({ type: 'claude.cost', costUsd: 0.5, estimated: false, models: [use] }, subject));
    mapper.apply(next(attemptFinished({ kind: 'success' }), subject));
    const [span] = own(mapper.apply(next({ ...stepFinished({ kind: 'success' }, 1), costUsd: 0.5 } as Event, subject)));
    expect(span?.attributes).toMatchObject({
      'cicd.pipeline.task.type': 'claude',
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.conversation.id': 's1',
      'gen_ai.request.model': 'm',
      'stepspan.tokens.input': 130,
      'stepspan.tokens.output': 5,
      'stepspan.tokens.cache_read': 100,
      'stepspan.tokens.cache_write': 20,
      'stepspan.cost.usd': 0.5,
      'stepspan.cost.estimated': false,
    });
    expect(Object.keys(span?.attributes ?? {}).filter((key) => key.startsWith('gen_ai.usage'))).toEqual([]);
  });

  test('has no amount of a cost that is unknown, and says so', () => {
    const { event: next } = recorder();
    const mapper = createSpanMapper(runId);
    const subject = { step: 'review', attempt: 1 };
    for (const event of [runStarted(runId), { type: 'step.started' } as const]) mapper.apply(next(event, subject));
    mapper.apply(next(attemptStarted, subject));
    mapper.apply(next({ type: 'claude.cost', costUsd: 0, estimated: true, unknown: 'killed', models: [] }, subject));
    mapper.apply(next(attemptFinished({ kind: 'success' }), subject));
    const end = { ...stepFinished({ kind: 'success' }, 1), costUnknown: true } as Event;
    const [step] = own(mapper.apply(next(end, subject)));
    const [root] = own(mapper.apply(next({ ...runFinished, costUnknown: true } as Event)));
    for (const span of [step, root]) {
      expect(span?.attributes['stepspan.cost.unknown']).toBe(true);
      expect(span?.attributes).not.toHaveProperty('stepspan.cost.usd');
      expect(span?.attributes).not.toHaveProperty('stepspan.cost.estimated');
    }
  });
});

describe('a journal whose head was removed', () => {
  test('still makes spans with the same ids', () => {
    const feed = trace();
    feed({ type: 'step.started' });
    const [step] = feed(stepFinished({ kind: 'success' }, 1));
    const [root] = feed(runFinished, null);
    expect(step?.spanId).toBe(spanIdOf(runId, 'step', 'build'));
    expect(root).toMatchObject({ name: 'RUN', traceId: traceIdOf(runId), spanId: spanIdOf(runId, 'root') });
  });
});

test('a span keeps a bounded number of events and says how many it left out', () => {
  const feed = trace();
  feed(runStarted(runId), null);
  for (let index = 0; index < maxSpanEvents + 3; index++) feed({ type: 'run.paused', by: 'api', now: false }, null);
  const [root] = feed(runFinished, null);
  expect(root?.events).toHaveLength(maxSpanEvents);
  expect(root?.attributes[attr.eventsDropped]).toBe(3);
});

test('the first attempt hangs below the step, each later one has a span of its own', () => {
  expect(parentSpanId(runId, 'build', 1)).toBe(spanIdOf(runId, 'step', 'build'));
  expect(parentSpanId(runId, 'build', 3)).toBe(spanIdOf(runId, 'attempt', 'build', '3'));
});
