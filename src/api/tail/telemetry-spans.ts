// The spans in a telemetry request of Claude Code, as a watcher is shown them: which, when, how it ended. Pure.
// The request is OTLP/JSON that came from outside, so nothing in it is taken to be there.
import type { EventOf } from '../../core/event.ts';
import type { TailSpan } from './protocol.ts';

/** A request of Claude Code holds some tens; the attributes are left out, so 1,000 are 200 KB. */
const maxSpans = 1_000;

/** None where the request holds logs or metrics. */
export function spansOfTelemetry(event: EventOf<'claude.telemetry'>): readonly TailSpan[] {
  if (event.signal !== 'traces') return [];
  const spans = list(event.request, 'resourceSpans')
    .flatMap((group) => list(group, 'scopeSpans'))
    .flatMap((scope) => list(scope, 'spans'));
  return spans.flatMap((span) => spanOf(span) ?? []).slice(0, maxSpans);
}

function spanOf(span: unknown): TailSpan | undefined {
  const id = text(field(span, 'spanId'));
  if (id === null) return undefined;
  return {
    id: id.toLowerCase(),
    parentId: text(field(span, 'parentSpanId'))?.toLowerCase() ?? null,
    kind: 'claude',
    name: text(field(span, 'name')) ?? '',
    startNs: digits(field(span, 'startTimeUnixNano')),
    endNs: digits(field(span, 'endTimeUnixNano')),
    // 2 is STATUS_CODE_ERROR of OTLP; some senders write the name.
    outcome: [2, 'STATUS_CODE_ERROR'].includes(field(field(span, 'status'), 'code') as number) ? 'failure' : 'success',
  };
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function list(value: unknown, key: string): readonly unknown[] {
  const found = field(value, key);
  return Array.isArray(found) ? found : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A 64-bit number is a text in OTLP/JSON; senders that write a number have lost its last digits already. */
function digits(value: unknown): string | null {
  const written = typeof value === 'number' ? String(value) : value;
  return typeof written === 'string' && /^\d{1,20}$/.test(written) && written !== '0' ? written : null;
}
