// Pieces of PromQL that several dashboards are written with. Pure.
import { metrics } from '../src/readers/measure/catalogue.ts';
import type { Metric } from '../src/readers/measure/metric.ts';

/** The chosen workflows, as Grafana has escaped them: names may hold quotes and signs of regular expressions. */
const ofWorkflow = 'workflow=~`${workflow:regex}`';

/** A series by its metric, of the chosen workflows where it has them. */
export function series(metric: Metric, matchers = ''): string {
  const all = ['workflow' in metric.labels ? ofWorkflow : '', matchers].filter((text) => text !== '');
  return `${metric.name}${all.length === 0 ? '' : `{${all.join(', ')}}`}`;
}

/**
 * How much a counter of whole numbers grew in the time range. Prometheus extrapolates to the edges of the range, so each
 * series is rounded before the errors of many add up.
 */
export function counted(metric: Metric, by: string, matchers = ''): string {
  return `sum${grouped(by)} (round(increase(${series(metric, matchers)}[$__range])))`;
}

/** The same as it is, for money and shares. */
export function grown(metric: Metric, by: string, matchers = '', range = '$__range'): string {
  return `sum${grouped(by)} (increase(${series(metric, matchers)}[${range}]))`;
}

function grouped(by: string): string {
  return by === '' ? '' : ` by (${by})`;
}

/**
 * Growth from point to point of a graph. The window is a little wider than the distance of the points, as `increase` of one
 * no wider than that would miss what happens between two windows.
 */
export function growing(metric: Metric, by: string, matchers = ''): string {
  return grown(metric, by, matchers, '$__rate_interval');
}

/** A share; no value, and not NaN, if the whole is 0. */
export function share(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`;
}

export { metrics };
