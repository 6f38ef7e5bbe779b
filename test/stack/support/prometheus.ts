// Runs the real Prometheus, scraping the given targets every second, and asks it what it knows. It scrapes OpenMetrics
// where a target offers it, and keeps exemplars.
import { writeFile } from 'node:fs/promises';
import { locateBackends } from './backends.ts';
import { defineService, eventually, freePorts, makeFolder, type Service } from './service.ts';

export type Labels = Record<string, string>;

export interface Sample {
  labels: Labels;
  value: number;
  /** Unix time in seconds. */
  time: number;
}

export interface Series {
  labels: Labels;
  points: { time: number; value: number }[];
}

export interface Exemplar {
  /** The labels of the series that it belongs to. */
  series: Labels;
  /** Its own labels, such as trace_id. */
  labels: Labels;
  value: number;
  time: number;
}

export interface PrometheusOptions {
  /** host:port of what to scrape, by job name. */
  targets: Record<string, string>;
  /** Further parts of the configuration, such as `rule_files` and `alerting`. */
  config?: Record<string, unknown>;
  /** Takes OTLP metrics at /api/v1/otlp/v1/metrics. */
  takesOtlp?: boolean;
  /** How often, and within what time a target has to answer. Default: 1. */
  scrapeSeconds?: number;
}

export interface Prometheus extends Service {
  readonly url: string;
  /** An instant query; now unless a Unix time in seconds is given. */
  query(promql: string, time?: number): Promise<Sample[]>;
  /** A range query; times are Unix seconds, and the step is in seconds. */
  queryRange(promql: string, range: { start: number; end: number; step?: number }): Promise<Series[]>;
  /** The exemplars of the series that the query names. Default: of the last hour. */
  exemplars(promql: string, range?: { start: number; end: number }): Promise<Exemplar[]>;
  /** Resolves when every target has been scraped again, so that what it serves now can be asked. */
  scraped(): Promise<void>;
}

/** A Prometheus with a port and a folder of its own that does not run yet. */
export async function createPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const [port] = await freePorts(1);
  const folder = await makeFolder('prometheus');
  const url = `http://127.0.0.1:${port}`;
  await writeFile(`${folder}/prometheus.yml`, JSON.stringify(configuration(options), null, 2));
  const service = defineService({
    name: 'Prometheus',
    program: locateBackends().prometheus,
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      ...(options.takesOtlp ? ['--web.enable-otlp-receiver'] : []),
      '--log.level=warn',
    ],
    folder,
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  const ask = <T>(path: string, parameters: Record<string, string>) => askApi<T>(`${url}/api/v1/${path}`, parameters);

  const client: Omit<Prometheus, keyof Service> = {
    url,
    async query(promql, time) {
      const at = time === undefined ? {} : { time: `${time}` };
      const { result } = await ask<{ result: { metric: Labels; value: RawPoint }[] }>('query', {
        query: promql,
        ...at,
      });
      return result.map(({ metric, value }) => ({ labels: metric, ...point(value) }));
    },
    async queryRange(promql, { start, end, step = 1 }) {
      const parameters = { query: promql, start: `${start}`, end: `${end}`, step: `${step}` };
      const { result } = await ask<{ result: { metric: Labels; values: RawPoint[] }[] }>('query_range', parameters);
      return result.map(({ metric, values }) => ({ labels: metric, points: values.map(point) }));
    },
    async exemplars(promql, range) {
      const now = Date.now() / 1000;
      const { start, end } = range ?? { start: now - 3600, end: now + 60 };
      const found = await ask<RawExemplars[]>('query_exemplars', { query: promql, start: `${start}`, end: `${end}` });
      return found.flatMap(({ seriesLabels, exemplars }) =>
        exemplars.map(({ labels, value, timestamp }) => ({
          series: seriesLabels,
          labels,
          value: Number(value),
          time: timestamp,
        })),
      );
    },
    async scraped() {
      const since = Date.now();
      const count = Object.keys(options.targets).length;
      await eventually('Prometheus has scraped every target', async () => {
        // `up` is stored together with what was scraped, and its time is when the scrape began. Of anything but a plain
        // series, such as `up == 1`, `timestamp` is the time of the question.
        const begun = await client.query('timestamp(up) and (up == 1)');
        return (begun.length === count && begun.every(({ value }) => value * 1000 >= since)) || undefined;
      });
    },
  };
  return { ...service, ...client };
}

/** A Prometheus that answers. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const prometheus = await createPrometheus(options);
  await prometheus.start().catch(async (error: unknown) => {
    await prometheus.remove();
    throw error;
  });
  return prometheus;
}

type RawPoint = [time: number, value: string];

interface RawExemplars {
  seriesLabels: Labels;
  exemplars: { labels: Labels; value: string; timestamp: number }[];
}

// JSON is YAML, and needs no library to be written.
function configuration({ targets, config = {}, scrapeSeconds = 1 }: PrometheusOptions): object {
  const every = `${scrapeSeconds}s`;
  return {
    ...config,
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: '1s' },
    scrape_configs: Object.entries(targets).map(([job, target]) => ({
      job_name: job,
      static_configs: [{ targets: [target] }],
    })),
    // The room for exemplars is a ring over all series; the default of 0 in the file would keep none.
    storage: { exemplars: { max_exemplars: 100_000 } },
  };
}

function point([time, value]: RawPoint): { time: number; value: number } {
  // Number reads NaN as such, but Prometheus writes infinity as +Inf and -Inf.
  return { time, value: Number(value.replace('Inf', 'Infinity')) };
}

async function askApi<T>(url: string, parameters: Record<string, string>): Promise<T> {
  const response = await fetch(`${url}?${new URLSearchParams(parameters)}`);
  const body = await response.text();
  if (!response.ok) throw new Error(`Prometheus answered ${response.status} to ${JSON.stringify(parameters)}: ${body}`);
  return JSON.parse(body).data;
}
