// Asks the real Prometheus and Loki what Grafana would ask for a panel: the same query, as an instant or a range query or for
// lines, with its variables filled in.
import { type Asked, filled, type Values } from '../../grafana/support/dashboards.ts';
import type { SampleStack } from './sample-runs.ts';

export type Labels = Readonly<Record<string, string>>;
export type Series = {
  readonly labels: Labels;
  readonly points: readonly { readonly time: number; readonly value: number }[];
};

export type Answer =
  | { readonly kind: 'instant'; readonly rows: readonly { readonly labels: Labels; readonly value: number }[] }
  | { readonly kind: 'range'; readonly series: readonly Series[] }
  | {
      readonly kind: 'lines';
      readonly entries: readonly { readonly timeNs: bigint; readonly line: string; readonly metadata: Labels }[];
    };

/** Everything that was done lies in it. */
const range = { text: '10m', seconds: 600 };
const scrapeSeconds = 2;
/** Grafana takes at least four scrapes for a rate. A busy machine misses some, and the growth of a counter must still be seen. */
const scrapesOfRate = 10;

/**
 * Macros as Grafana fills them in.
 * @param step the distance of the points of a graph, in seconds
 */
function macros(step: number): Values {
  return {
    __range: range.text,
    __rate_interval: `${Math.max(step + scrapeSeconds, scrapesOfRate * scrapeSeconds)}s`,
    __auto: `${step}s`,
    __interval: `${step}s`,
    window: range.text,
  };
}

export async function ask(sample: SampleStack, asked: Asked, values: Values, step = 1): Promise<Answer> {
  const { stack, prometheus } = sample;
  const expr = filled(asked.expr, { ...macros(step), ...values });
  const end = Math.floor(Date.now() / 1000 / step) * step;
  // Loki takes its look-back from the start as well, so the range is what was done and not all of ten minutes.
  const times = { start: Math.min(end - 120, startOf(sample) - 5), end, step };
  switch (asked.language) {
    case 'promql':
      return asked.target?.instant === true
        ? { kind: 'instant', rows: await prometheus.query(expr) }
        : { kind: 'range', series: await prometheus.queryRange(expr, times) };
    case 'logql':
      if (asked.target?.maxLines !== undefined || asked.panel === undefined) {
        return { kind: 'lines', entries: await stack.loki.entries(expr) };
      }
      if (asked.target?.queryType === 'instant') return { kind: 'instant', rows: await stack.loki.metricQuery(expr) };
      return { kind: 'range', series: await lokiRange(stack.loki.url, expr, times) };
    case 'traceql':
      throw new Error('no Tempo runs here; its queries are parsed by test/grafana');
  }
}

/** In Unix seconds: on a busy machine the first run may have ended minutes ago. */
function startOf({ all }: SampleStack): number {
  return Math.min(
    ...all.flatMap(({ records }) => records.slice(0, 1)).map(({ timeNs }) => Number(timeNs / 1_000_000_000n)),
  );
}

async function lokiRange(
  url: string,
  query: string,
  { start, end, step: every }: { readonly start: number; readonly end: number; readonly step: number },
): Promise<Series[]> {
  const parameters = new URLSearchParams({ query, start: `${start}`, end: `${end}`, step: `${every}s` });
  const response = await fetch(`${url}/loki/api/v1/query_range?${parameters}`);
  const body = await response.text();
  if (!response.ok) throw new Error(`Loki answered ${response.status} to ${query}: ${body}`);
  const { data } = JSON.parse(body) as {
    data: { resultType: string; result: { metric: Labels; values: [number, string][] }[] };
  };
  if (data.resultType !== 'matrix') throw new Error(`Loki gave a ${data.resultType} for ${query}`);
  return data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([time, value]) => ({ time, value: Number(value) })),
  }));
}
