// Runs the real OpenTelemetry Collector from the repo's own otel-collector.yaml, with nothing changed but addresses, its
// storage folder and what the caller sets. The queue on disk outlives stop and kill, so an outage can be played.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { locateBackends } from './backends.ts';
import { defineService, freePorts, makeFolder, type Service } from './service.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface CollectorOptions {
  /** Loki's OTLP intake: `loki.otlpEndpoint`. */
  lokiEndpoint: string;
  /** Where Tempo would be: `sink.endpoint`. */
  tempoEndpoint: string;
  /** From the root of the repo, each over the ones before. Default: otel-collector.yaml alone. */
  configs?: readonly string[];
  /** Further variables of otel-collector.yaml, such as OTELCOL_QUEUE_BYTES. */
  env?: Record<string, string>;
}

export interface Collector extends Service {
  /** What goes into OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** host:port of its own metrics, for Prometheus to scrape. */
  readonly metricsTarget: string;
  /** The sum over all series of one of its own metrics, such as otelcol_exporter_sent_log_records_total; 0 if none. */
  metric(name: string): Promise<number>;
}

/** A Collector with ports and a folder of its own that does not run yet. */
export async function createCollector(options: CollectorOptions): Promise<Collector> {
  const [http, grpc, metrics] = await freePorts(3);
  const folder = await makeFolder('collector');
  const endpoint = `http://127.0.0.1:${http}`;
  const metricsTarget = `127.0.0.1:${metrics}`;
  const service = defineService({
    name: 'The OpenTelemetry Collector',
    program: locateBackends().otelcol,
    args: (options.configs ?? ['otel-collector.yaml']).flatMap((file) => ['--config', join(ROOT, file)]),
    folder,
    env: {
      OTELCOL_OTLP_HTTP: `127.0.0.1:${http}`,
      OTELCOL_OTLP_GRPC: `127.0.0.1:${grpc}`,
      OTELCOL_METRICS_PORT: String(metrics),
      OTELCOL_STORAGE_DIR: `${folder}/storage`,
      LOKI_OTLP_ENDPOINT: options.lokiEndpoint,
      TEMPO_OTLP_ENDPOINT: options.tempoEndpoint,
      // The trace sink reads JSON, so that it needs no protobuf library. What is in a span is the same in both.
      TEMPO_OTLP_ENCODING: 'json',
      ...options.env,
    },
    // An empty export is valid and stores nothing. The metrics server comes up on its own, so it is asked as well.
    isReady: async () =>
      (await postEmpty(`${endpoint}/v1/logs`)) && (await fetch(`http://${metricsTarget}/metrics`)).ok,
  });
  return {
    ...service,
    endpoint,
    metricsTarget,
    async metric(name) {
      const text = await (await fetch(`http://${metricsTarget}/metrics`)).text();
      return sumOf(name, text);
    },
  };
}

/** A Collector that answers. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const collector = await createCollector(options);
  await collector.start().catch(async (error: unknown) => {
    await collector.remove();
    throw error;
  });
  return collector;
}

/** Log records that the Collector threw away because Loki refused them for good. Its versions name the counter in two ways. */
export async function droppedBy({ metric }: Collector): Promise<number> {
  const name = 'otelcol_exporter_send_failed_log_records';
  return (await metric(name)) + (await metric(`${name}_total`));
}

async function postEmpty(url: string): Promise<boolean> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: '{}' })).ok;
}

// A line of the exposition format: name, optional labels in braces, value.
function sumOf(name: string, exposition: string): number {
  let sum = 0;
  for (const line of exposition.split('\n')) {
    const [, series, value] = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/.exec(line) ?? [];
    if (series === name) sum += Number(value);
  }
  return sum;
}
