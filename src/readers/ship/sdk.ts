// The OpenTelemetry SDK of the shipper: a NodeSDK whose processors are ours, so that the resource, the limits and the OTEL_*
// settings are the SDK's. Spans are made by its tracer with the journal's ids and times and handed over as they end;
// nothing waits in a queue of the SDK, which would drop. An SDK that the process has already is left as it was.
import {
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SamplingDecision,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { attr, schemaUrl } from '../../otlp/names.ts';
import { type Env, withProcessEnv } from './env.ts';
import type { LogOrigin } from './map/log-records.ts';
import { hrTimeOf, type ReadableSpan, type Resource, resourceWith } from './map/otlp-types.ts';
import type { RunContext } from './map/run-context.ts';
import type { SpanSpec } from './map/span-spec.ts';

/** The name and version of the instrumentation scope that every record of ours carries. */
export const scopeName = 'stepspan';

/** What the journal says of a run, its machine and its program. Stays the same in whatever process it is shipped, and when. */
export type Origin = {
  readonly host: string | undefined;
  readonly version: string | undefined;
  readonly run: Pick<RunContext, 'runId' | 'workflow'>;
};

export type Sdk = {
  readonly logOrigin: LogOrigin;
  /** The span of the SDK for a span of the journal. */
  readonly spanOf: (spec: SpanSpec) => ReadableSpan;
};

/** Ids for the next span, and the span that ended last: the SDK asks for the ones and reports the other by callbacks. */
type Exchange = { ids: { readonly traceId: string; readonly spanId: string }; ended: ReadableSpan | undefined };

/** @returns undefined if OTEL_SDK_DISABLED is set */
export async function startSdk(env: Env, origin: Origin): Promise<Sdk | undefined> {
  const exchange: Exchange = { ids: { traceId: '', spanId: '' }, ended: undefined };
  const settings: Env = { ...env, ...resourceSettings(env, origin), OTEL_LOGS_EXPORTER: 'none' };
  const provider = withProcessEnv(settings, () => startUnregistered(createSdk(exchange, runEntity(origin))));
  if (provider === undefined) return undefined;
  const tracer = provider.getTracer(scopeName, origin.version, { schemaUrl });
  const spanOf = (spec: SpanSpec): ReadableSpan => {
    exchange.ids = spec;
    recordSpan(tracer, spec);
    if (exchange.ended === undefined) throw new Error('The tracer ended a span without calling its processor.');
    return exchange.ended;
  };
  // The resource is only available from a record; this span is never sent.
  const probe = spanOf(probeSpec);
  await probe.resource.waitForAsyncAttributes?.();
  return {
    logOrigin: { resource: logResource(probe.resource, env, origin), scope: probe.instrumentationScope },
    spanOf,
  };
}

function createSdk(exchange: Exchange, entity: Readonly<Record<string, string>>): NodeSDK {
  return new NodeSDK({
    // What the settings say of the resource comes on top.
    resource: defaultResource().merge(resourceFromAttributes(entity)),
    idGenerator: { generateTraceId: () => exchange.ids.traceId, generateSpanId: () => exchange.ids.spanId },
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
          exchange.ended = span;
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
    metricReaders: [],
    // `null` is what the SDK takes for none; its type says so of the propagator only.
    contextManager: null as never,
    textMapPropagator: null,
  });
}

function recordSpan(tracer: Tracer, spec: SpanSpec): void {
  const parent =
    spec.parentSpanId === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: spec.traceId,
          spanId: spec.parentSpanId,
          traceFlags: 1,
          // Whatever is above the root of a run is another program's.
          isRemote: spec.kind === 'server',
        });
  const links = spec.links.map(({ traceId, spanId, attributes }) => ({
    context: { traceId, spanId, traceFlags: 1 },
    attributes,
  }));
  const kind = spec.kind === 'server' ? SpanKind.SERVER : SpanKind.INTERNAL;
  const options = { kind, startTime: hrTimeOf(spec.startNs), attributes: spec.attributes, links };
  const span = tracer.startSpan(spec.name, options, parent);
  for (const event of spec.events) span.addEvent(event.name, event.attributes, hrTimeOf(event.timeNs));
  if (spec.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: spec.error });
  span.end(hrTimeOf(spec.endNs));
}

const probeSpec: SpanSpec = {
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
};

/**
 * The SDK's own defaults name the process that happens to ship, with a random `service.instance.id`. Loki makes a stream
 * label of that, so a resend by another process would be stored twice. So the resource comes from the settings and from
 * the journal; OTEL_NODE_RESOURCE_DETECTORS brings the SDK's detectors back.
 */
function resourceSettings(env: Env, origin: Origin): Env {
  const given = env.OTEL_RESOURCE_ATTRIBUTES ?? '';
  const host = { 'host.name': origin.host, 'service.version': origin.version };
  const ours = Object.entries(host)
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

/** The run as the entity that its spans are of, and the machine as its worker. */
function runEntity({ host, run }: Origin): Readonly<Record<string, string>> {
  return {
    ...(run.workflow === '' ? {} : { [attr.pipelineName]: run.workflow }),
    [attr.pipelineRunId]: run.runId,
    ...(host === undefined || host === '' ? {} : { [attr.workerId]: host, [attr.workerName]: host }),
  };
}

/**
 * The resource of log records, without the run: Loki can make a stream of each resource, and a run must not be one. What
 * the settings say of it stays. Each record names its run by attributes.
 */
function logResource(resource: Resource, env: Env, origin: Origin): Resource {
  const given = (env.OTEL_RESOURCE_ATTRIBUTES ?? '').split(',').map((pair) => pair.split('=')[0]?.trim());
  const ours = Object.keys(runEntity(origin)).filter((key) => !given.includes(key));
  return resourceWith(Object.fromEntries(Object.entries(resource.attributes).filter(([key]) => !ours.includes(key))));
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
  return provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
}
