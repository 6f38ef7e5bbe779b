// A span as data, before the SDK makes a span of it. Pure.
import type { AttributeMap } from '../../../otlp/names.ts';

export type SpanEvent = { readonly name: string; readonly timeNs: bigint; readonly attributes: AttributeMap };

export type SpanLink = { readonly traceId: string; readonly spanId: string; readonly attributes: AttributeMap };

export type SpanSpec = {
  readonly traceId: string;
  readonly spanId: string;
  /** undefined for the root of a trace. That of a root which another program started is of that program. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'server' | 'internal';
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: AttributeMap;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** The sentence for a person; undefined leaves the status unset. */
  readonly error: string | undefined;
};

/**
 * Events kept for one span: what the SDK keeps by default (OTEL_SPAN_EVENT_COUNT_LIMIT). The first are kept, since
 * they say how trouble began; an attribute says how many were left out, and all of them are in the journal.
 */
export const maxSpanEvents = 128;

/** A bounded list of span events. */
export type SpanEvents = {
  readonly add: (event: SpanEvent) => void;
  readonly kept: () => readonly SpanEvent[];
  readonly dropped: () => number;
};

export function createSpanEvents(): SpanEvents {
  const events: SpanEvent[] = [];
  let dropped = 0;
  return {
    add(event) {
      if (events.length < maxSpanEvents) events.push(event);
      else dropped++;
    },
    kept: () => events,
    dropped: () => dropped,
  };
}
