// Runs the real Loki and reads back everything a test needs to know of the lines in it: their ns time, text, stream
// labels and structured metadata, without loss however many there are.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { externalProgram } from './external-programs.ts';
import { defineService, freePorts, makeFolder, type Service } from './service.ts';

const CONFIG = fileURLToPath(new URL('../../../stack/loki.yaml', import.meta.url));
// The limit of one query in stack/loki.yaml (max_entries_limit_per_query).
const PAGE_SIZE = 5_000;
// A page takes less than a second here. Loki does not answer at all when its answer outgrows a gRPC message of its own.
const QUERY_TIMEOUT_MS = 20_000;
const HOUR_NS = 3_600_000_000_000n;

export interface LokiEntry {
  /** Unix time in ns, exact: a number would lose the last digits. */
  timeNs: bigint;
  line: string;
  /** What identifies the stream: service_name, cicd_pipeline_name and such. */
  labels: Record<string, string>;
  /** Structured metadata: trace_id, span_id, severity_text, attributes with dots turned into underscores; and what the query made. */
  metadata: Record<string, string>;
}

export interface LokiRange {
  /** Inclusive. Default: an hour ago. */
  startNs?: bigint;
  /** Exclusive. Default: an hour ahead. */
  endNs?: bigint;
}

export interface Loki extends Service {
  readonly url: string;
  /** For LOKI_OTLP_ENDPOINT: OTLP logs go to /v1/logs below it. */
  readonly otlpEndpoint: string;
  /** Every entry of the answer to a LogQL log query, oldest first. */
  entries(logql: string, range?: LokiRange): Promise<LokiEntry[]>;
  /** How many entries a LogQL log query finds, counted by Loki and not by paging. */
  count(logql: string, range?: LokiRange): Promise<number>;
  /** The answer of any metric query at one time. */
  metricQuery(logql: string, timeNs?: bigint): Promise<{ labels: Record<string, string>; value: number }[]>;
}

export interface LokiOptions {
  /** Further variables of stack/loki.yaml, such as LOKI_RULES_FOLDER and LOKI_ALERTMANAGER_URL. */
  env?: Record<string, string>;
}

/** A Loki with ports and a folder of its own that does not run yet. */
export async function createLoki(options: LokiOptions = {}): Promise<Loki> {
  const [http, grpc] = await freePorts(2);
  const folder = await makeFolder('loki');
  const url = `http://127.0.0.1:${http}`;
  const service = defineService({
    name: 'Loki',
    program: externalProgram('loki'),
    args: [`-config.file=${CONFIG}`, '-config.expand-env=true'],
    folder,
    env: {
      LOKI_ADDRESS: '127.0.0.1',
      LOKI_HTTP_PORT: String(http),
      LOKI_GRPC_PORT: String(grpc),
      LOKI_FOLDER: folder,
      // By default no rules, and an address where nobody takes alerts.
      LOKI_RULES_FOLDER: join(folder, 'no-rules'),
      LOKI_RULES_EVERY: '1s',
      LOKI_ALERTMANAGER_URL: 'http://127.0.0.1:9',
      ...options.env,
    },
    isReady: async () => (await fetch(`${url}/ready`)).ok,
  });

  async function metricQuery(logql: string, timeNs = nowNs()) {
    const data = await ask<{ result: VectorSample[] }>(`${url}/loki/api/v1/query`, { query: logql, time: `${timeNs}` });
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  return {
    ...service,
    url,
    otlpEndpoint: `${url}/otlp`,
    entries: (logql, range = {}) => readAllPages(url, logql, bounds(range)),
    async count(logql, range = {}) {
      const { startNs, endNs } = bounds(range);
      // A LogQL range excludes its start and includes its end, the other way round than a log query, so the end is moved
      // back by one ns. Its length is in whole ms, so the start is up to one ms earlier than asked for.
      const lengthMs = (endNs - startNs + 999_999n) / 1_000_000n;
      const [sample] = await metricQuery(`sum(count_over_time(${logql} [${lengthMs}ms]))`, endNs - 1n);
      return sample?.value ?? 0;
    },
    metricQuery,
  };
}

/** A Loki that answers. */
export async function startLoki(options: LokiOptions = {}): Promise<Loki> {
  const loki = await createLoki(options);
  await loki.start().catch(async (error: unknown) => {
    await loki.remove();
    throw error;
  });
  return loki;
}

interface VectorSample {
  metric: Record<string, string>;
  value: [number, string];
}

interface StreamResult {
  stream: Record<string, string>;
  values: [
    time: string,
    line: string,
    categorised?: Partial<Record<'structuredMetadata' | 'parsed', Record<string, string>>>,
  ][];
}

// Loki has no cursor: a page starts at the time of the last entry of the page before. Entries with that same time come
// again and are skipped by their identity, which is the one that Loki itself uses.
async function readAllPages(url: string, logql: string, range: Required<LokiRange>): Promise<LokiEntry[]> {
  const all: LokiEntry[] = [];
  let { startNs } = range;
  for (;;) {
    const page = await readPage(url, logql, startNs, range.endNs);
    const seen = new Set(trailingWithTime(all, startNs).map(identity));
    const fresh = page.filter((entry) => entry.timeNs > startNs || !seen.has(identity(entry)));
    for (const entry of fresh) all.push(entry);
    if (page.length < PAGE_SIZE) return all;
    const last = page.at(-1)!.timeNs;
    if (last === startNs && fresh.length === 0) {
      throw new Error(
        `More than ${PAGE_SIZE} entries of ${logql} share the time ${last}; they cannot be paged through.`,
      );
    }
    startNs = last;
  }
}

async function readPage(url: string, logql: string, startNs: bigint, endNs: bigint): Promise<LokiEntry[]> {
  const data = await ask<{ result: StreamResult[] }>(`${url}/loki/api/v1/query_range`, {
    query: logql,
    start: `${startNs}`,
    end: `${endNs}`,
    limit: `${PAGE_SIZE}`,
    direction: 'forward',
  });
  const entries = data.result.flatMap(({ stream, values }) =>
    values.map(([time, line, categorised]) => ({
      timeNs: BigInt(time),
      line,
      labels: stream,
      metadata: { ...categorised?.structuredMetadata, ...categorised?.parsed },
    })),
  );
  return entries.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
}

function trailingWithTime(entries: LokiEntry[], timeNs: bigint): LokiEntry[] {
  let first = entries.length;
  while (first > 0 && entries[first - 1]!.timeNs === timeNs) first -= 1;
  return entries.slice(first);
}

function identity(entry: LokiEntry): string {
  const sorted = (record: Record<string, string>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(entry.labels), sorted(entry.metadata), entry.line]);
}

async function ask<T>(url: string, parameters: Record<string, string>): Promise<T> {
  const response = await fetch(`${url}?${new URLSearchParams(parameters)}`, {
    // Without this flag Loki mixes structured metadata into the stream's labels.
    headers: { 'x-loki-response-encoding-flags': 'categorize-labels' },
    signal: AbortSignal.timeout(QUERY_TIMEOUT_MS),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`Loki answered ${response.status} to ${parameters.query}: ${body}`);
  return JSON.parse(body).data;
}

function bounds(range: LokiRange): Required<LokiRange> {
  return { startNs: range.startNs ?? nowNs() - HOUR_NS, endNs: range.endNs ?? nowNs() + HOUR_NS };
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
