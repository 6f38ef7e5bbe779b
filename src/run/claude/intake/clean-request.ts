// What happens to one export request of Claude Code between the socket and the journal: identity out, run and step on,
// deltas made cumulative, other traces put below the attempt, nesting noted. No IO. The HTTP side is server.ts's.
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import type { RunId } from '../../../core/ids.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Subject } from '../../../core/record.ts';
import { attr } from '../../../otlp/names.ts';
import { countItems, isRequest, mapItems } from '../../../otlp/request.ts';
import { type Attribute, countAttribute, textAttribute, withAttributes } from '../../../otlp/values.ts';
import { createTraceAdopter } from './adopt-trace.ts';
import { createToCumulative, type ToCumulative } from './cumulative.ts';
import { MAX_DEPTH, withoutIdentity } from './identity.ts';
import { createNesting, type NestingFound } from './nesting.ts';

/** Which attempt telemetry belongs to. */
export type IntakeAttempt = {
  readonly runId: RunId;
  readonly subject: Subject;
  readonly traceId: string;
  /** The span below which Claude's spans must hang: `parentSpanId(runId, step, attempt)`. */
  readonly spanId: string;
};

export type Cleaned =
  | {
      readonly kind: 'cleaned';
      readonly request: JsonObject;
      /** The request as it came. */
      readonly sent: JsonObject;
      readonly items: number;
      readonly malformed: number;
      /** Data points that were left out. */
      readonly dropped: number;
    }
  | { readonly kind: 'refused'; readonly why: string };

export type RequestCleaner = {
  readonly clean: (signal: TelemetrySignal, body: unknown) => Cleaned;
  readonly nesting: () => NestingFound;
};

/**
 * Who and what a span or log record is about. Not put on metrics: a run id as a label would make a new series of each
 * metric for every run.
 */
export function stampOf(attempt: IntakeAttempt): readonly Attribute[] {
  return [
    textAttribute(attr.pipelineRunId, attempt.runId),
    textAttribute(attr.stepId, attempt.subject.step),
    countAttribute(attr.attempt, attempt.subject.attempt),
  ];
}

/** @param toCumulative that of other channels of the attempt, whose series are the same */
export function createRequestCleaner(
  attempt: IntakeAttempt,
  toCumulative: ToCumulative = createToCumulative(),
): RequestCleaner {
  const adopter = createTraceAdopter(attempt);
  const nesting = createNesting(attempt.traceId, attempt.spanId);
  const stamp = stampOf(attempt);

  return {
    clean(signal, body) {
      if (!isRequest(body, signal))
        return { kind: 'refused', why: `the body is not an OTLP/JSON export request for ${signal}` };
      const anonymous = withoutIdentity(body);
      if (anonymous === undefined)
        return { kind: 'refused', why: `the body is nested more than ${MAX_DEPTH} levels deep` };
      const { request, malformed, dropped } =
        signal === 'metrics'
          ? toCumulative.convert(anonymous)
          : {
              ...mapItems(anonymous, signal, (item) => withAttributes(adopter.adopt(signal, item), stamp)),
              dropped: 0,
            };
      if (signal === 'traces') nesting.take(request);
      return { kind: 'cleaned', request, sent: body, items: countItems(request, signal), malformed, dropped };
    },
    nesting: () => ({ ...nesting.verify(), adopted: adopter.adopted() }),
  };
}
