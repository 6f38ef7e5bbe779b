// Addresses that panels lead to: the Run dashboard, a trace in Tempo, the live page of the hub. Paths begin with a slash, so
// that Grafana puts its own root before them. Values are percent-encoded: a name may hold &, +, #, % and quotes.
import { sources, uids } from './names.ts';
import type { DataLink } from './panels.ts';

/** In a table with the columns Run, Trace, From and To. The time is that of the run, which else is a thin strip of the day. */
export const toRun: DataLink = {
  title: 'Show this run',
  url: `/d/${uids.run}?var-run=\${__value.raw:percentencode}&var-trace=\${__data.fields.Trace}&from=\${__data.fields.From}&to=\${__data.fields.To}`,
};

/** The same of a run that is active. */
export const toActiveRun: DataLink = {
  title: 'Show this run',
  url: `/d/${uids.run}?var-run=\${__value.raw:percentencode}&var-trace=\${__data.fields.Trace}&from=\${__data.fields.From}&to=now&refresh=10s`,
};

export const toLivePage: DataLink = {
  title: 'Open its live page',
  url: '${hub}/#/runs/${__value.raw:percentencode}/output',
};

/** Grafana's address of a query in Explore; the variable stays as it is, what is around it is encoded. */
export const toTrace: DataLink = {
  title: 'Open the trace',
  url: exploreLink(sources.tempo, { queryType: 'traceql', query: '${__value.raw}' }),
};

/** Of a table of events: the lines that the step printed. */
export const toStepLines: DataLink = {
  title: 'Show its lines',
  url: `/d/${uids.logs}?var-run=\${__data.fields.Run:percentencode}&var-step=\${__data.fields.Step:percentencode}&\${__url_time_range}`,
};

/** @param field the column with the name of a workflow */
export function toWorkflowLogs(field: string): DataLink {
  return {
    title: 'Search its logs',
    url: `/d/${uids.logs}?var-workflow=\${__data.fields.${field}:percentencode}&\${__url_time_range}`,
  };
}

export const toHealth: DataLink = { title: 'Telemetry health', url: `/d/${uids.health}?\${__url_time_range}` };

function exploreLink(source: { readonly type: string; readonly uid: string }, query: object): string {
  const range = { from: '${__from}', to: '${__to}' };
  const panes = { a: { datasource: source.uid, queries: [{ refId: 'A', datasource: source, ...query }], range } };
  const encoded = encodeURIComponent(JSON.stringify(panes));
  return `/explore?schemaVersion=1&panes=${encoded.replaceAll(/%24%7B(.*?)%7D/g, '$${$1}')}`;
}
