// The OpenTelemetry SDK of the shipper: a NodeSDK that is given everything in its configuration, so that it reads no setting of
// the process, which may ship a run of others. Spans are made by its tracer with the journal's ids and times and handed over as
// they end; nothing waits in a queue of the SDK, which would drop. An SDK that the process has already is left as it was.
import {
  logs,
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
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { attr, schemaUrl } from '../../otlp/names.ts';
import { type Env, variable } from './env.ts';
import type { LogOrigin } from './map/log-records.ts';
import { hrTimeOf, type ReadableSpan, type Resource, resourceWith } from './map/otlp-types.ts';
import type { RunContext } from './map/run-context.ts';
import type { SpanSpec } from './map/span-spec.ts';
import { resourceAttributes, resourceDetectors, scopeName } from './resource.ts';

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
  if (variable(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const exchange: Exchange = { ids: { traceId: '', spanId: '' }, ended: undefined };
  const provider = startUnregistered(createSdk(exchange, env, origin));
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

function createSdk(exchange: Exchange, env: Env, origin: Origin): NodeSDK {
  return new NodeSDK({
    // What the detectors and the settings say of the resource comes on top.
    resource: defaultResource().merge(resourceFromAttributes({ ...ownAttributes(origin), ...runEntity(origin) })),
    resourceDetectors: resourceDetectors(env),
    spanLimits: spanLimitsOf(env),
    idGenerator: { generateTraceId: () => exchange.ids.traceId, generateSpanId: () => exchange.ids.spanId },
    // The trace of a run is sent whole or not at all: half a trace does not show why a run failed.
    sampler: {
      shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED }),
      toString: () => 'always on',
    },
    // Log records do not pass through the SDK's logger: docs/telemetry.md has the measurement that decided it.
    logRecordProcessors: [],
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

/** The limits of spans by their variables, all of them: of one that is missing, the SDK asks the environment of the process. */
function spanLimitsOf(env: Env): NonNullable<NodeSDKConfiguration['spanLimits']> {
  const limit = (fallback: number, ...names: string[]): number => {
    const value = Number(variable(env, ...names));
    return Number.isNaN(value) ? fallback : value;
  };
  const length = ['OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'];
  const ofEvent = ['OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT', 'OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT'];
  const ofLink = ['OTEL_LINK_ATTRIBUTE_COUNT_LIMIT', 'OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT'];
  return {
    attributeCountLimit: limit(defaultCount, 'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'OTEL_ATTRIBUTE_COUNT_LIMIT'),
    attributeValueLengthLimit: limit(Number.POSITIVE_INFINITY, ...length),
    eventCountLimit: limit(defaultCount, 'OTEL_SPAN_EVENT_COUNT_LIMIT'),
    linkCountLimit: limit(defaultCount, 'OTEL_SPAN_LINK_COUNT_LIMIT'),
    attributePerEventCountLimit: limit(defaultCount, ...ofEvent),
    attributePerLinkCountLimit: limit(defaultCount, ...ofLink),
  };
}

/** The specification's limit of attributes, events and links. */
const defaultCount = 128;

/** What the journal says of who made the run; the process that ships it may be another. */
function ownAttributes({ host, version }: Origin): Readonly<Record<string, string>> {
  return {
    'service.name': scopeName,
    ...(host === undefined || host === '' ? {} : { 'host.name': host }),
    ...(version === undefined || version === '' ? {} : { 'service.version': version }),
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
  const given = Object.keys(resourceAttributes(env));
  const ours = Object.keys(runEntity(origin)).filter((key) => !given.includes(key));
  return resourceWith(Object.fromEntries(Object.entries(resource.attributes).filter(([key]) => !ours.includes(key))));
}

/**
 * Starts the SDK and takes its tracer provider. The SDK offers that as the API's global only, so it is read from the SDK itself:
 * a program that uses stepspan as a library keeps its own SDK, and can start one later.
 */
function startUnregistered(sdk: NodeSDK): TracerProvider {
  const proxy = trace.getTracerProvider();
  const before = delegateOf(proxy);
  const loggersBefore = logs.getLoggerProvider();
  sdk.start();
  const started: TracerProvider | undefined = Reflect.get(sdk, '_tracerProvider');
  if (started === undefined) throw new Error('OTEL_SDK_DISABLED is set for this process. Unset it to use OTLP.');
  if (before !== started && delegateOf(trace.getTracerProvider()) === started) {
    // Tracers that somebody took before any SDK was there do nothing, as before, and do not use ours.
    if (proxy instanceof ProxyTracerProvider) proxy.setDelegate(before);
    trace.disable();
  }
  if (logs.getLoggerProvider() !== loggersBefore) logs.disable();
  return started;
}

function delegateOf(provider: TracerProvider): TracerProvider {
  return provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
}
