// The official OTLP exporters, by signal and protocol: spans, events, samples and what Claude Code sent go through them. Lines
// are encoded before (protobuf-lines.ts) and go out by the same delegate that is inside an exporter. Loaded when a run is
// shipped, and not by a command that could ship something.
import type { Agent } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { toError } from '../../../core/errors.ts';
import type { LogContent, MetricContent, SpanContent } from '../encode/batch.ts';
import type { Encoding, HttpOptions } from '../settings.ts';

/** Sends in one request. `done` is called once; what became of the request is read at the agent. */
export type Export<C> = (content: C, done: (result: { readonly error?: Error }) => void) => void;

export type ExporterOptions = {
  readonly agent: Agent;
  readonly encoding: Encoding;
  readonly http: HttpOptions;
};

const compress = promisify(gzip);

export async function openSpanExporter(options: ExporterOptions): Promise<Export<SpanContent>> {
  const { OTLPTraceExporter } =
    options.encoding === 'json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  const exporter = new OTLPTraceExporter(await configOf(options));
  return ({ spans }, done) => exporter.export(spans, done);
}

/** @param lines the encoding of the lines, which are encoded already */
export async function openLogExporter(options: ExporterOptions, lines: Encoding): Promise<Export<LogContent>> {
  const { OTLPLogExporter } =
    options.encoding === 'json'
      ? await import('@opentelemetry/exporter-logs-otlp-http')
      : await import('@opentelemetry/exporter-logs-otlp-proto');
  const exporter = new OTLPLogExporter(await configOf(options));
  const exportLines = await openLineExporter({ ...options, encoding: lines });
  return (content, done) => {
    if (content.kind === 'lines') exportLines(content.body, done);
    else exporter.export(content.logs, done);
  };
}

export async function openMetricExporter(options: ExporterOptions): Promise<Export<MetricContent>> {
  const json = await import('@opentelemetry/exporter-metrics-otlp-http');
  const { AggregationTemporalityPreference } = json;
  const { OTLPMetricExporter } =
    options.encoding === 'json' ? json : await import('@opentelemetry/exporter-metrics-otlp-proto');
  const exporter = new OTLPMetricExporter({
    ...(await configOf(options)),
    temporalityPreference: AggregationTemporalityPreference.CUMULATIVE,
  });
  return ({ metrics }, done) => exporter.export(metrics, done);
}

/** All that an exporter would read from the environment of the process, and who it says it is. */
async function configOf({ agent, http }: Pick<ExporterOptions, 'agent' | 'http'>) {
  const { CompressionAlgorithm } = await import('@opentelemetry/otlp-exporter-base');
  return {
    url: http.url,
    headers: http.headers,
    compression: http.compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    httpAgentOptions: () => agent,
    userAgent: 'stepspan',
    // The limit of an exporter is one on silence. Ours, on the whole exchange (watch-request.ts), comes first.
    timeoutMillis: 2 * http.timeoutMs,
  };
}

/** For requests that are encoded already. Compressed here: level 1 makes 236 MB/s against 60 at the exporter's level 6. */
async function openLineExporter({ agent, encoding, http }: ExporterOptions): Promise<Export<Uint8Array>> {
  const [{ createOtlpHttpExportDelegate }, { CompressionAlgorithm }] = await Promise.all([
    import('@opentelemetry/otlp-exporter-base/node-http'),
    import('@opentelemetry/otlp-exporter-base'),
  ]);
  const isZipped = http.compression === 'gzip';
  const { url, timeoutMillis, userAgent } = await configOf({ agent, http });
  const delegate = createOtlpHttpExportDelegate<Uint8Array, undefined>(
    {
      url,
      timeoutMillis,
      userAgent,
      agentFactory: () => agent,
      compression: CompressionAlgorithm.NONE,
      headers: async () => ({
        ...http.headers,
        'Content-Type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
        ...(isZipped ? { 'Content-Encoding': 'gzip' } : {}),
      }),
      // As many as the exporters have; there is one at a time.
      concurrencyLimit: 30,
    },
    { serializeRequest: (body) => body, deserializeResponse: () => undefined },
    'otlp_http_log_exporter',
    { name: 'log', countItems: () => 0 },
    undefined,
  );
  const send = async (body: Uint8Array, done: (result: { readonly error?: Error }) => void): Promise<void> =>
    delegate.export(isZipped ? await compress(body, { level: 1 }) : body, done);
  return (body, done) => void send(body, done).catch((error: unknown) => done({ error: toError(error) }));
}
