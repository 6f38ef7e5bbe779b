// The spans in a telemetry request of Claude Code, as a watcher is shown them: which, when, how it ended. Pure.
import type { EventOf } from '../../core/event.ts';
import { type JsonObject, objectAt, textAt } from '../../core/json.ts';
import { itemsIn } from '../../otlp/request.ts';
import { enumNumber, idAt, nanosAt, statusError } from '../../otlp/values.ts';
import type { TailSpan } from '../schema/messages.ts';

/** A request of Claude Code holds some tens; the attributes are left out, so 1,000 are 200 KB. */
const maxSpans = 1_000;

/** None if the request holds logs or metrics. */
export function spansOfTelemetry(event: EventOf<'claude.telemetry'>): readonly TailSpan[] {
  if (event.signal !== 'traces') return [];
  return [...itemsIn(event.request, 'traces')].flatMap((span) => spanOf(span) ?? []).slice(0, maxSpans);
}

function spanOf(span: JsonObject): TailSpan | undefined {
  const id = idAt(span, 'spanId');
  if (id === undefined) return undefined;
  return {
    id,
    parentId: idAt(span, 'parentSpanId') ?? null,
    kind: 'claude',
    name: textAt(span, 'name') ?? '',
    startNs: nanosText(span, 'startTimeUnixNano'),
    endNs: nanosText(span, 'endTimeUnixNano'),
    outcome: enumNumber(objectAt(span, 'status').code, 'statusCode') === statusError ? 'failure' : 'success',
  };
}

function nanosText(span: JsonObject, key: string): string | null {
  const ns = nanosAt(span, key);
  return ns === 0n ? null : String(ns);
}
