// Writes docs/metrics.md from the catalogue of metrics. `node scripts/generate-metrics-doc.ts`; a test holds the two together.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { maxMetricLabels } from '../src/core/labels.ts';
import {
  catalogue,
  type LabelValues,
  labelBounds,
  labelledMetrics,
  type Metric,
} from '../src/readers/measure/index.ts';

export const metricsDocPath = path.resolve(import.meta.dirname, '../docs/metrics.md');

const groups: readonly { readonly title: string; readonly has: (metric: Metric) => boolean }[] = [
  { title: "Claude Code's own metrics", has: ({ name }) => name.startsWith('claude_code_') },
  { title: 'By the conventions', has: ({ convention }) => convention !== undefined },
  { title: 'Hub', has: ({ scope }) => scope === 'hub' },
  {
    title: 'Journals, readers and shipping',
    has: ({ name }) => /^stepspan_(lost|journal|label|shipper|cursor|build)_/.test(name),
  },
  { title: 'Watchers', has: ({ name }) => name.startsWith('stepspan_tail_') },
  { title: 'Claude Code in steps', has: ({ name }) => /^stepspan_(claude|cost|tokens)_/.test(name) },
  { title: 'Runs and steps', has: () => true },
];

const runsThatNobodyScrapes = `## Runs that nobody can scrape

In CI a run has no hub and is gone before a scrape. With \`OTEL_METRICS_EXPORTER=otlp\` and an OTLP endpoint it sends its metrics by the
official OTLP exporter: at its start, every minute (\`OTEL_METRIC_EXPORT_INTERVAL\`, in milliseconds), and at its end.

\`\`\`sh
export OTEL_METRICS_EXPORTER=otlp
# Prometheus 3, started with --web.enable-otlp-receiver
export OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://prometheus:9090/api/v1/otlp/v1/metrics
stepspan run nightly.yaml
\`\`\`

\`OTEL_EXPORTER_OTLP_ENDPOINT\` does as well, and all variables are those of logs and traces with METRICS in their names
([telemetry.md](telemetry.md#settings)). The Collector takes them with \`otel-collector-metrics.yaml\` over \`otel-collector.yaml\`.

- **The same metrics**: those under *Runs and steps*, *Claude Code in steps*, *By the conventions* and *Claude Code's own metrics*, lost lines and events
  and the version, with the names, labels and buckets of a scrape. What shippers and watchers do is a hub's to count.
- **Each run is an instance** (\`service.instance.id\` is the run id, \`instance\` in Prometheus), whose sums begin at 0, as for every
  OTLP sender. So the sum over all runs of a week is exact: \`sum(last_over_time(stepspan_runs_total{outcome="success"}[7d]))\`. A value is
  sent as 0 before it counts, as with a scrape. If you run thousands of them, drop \`instance\` in a recording rule.
- **Delivered as logs and traces are**: sent again until it is acknowledged, with Retry-After. The end of the run waits for it as
  for them (\`shipWait\`), says what was not taken, and \`stepspan ship RUN\` sends it; a value that comes twice is the same value.
- **The end of a run that was killed** is sent by the run that resumes it, by \`stepspan ship RUN\`, or by a hub that is started on the data
  folder with the same variables: each closes the run first. Until then the run counts as started and not as ended.
- **Never counted twice**: while a hub looks after the data folder the run sends nothing, since the hub counts it. What a run
  has sent itself (it has a cursor \`push-metrics\`) no hub counts, however it is started later.
`;

