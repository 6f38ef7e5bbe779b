// The OTLP intake behind its socket: any JSON is cleaned or refused, and what is cleaned can be written and holds no identity.

import type { TelemetrySignal } from '../../../src/core/claude-event.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { createRequestCleaner } from '../../../src/run/claude/intake/clean-request.ts';
import { type FuzzTarget, must } from '../target.ts';

const attempt = {
  runId: '20260101-000000-aaaaaa' as RunId,
  subject: { step: 'ask', attempt: 2 },
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};
const point =
  '{"asDouble":1.5,"timeUnixNano":"1","startTimeUnixNano":"0","attributes":[{"key":"user.email","value":{"stringValue":"identity@example.org"}}]}';

export const intake: FuzzTarget = {
  name: 'intake',
  seeds: [
    `{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"${attempt.traceId}","spanId":"00f067aa0ba902b7","parentSpanId":"${attempt.spanId}","name":"claude_code.tool","startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"user.email","value":{"stringValue":"identity@example.org"}}]}]}]}]}`,
    '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"x"},"attributes":[]}]}]}]}',
    `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"claude_code.cost.usage","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[${point}]}}]}]}]}`,
  ],
  words: [
    'null',
    '[]',
    '{}',
    '"attributes":',
    '"key":"user.email"',
    '[[[[',
    '"__proto__":{}',
    '"asInt":"9e99"',
    '"histogram":',
    '"dataPoints":[',
    '"bucketCounts":["1"]',
  ],
  run(input) {
    let body: unknown;
    try {
      body = JSON.parse(input.toString('utf8'));
    } catch {
      return;
    }
    const cleaner = createRequestCleaner(attempt);
    for (const signal of ['traces', 'logs', 'metrics'] satisfies readonly TelemetrySignal[]) {
      const cleaned = cleaner.clean(signal, body);
      if (cleaned.kind !== 'cleaned') continue;
      const text = JSON.stringify(cleaned.request);
      must(!/"key":"user\.(email|account_uuid)"/.test(text), 'no identity is left');
      must(cleaned.items >= 0 && cleaned.malformed >= 0, 'items are counted');
    }
    cleaner.nesting();
    must(({} as Record<string, unknown>).polluted === undefined, 'no prototype is written to');
  },
};
