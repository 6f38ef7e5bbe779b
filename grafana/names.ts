// What dashboards refer to by name: data sources, dashboards, labels as LogQL spells them, colours. Metric names are
// measure/catalogue.ts's and attribute names src/otlp/names.ts's, so that a renamed one breaks the type check.

import { attr } from '../src/otlp/names.ts';
import { eventServiceSuffix, sampleServiceSuffix, stepStates } from '../src/readers/ship/map/event-records.ts';

/** As provisioning/datasources/stepspan.yaml defines them. */
export const sources = {
  prometheus: { type: 'prometheus', uid: 'stepspan-prometheus' },
  loki: { type: 'loki', uid: 'stepspan-loki' },
  tempo: { type: 'tempo', uid: 'stepspan-tempo' },
  alertmanager: { type: 'alertmanager', uid: 'stepspan-alertmanager' },
} as const;

export const uids = {
  overview: 'stepspan-overview',
  run: 'stepspan-run',
  logs: 'stepspan-logs',
  health: 'stepspan-health',
} as const;

/** Where the hub of this machine has its live page; a variable of the dashboards, as Grafana may know it by another name. */
export const defaultHubUrl = 'http://127.0.0.1:9464';

const service = 'stepspan';

/** Streams of Loki: what runs print, what happened in them, and what their processes used. */
export const lines = `{service_name="${service}"}`;
export const events = `{service_name="${service}${eventServiceSuffix}"}`;
export const samples = `{service_name="${service}${sampleServiceSuffix}"}`;

/** Claude Code's own log records, under its own names: one for each request to the model, one for each result of a tool. */
export const claudeRecords = '{service_name="claude-code"}';

/** The label that Loki makes of an attribute: dots are underscores. */
export function labelOf(name: keyof typeof attr): string {
  return attr[name].replaceAll('.', '_');
}

/** Loki's own names for what OTLP has as fields of a log record. */
export const severityLabel = 'severity_text';
export const traceLabel = 'trace_id';

/** Labels that a query makes: the time range in which to look at a run, in Unix ms. */
export const runFrom = 'run_from';
export const runTo = 'run_to';

/** Words of the states of a step that has not ended. */
export const activeStateWords: Readonly<Record<number, { readonly text: string; readonly colour: string }>> = {
  [stepStates.running]: { text: 'running', colour: 'blue' },
  [stepStates.asking]: { text: 'waiting for you', colour: 'super-light-yellow' },
  [stepStates.retrying]: { text: 'waiting for a retry', colour: 'purple' },
  [stepStates.waiting]: { text: 'waiting for a limit', colour: 'yellow' },
  [stepStates.stalled]: { text: 'stalled', colour: 'orange' },
};

/** One colour for each way to end, the same wherever it is shown. */
export const outcomeColours = {
  success: 'green',
  failure: 'red',
  error: 'dark-red',
  timeout: 'orange',
  cancellation: 'purple',
  skip: 'text',
} as const;

/** Pale, for what is over: a state that lasts to the end of a timeline must not look like work. */
export const paleOutcomeColours: Readonly<Record<keyof typeof outcomeColours, string>> = {
  success: 'rgba(115, 191, 105, 0.25)',
  failure: 'rgba(242, 73, 92, 0.45)',
  error: 'rgba(196, 22, 42, 0.55)',
  timeout: 'rgba(255, 152, 48, 0.4)',
  cancellation: 'rgba(184, 119, 217, 0.4)',
  skip: 'rgba(204, 204, 220, 0.15)',
};

export const severityColours = {
  DEBUG: 'text',
  INFO: 'blue',
  WARN: 'orange',
  ERROR: 'red',
  FATAL: 'dark-red',
} as const;