export function metricsDoc(): string {
  const sections = groups.map(({ title, has }, index) => {
    const rows = catalogue
      .filter((metric) => groups.findIndex((group) => group.has(metric)) === index && has(metric))
      .map(rowOf);
    return `## ${title}\n\n| name | type | labels | what it says |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const histograms = catalogue.filter((metric) => metric.type === 'histogram');
  const buckets = histograms
    .map((metric) => `- \`${metric.name}\`: ${metric.buckets.join(', ')} seconds. ${metric.bucketsReason}`)
    .join('\n');
  const bounds = Object.entries(labelBounds)
    .map(([name, max]) => `${name} ${max}`)
    .join(', ');
  return `# Metrics

\`stepspan serve\` serves them at \`/metrics\` for every run of its data folder, \`stepspan run --metrics-port PORT\` for its
one run (without those under *Hub*). A scraper that asks for OpenMetrics, as Prometheus does, gets exemplars with
\`trace_id\` and \`span_id\` on the histograms (Prometheus keeps them with \`--enable-feature=exemplar-storage\`); others get
the text format without.

\`\`\`yaml
scrape_configs:
  - job_name: stepspan
    static_configs: [{ targets: ['localhost:9464'] }]
\`\`\`

## What they promise

- **No run id is a label**, nor a session or an account. What leads from a metric to a run is its exemplar.
- **A series is there at 0 before it counts.** All outcomes, reasons, streams and causes of a workflow are there as soon as
  its first run is seen. A new series stays at 0 until one scrape has seen it there, and shows its value from the next
  scrape on, so that \`increase()\` is right also for a run that is shorter than the scrape interval. It follows that a run
  shows one scrape late where its workflow is new. While a Prometheus scrapes, a person's \`curl\` does not count as a scrape.
- **Every record is counted once**, over restarts and crashes of the hub: counters and positions in the journals are saved
  together (\`hub/metrics.json\` in the data folder), before each answer to a scrape. What no journal says (archives,
  removals) is counted since the last save.
- **What is shipped counts, no matter which process ships it**: the run itself, as in most cases, the hub or \`stepspan ship\`. Each keeps what it has
  sent, and what was refused, in the file of its cursor (\`runs/<run>/cursors/ship-logs.json\`), together with the position, and
  the hub counts what has come since it last looked. So each record counts once, also when run and hub are killed: one whose
  position was not kept was not counted, and counts when it is sent again. Bytes and retries count each request, and those of
  the last 200 ms before a kill do not.
- **A new hub** counts active runs and those that started within the last 24 hours; of older ones it takes only when
  their workflow last succeeded. A hub that comes back counts whatever it has not.
- **Names from outside are bounded**; beyond the bound a value is shown as \`other\`, and \`stepspan_label_overflow_total\`
  counts how often: ${bounds} (a step counts once for each workflow, and a label of a run for each value). A missing value is shown as \`unknown\`.
- Cost and tokens are counted when an attempt ends, from its final sum; \`stepspan_active_cost_usd\` is what active runs have
  cost so far. Gauges about active runs and steps are gone when these have ended. Where several active runs share labels,
  a gauge shows their sum, but progress the smallest, and ratios, ages and largest memory the largest.

${runsThatNobodyScrapes}
## Labels of runs

[Labels of runs](workflow.md#labels) are on spans and logs. On metrics there are those that the setting
[\`metricLabels\`](settings.md) names, at most ${maxMetricLabels}, as each multiplies the number of series: with \`metricLabels: [team]\`, these have
\`label_team\`, and a series of runs without that label lacks it.

${[...labelledMetrics].map(({ name }) => `- \`${name}\``).join('\n')}

Change the setting and restart the hub: these metrics then start at 0 again. A value is a label of Prometheus for as long as it keeps
its data, so choose labels that have few of them, such as a team, and not the number of a pull request.

${sections.reverse().join('\n')}
## Buckets

${buckets}

This page is generated from \`src/readers/measure/catalogue.ts\` by \`scripts/generate-metrics-doc.ts\`.
`;
}

function rowOf(metric: Metric): string {
  const labels = Object.entries<LabelValues>(metric.labels).map(
    ([label, values]) => `\`${label}\`${valuesText(values)}`,
  );
  const named = metric.convention === undefined ? '' : ` The convention: \`${metric.convention.name}\`.`;
  const from =
    metric.type === 'counter' && metric.otel !== undefined ? ` Claude Code calls it \`${metric.otel}\`.` : '';
  return `| \`${metric.name}\` | ${metric.type} | ${labels.join('; ')} | ${metric.help}${named}${from} |`;
}

function valuesText(values: LabelValues): string {
  return values.kind === 'fixed' ? `: ${values.values.join(', ')}` : '';
}

if (process.argv[1] === import.meta.filename) writeFileSync(metricsDocPath, metricsDoc());
