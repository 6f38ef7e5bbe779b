// Links to the dashboard, trace and logs of a run, if a Grafana or a link is set. Called for summaries, the page and alerts.
import { runDashboardLink } from '../readers/notify/index.ts';
import { type RunReference, timeOfRun } from '../runs/index.ts';
import type { Settings } from './settings.ts';

export type Link = { readonly label: string; readonly url: string };

/**
 * The uids of Grafana's data sources, as grafana/provisioning sets them. If yours are others, set `traceLink` and `logsLink`.
 */
export const grafanaSources = {
  prometheus: 'stepspan-prometheus',
  loki: 'stepspan-loki',
  tempo: 'stepspan-tempo',
  alertmanager: 'stepspan-alertmanager',
} as const;

export function linksOf(
  settings: Pick<Settings, 'grafanaUrl' | 'traceLink' | 'logsLink'>,
  run: RunReference,
): readonly Link[] {
  const links: Link[] = [];
  const add = (label: string, template: string | undefined): void => {
    if (template !== undefined) links.push({ label, url: fill(template, run) });
  };
  const dashboard = runDashboardLink(settings.grafanaUrl, run);
  if (dashboard !== undefined) links.push({ label: 'dashboard', url: dashboard });
  // Explore looks at the last hour by default, and a link in a mail may be followed days later.
  const range = timeOfRun(run) ?? { from: 'now-24h', to: 'now' };
  add('trace', settings.traceLink ?? exploreLink(settings.grafanaUrl, grafanaSources.tempo, '{traceId}', range));
  add(
    'logs',
    settings.logsLink ??
      exploreLink(
        settings.grafanaUrl,
        grafanaSources.loki,
        '{service_name="stepspan"} | cicd_pipeline_run_id="{runId}"',
        range,
      ),
  );
  return links;
}

function fill(template: string, run: RunReference): string {
  const values: Readonly<Record<string, string>> = {
    runId: run.runId,
    traceId: run.traceId,
    workflow: run.workflow,
  };
  // In the address of Grafana the braces stand percent-encoded, as part of a JSON value.
  return template.replaceAll(/(?:\{|%7B)(runId|traceId|workflow)(?:\}|%7D)/g, (_whole, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}

/** Grafana's address of a query in Explore; `panes` is its format since version 10. The data source is named by uid. */
function exploreLink(
  grafanaUrl: string | undefined,
  uid: string,
  query: string,
  range: { readonly from: string; readonly to: string },
): string | undefined {
  if (grafanaUrl === undefined) return undefined;
  const target =
    uid === grafanaSources.tempo
      ? { refId: 'A', queryType: 'traceql', query, datasource: { uid } }
      : { refId: 'A', expr: query, datasource: { uid } };
  const panes = { a: { datasource: uid, queries: [target], range } };
  return `${grafanaUrl.replace(/\/$/, '')}/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify(panes))}`;
}
