// Marks on the time axis: rules of Prometheus that fire, and what happened in one run. stepspan sends the alerts of single runs to
// Alertmanager itself, so Prometheus does not have them; the events behind them are in Loki, and are marked from there.
import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard';
import { sources } from './names.ts';

/** @param matchers more of PromQL's, or '' */
export function rulesAsAnnotations(matchers: string): AnnotationQuery {
  const all = ['alertname=~"Stepspan.*"', 'alertstate="firing"', matchers].filter((text) => text !== '').join(', ');
  return {
    name: 'Alerts',
    datasource: sources.prometheus,
    enable: true,
    hide: false,
    iconColor: 'red',
    expr: `ALERTS{${all}}`,
    step: '60s',
    titleFormat: '{{alertname}}',
    textFormat: '{{severity}} {{workflow}}',
    tagKeys: 'severity,workflow',
  };
}

export function recordsAsAnnotations(name: string, expr: string, colour: string, title: string): AnnotationQuery {
  return {
    name,
    datasource: sources.loki,
    enable: true,
    hide: false,
    iconColor: colour,
    expr,
    titleFormat: title,
    textFormat: '',
    tagKeys: '',
  };
}
