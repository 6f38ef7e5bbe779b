// Spans made from the stream-json: of a whole session, and of single links that were never sent.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { arrayAt, type JsonObject, parseObject } from '../../src/core/json.ts';
import { createSpanDeriver } from '../../src/run/claude/derived-spans.ts';
import { createNesting } from '../../src/run/claude/intake/nesting.ts';

const target = {
  runId: '20260101-000000-aaaaaa' as RunId,
  subject: { step: 'ask', attempt: 1 },
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};
const nothingCame = { ownSpans: 0, orphans: 0, adopted: 0, untraced: 0, missing: [], interactionId: undefined };

/** Feeds a recorded session, one message each 10 ns. */
function deriverOf(name: string) {
  const file = path.join(import.meta.dirname, '../fixtures/claude', `${name}.ndjson`);
  const deriver = createSpanDeriver(target);
  for (const [index, line] of readFileSync(file, 'utf8').trim().split('\n').entries()) {
    deriver.message(parseObject(line)!, BigInt(index * 10));
  }
  return deriver;
}

function spansOf(request: JsonObject): readonly JsonObject[] {
  const resource = arrayAt(request, 'resourceSpans')[0] as JsonObject;
  return arrayAt(arrayAt(resource, 'scopeSpans')[0] as JsonObject, 'spans') as readonly JsonObject[];
}

describe('a session of which no span came', () => {
  const { request, spans } = deriverOf('background-subagent').derive(nothingCame, 1_000n);

  test('gets an interaction with its calls to the model and its tools, whole and below the attempt', () => {
    const nesting = createNesting(target.traceId, target.spanId);
    nesting.take(request);
    expect(nesting.verify()).toMatchObject({ ownSpans: spans, orphans: 0, untraced: 0 });
    const names = spansOf(request).map((span) => span.name);
    expect(names.filter((name) => name === 'claude_code.interaction')).toHaveLength(1);
    expect(names.filter((name) => name === 'claude_code.tool')).toHaveLength(2);
    expect(names.filter((name) => name === 'claude_code.llm_request')).toHaveLength(5);
  });

  test('hangs the subagent’s spans below the call that started it', () => {
    const [task, bash] = spansOf(request).filter((span) => span.name === 'claude_code.tool');
    expect(bash?.parentSpanId).toBe(task?.spanId);
  });

  test('marks each span, and no span ends before it starts', () => {
    for (const span of spansOf(request)) {
      expect(span.attributes).toContainEqual({ key: 'stepspan.derived', value: { boolValue: true } });
      expect(BigInt(String(span.endTimeUnixNano))).toBeGreaterThanOrEqual(BigInt(String(span.startTimeUnixNano)));
    }
  });

  test('makes the same spans again', () => {
    expect(deriverOf('background-subagent').derive(nothingCame, 1_000n)).toEqual({ request, spans });
  });
});

test('a tool that failed and an interaction that was interrupted are marked as errors', () => {
  const spans = spansOf(deriverOf('interrupted').derive(nothingCame, 1_000n).request);
  const codes = Object.fromEntries(spans.map((span) => [span.name, (span.status as JsonObject).code]));
  expect(codes).toEqual({ 'claude_code.interaction': 2, 'claude_code.llm_request': 0, 'claude_code.tool': 2 });
});

test('a session whose spans came needs none, and one that never spoke has none', () => {
  expect(deriverOf('interrupted').derive({ ...nothingCame, ownSpans: 3 }, 1_000n).spans).toBe(0);
  expect(createSpanDeriver(target).derive(nothingCame, 1_000n).spans).toBe(0);
});

test('a link that was never sent is made up for under its own id', () => {
  const missing = { spanId: 'f'.repeat(16), childNames: ['claude_code.tool.execution'], startNs: 5n, endNs: 9n };
  const found = { ...nothingCame, ownSpans: 1, orphans: 1, missing: [missing], interactionId: 'a'.repeat(16) };
  expect(spansOf(deriverOf('interrupted').derive(found, 1_000n).request)).toMatchObject([
    {
      spanId: 'f'.repeat(16),
      parentSpanId: 'a'.repeat(16),
      name: 'claude_code.tool',
      startTimeUnixNano: '5',
      endTimeUnixNano: '9',
    },
  ]);
});
