// Puts telemetry of other traces below the attempt that it came from. Pure, apart from its count. The intake knows the attempt
// by the token of the request, so it needs no TRACEPARENT: Claude Code 2.1.7 to 2.1.105 does not take it up, and a script
// can set one of its own before it starts Claude Code. New ids follow from the old ones, so a request that is sent again
// has the same spans.
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import { type RunId, spanIdOf } from '../../../core/ids.ts';
import { arrayAt, isObject, type JsonObject, textAt } from '../../../core/json.ts';
import { idAt } from '../../../otlp/values.ts';

export type TraceAdopter = {
  /** A span, or a log record with its trace context, in the attempt's trace; a metric as it is. */
  readonly adopt: (signal: TelemetrySignal, item: JsonObject) => JsonObject;
  /** Spans of other traces so far. */
  readonly adopted: () => number;
};

/** The span of a whole turn: its parent is never one of Claude Code's. */
const OUTERMOST = 'claude_code.interaction';

export function createTraceAdopter(target: { runId: RunId; traceId: string; spanId: string }): TraceAdopter {
  const { traceId, spanId } = target;
  let adopted = 0;

  const idOf = (trace: string, span: string): string => spanIdOf(target.runId, 'adopted', trace, span);

  function span(item: JsonObject): JsonObject {
    const trace = idAt(item, 'traceId');
    const id = idAt(item, 'spanId');
    if (trace === undefined || id === undefined) return item;
    const parent = idAt(item, 'parentSpanId');
    if (trace === traceId) return parent === undefined ? { ...item, parentSpanId: spanId } : item;
    adopted += 1;
    const isTop = parent === undefined || parent === spanId || textAt(item, 'name') === OUTERMOST;
    return {
      ...item,
      traceId,
      spanId: idOf(trace, id),
      parentSpanId: isTop ? spanId : idOf(trace, parent),
      ...(Array.isArray(item.links)
        ? { links: arrayAt(item, 'links').map((link) => (isObject(link) ? withContext(link, trace) : link)) }
        : {}),
    };
  }

  /** A log record, or a link to a span of the same trace. */
  function withContext(item: JsonObject, within?: string): JsonObject {
    const trace = idAt(item, 'traceId');
    const id = idAt(item, 'spanId');
    if (trace === undefined || trace === traceId || (within !== undefined && trace !== within)) return item;
    return { ...item, traceId, spanId: id === undefined ? spanId : idOf(trace, id) };
  }

  return {
    adopt(signal, item) {
      switch (signal) {
        case 'traces':
          return span(item);
        case 'logs':
          return withContext(item);
        case 'metrics':
          return item;
      }
    },
    adopted: () => adopted,
  };
}
