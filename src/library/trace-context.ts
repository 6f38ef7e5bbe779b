// The trace context in which a run is started (W3C Trace Context and Baggage, by environment variables as OpenTelemetry's
// "Environment Variables as Context Propagation Carriers" has them): who started it, and what its steps are given. Pure.
import type { StartedBy } from '../core/event.ts';
import { type RunId, traceIdOf } from '../core/ids.ts';

export type TraceContextSetting = 'child' | 'link' | 'ignore';

export type TraceContext = {
  /** The trace that the run is in. */
  readonly traceId: string;
  readonly startedBy: StartedBy | undefined;
  /** The environment for the steps: nothing in it is of another trace than the TRACEPARENT that each of them gets. */
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Version, trace id, span id and flags. A later version may have more behind them. */
const traceparentForm = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

export function traceContextOf(
  env: Readonly<Record<string, string | undefined>>,
  setting: TraceContextSetting,
  runId: RunId,
): TraceContext {
  const { TRACEPARENT, TRACESTATE, BAGGAGE, ...others } = env;
  const [, traceId, spanId] = traceparentForm.exec(TRACEPARENT?.trim() ?? '') ?? [];
  // Without a valid TRACEPARENT the standard forbids to read TRACESTATE. Baggage is of no trace and stays.
  const baggage = BAGGAGE === undefined || setting === 'ignore' ? {} : { BAGGAGE };
  if (traceId === undefined || spanId === undefined || setting === 'ignore')
    return { traceId: traceIdOf(runId), startedBy: undefined, env: { ...others, ...baggage } };
  const startedBy: StartedBy = { traceId, spanId, as: setting };
  if (setting === 'link') return { traceId: traceIdOf(runId), startedBy, env: { ...others, ...baggage } };
  const state = TRACESTATE === undefined ? {} : { TRACESTATE };
  return { traceId, startedBy, env: { ...others, ...baggage, ...state } };
}
