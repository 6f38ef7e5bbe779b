// The OpenTelemetry SDK of the shipper: a NodeSDK whose processors are ours, so that the resource, the limits and the OTEL_*
// settings are the SDK's. Spans are made by its tracer with the journal's ids and times and handed over as they end;
// nothing waits in a queue of the SDK, which would drop. An SDK that the process has already is left as it was.
import {
  type ProxyTracerProvider,
  ROOT_CONTEXT,
  SamplingDecision,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { type Env, withProcessEnv } from './env.ts';
import type { LogOrigin } from './map/log-records.ts';
import { hrTimeOf, type ReadableSpan } from './map/otlp-types.ts';
import type { SpanSpec } from './map/span-spec.ts';

/** The name and version of the instrumentation scope that every record of ours carries. */
export const scopeName = 'stepspan';

/** What the journal says of the machine and the program that wrote it. Stays the same in whatever process it is shipped, and when. */
export type Origin = { readonly host: string | undefined; readonly version: string | undefined };

export type Sdk = {
  readonly logOrigin: LogOrigin;
  /** The span of the SDK for a span of the journal. */
  readonly spanOf: (spec: SpanSpec) => ReadableSpan;
};

/** @returns undefined if OTEL_SDK_DISABLED is set */
export async function startSdk(env: Env, origin: Origin): Promise<Sdk | undefined> {
  let ids = { traceId: '', spanId: '' };
  let ended: ReadableSpan | undefined;
  const settings: Env = { ...env, ...resourceSettings(env, origin), OTEL_LOGS_EXPORTER: 'none' };
  const provider = withProcessEnv(settings, () =>
    startUnregistered(
      new NodeSDK({
        idGenerator: { generateTraceId: () => ids.traceId, generateSpanId: () => ids.spanId },
        // The trace of a run is sent whole or not at all: half a trace does not show why a run failed.
        sampler: {
          shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED }),
          toString: () => 'always on',
        },
        // Log records do not pass through the SDK's logger (OTEL_LOGS_EXPORTER above, for the SDK alone): docs/telemetry.md
        // has the measurement that decided it.
        spanProcessors: [
          {
            onStart: () => {},
            onEnd: (span) => {
              ended = span;
            },
            forceFlush: async () => {},
            shutdown: async () => {},
          },
        ],
        metricReaders: [],
        // `null` is what the SDK takes for none; its type says so of the propagator only.
        contextManager: null as never,
        textMapPropagator: null,
      }),
    ),
  );
  if (provider === undefined) return undefined;
  const tracer = provider.getTracer(scopeName, origin.version);

  const spanOf = (spec: SpanSpec): ReadableSpan => {
    ids = spec;
    const parent =
      spec.parentSpanId === undefined
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, { traceId: spec.traceId, spanId: spec.parentSpanId, traceFlags: 1 });
    const span = tracer.startSpan(
      spec.name,
      {
        kind: spec.kind === 'server' ? SpanKind.SERVER : SpanKind.INTERNAL,
        startTime: hrTimeOf(spec.startNs),
        attributes: mutable(spec.attributes),
        links: spec.links.map((link) => ({
          context: { traceId: link.traceId, spanId: link.spanId, traceFlags: 1 },
          attributes: mutable(link.attributes),
        })),
      },
      parent,
    );
    for (const event of spec.events) span.addEvent(event.name, mutable(event.attributes), hrTimeOf(event.timeNs));
    if (spec.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: spec.error });
    span.end(hrTimeOf(spec.endNs));
    if (ended === undefined) throw new Error('The tracer ended a span without calling its processor.');
    return ended;
  };

  // The resource is only available from a record; this span is never sent.
  const probe = spanOf({
    traceId: '1'.padStart(32, '0'),
    spanId: '1'.padStart(16, '0'),
    parentSpanId: undefined,
    name: 'probe',
    kind: 'internal',
    startNs: 0n,
    endNs: 0n,
    attributes: {},
    events: [],
    links: [],
    error: undefined,
  });
  await probe.resource.waitForAsyncAttributes?.();
  return {
    logOrigin: { resource: probe.resource, scope: probe.instrumentationScope },
    spanOf,
  };
}

/**
 * The SDK's own defaults name the process that happens to ship, with a random `service.instance.id`. Loki makes a stream
 * label of that, so a resend by another process would be stored twice. So the resource comes from the settings and from
 * the journal; OTEL_NODE_RESOURCE_DETECTORS brings the SDK's detectors back.
 */
function resourceSettings(env: Env, origin: Origin): Env {
  const given = env.OTEL_RESOURCE_ATTRIBUTES ?? '';
  const ours = Object.entries({ 'host.name': origin.host, 'service.version': origin.version })
    .filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '')
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  const named = /(?:^|,)\s*service\.name\s*=/.test(given);
  return {
    OTEL_NODE_RESOURCE_DETECTORS: env.OTEL_NODE_RESOURCE_DETECTORS || 'env',
    // The later of two values for a key wins, so what the user says comes last.
    OTEL_RESOURCE_ATTRIBUTES: [...ours, ...(given === '' ? [] : [given])].join(','),
    ...(named || env.OTEL_SERVICE_NAME ? {} : { OTEL_SERVICE_NAME: scopeName }),
  };
}

/**
 * Starts the SDK and takes its tracer provider, which it sets as the API's global only. What was global before is
 * put back before anybody else can run, so that a program that uses stepspan as a library keeps its own SDK.
 */
function startUnregistered(sdk: NodeSDK): TracerProvider | undefined {
  const before = delegateOf(trace.getTracerProvider());
  trace.disable();
  const none = delegateOf(trace.getTracerProvider());
  sdk.start();
  const started = delegateOf(trace.getTracerProvider());
  trace.disable();
  if (before !== none) trace.setGlobalTracerProvider(before);
  return started === none ? undefined : started;
}

function delegateOf(provider: TracerProvider): TracerProvider {
  return 'getDelegate' in provider ? (provider as ProxyTracerProvider).getDelegate() : provider;
}

/** The API types its maps as writable; nothing writes to them. */
function mutable(attributes: SpanSpec['attributes']): Record<string, string | number | boolean | string[]> {
  return attributes as Record<string, string | number | boolean | string[]>;
}
