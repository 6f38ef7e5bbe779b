// An alert as a receiver gets it: labels, which are its identity, and annotations, which are what people read. Pure.

import { type Alert, runbookLink } from '../../../runs/alerts/index.ts';
import { pageOfRun, type RunReference } from '../../../runs/index.ts';
import { runDashboardLink } from '../dashboard-link.ts';
import type { NotifySettings } from '../settings.ts';

export type Rendered = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Where it comes from: the live page of the run, or '' if no address is known. */
  readonly generatorURL: string;
};

/** Annotations are for messages; what is longer is cut, and the journal has all of it. In UTF-16 units. */
const maxAnnotation = 4000;

export function render(alert: Alert, run: RunReference, settings: Omit<NotifySettings, 'receiver'>): Rendered {
  const { alerts } = settings;
  const links = settings.linksOf(run);
  const linkTo = (label: string): string | undefined => links.find((link) => link.label === label)?.url;
  const hub = alerts.links.hub ?? settings.hubUrl;
  const live = hub === undefined ? undefined : pageOfRun(hub, run.runId, { seq: alert.seq, step: alert.step });
  const { runbook } = alerts.links;
  return {
    labels: nonEmpty({
      ...labelsOfRun(run),
      ...alerts.labels,
      alertname: alert.rule,
      severity: alert.severity,
      source: 'run',
      workflow: run.workflow,
      run: run.runId,
      step: alert.step,
    }),
    annotations: nonEmpty({
      summary: cut(alert.summary),
      description: cut(alert.description),
      runbook_url: runbook === undefined ? undefined : runbookLink(runbook, alert.rule),
      dashboard_url: runDashboardLink(alerts.links.grafana ?? settings.grafanaUrl, run),
      live_url: live,
      trace_url: linkTo('trace'),
      logs_url: linkTo('logs'),
    }),
    generatorURL: live ?? '',
  };
}

/** With a prefix, so that none takes the place of a label of the alert itself. An Alertmanager can route by them. */
function labelsOfRun({ labels = {} }: RunReference): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`label_${key}`, value]));
}

function cut(text: string): string {
  return text.length > maxAnnotation ? `${text.slice(0, maxAnnotation - 1)}…` : text;
}

/** Alertmanager leaves out labels with an empty value, and an annotation without one says nothing. */
function nonEmpty(pairs: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== ''),
  );
}
