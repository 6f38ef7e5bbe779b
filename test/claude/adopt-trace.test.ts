// Spans of traces of their own, as versions send them that do not take up TRACEPARENT: they end in the attempt's trace, as
// one tree with the structure that they had.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { createRequestCleaner } from '../../src/run/claude/intake/clean-request.ts';

const attempt = {
  runId: '20260101-000000-aaaaaa' as RunId,
  subject: { step: 'ask', attempt: 2 },
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};

type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
};

const requestOf = (spans: readonly Span[]): JsonObject => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

/** What the cleaner makes of each batch, in order. */
function cleaned(cleaner: ReturnType<typeof createRequestCleaner>, spans: readonly Span[]): readonly Span[] {
  const result = cleaner.clean('traces', requestOf(spans));
  if (result.kind === 'refused') throw new Error(result.why);
  return (result.request as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }).resourceSpans[0]!.scopeSpans[0]!
    .spans;
}

/** Trees in one or more traces, some with span ids that another trace has too, and every parent among them. */
const forest = fc
  .array(fc.record({ trace: fc.nat(3), parent: fc.option(fc.nat(60)), ids: fc.nat(30) }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((drafts) => {
    const spans: Span[] = [];
    for (const { trace, parent, ids } of drafts) {
      const traceId = trace === 0 ? attempt.traceId : String(trace).repeat(32);
      const spanId = (ids + 1).toString(16).padStart(16, '0');
      if (spans.some((span) => span.traceId === traceId && span.spanId === spanId)) continue;
      const known = spans.filter((span) => span.traceId === traceId);
      const above = parent === null ? undefined : known[parent % Math.max(known.length, 1)];
      const parentSpanId = above?.spanId ?? (trace === 0 && parent !== null ? attempt.spanId : undefined);
      spans.push({
        traceId,
        spanId,
        name: `span ${spans.length}`,
        ...(parentSpanId === undefined ? {} : { parentSpanId }),
      });
    }
    return spans;
  });

describe('spans of traces of their own', () => {
  test('end as one tree below the attempt, in whatever order and however often they are sent', () => {
    fc.assert(
      fc.property(forest, fc.nat(40), fc.boolean(), (spans, cutAt, isSentAgain) => {
        const cleaner = createRequestCleaner(attempt);
        const order = [...spans].reverse();
        const sent = [...cleaned(cleaner, order.slice(0, cutAt)), ...cleaned(cleaner, order.slice(cutAt))];
        if (isSentAgain) expect(cleaned(cleaner, order)).toEqual(sent);
        expect(new Set(sent.map((span) => span.traceId))).toEqual(new Set([attempt.traceId]));
        expect(new Set(sent.map((span) => span.spanId)).size).toBe(spans.length);
        expect(cleaner.nesting()).toMatchObject({ ownSpans: spans.length, orphans: 0, missing: [], untraced: 0 });

        const newId = new Map(sent.map((span) => [span.name, span.spanId]));
        const nameOf = (of: Span | undefined): string | undefined => of?.name;
        for (const span of spans) {
          const above = spans.find((each) => each.traceId === span.traceId && each.spanId === span.parentSpanId);
          const now = sent.find((each) => each.name === span.name)!;
          expect(now.parentSpanId).toBe(newId.get(nameOf(above) ?? '') ?? attempt.spanId);
        }
      }),
    );
  });

  test('are put below the attempt also where a script gave Claude Code a parent of its own', () => {
    const traceId = 'c'.repeat(32);
    const top = { traceId, spanId: '1'.repeat(16), parentSpanId: '9'.repeat(16), name: 'claude_code.interaction' };
    const call = { traceId, spanId: '2'.repeat(16), parentSpanId: '1'.repeat(16), name: 'claude_code.llm_request' };
    const cleaner = createRequestCleaner(attempt);
    cleaned(cleaner, [call, top]);
    expect(cleaner.nesting()).toMatchObject({ ownSpans: 2, orphans: 0, missing: [], adopted: 2 });
  });

  test('take the log records of their trace with them', () => {
    const cleaner = createRequestCleaner(attempt);
    const traceId = 'c'.repeat(32);
    const [span] = cleaned(cleaner, [{ traceId, spanId: '1'.repeat(16), name: 'claude_code.interaction' }]);
    const records = [{ traceId: traceId.toUpperCase(), spanId: '1'.repeat(16), body: {} }];
    const logs = cleaner.clean('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: records }] }] });
    expect(logs).toMatchObject({
      request: {
        resourceLogs: [{ scopeLogs: [{ logRecords: [{ traceId: attempt.traceId, spanId: span?.spanId }] }] }],
      },
    });
  });
});
