// Addresses that panels lead to: the Run dashboard, a trace in Tempo, the live page of the hub. Paths begin with a slash, so
// that Grafana puts its own root before them.
import { sources, uids } from './names.ts';
import type { DataLink } from './panels.ts';

/** In a table with the columns Run, Trace, From and To. The time is that of the run, which else is a thin strip of the day. */
export const toRun: DataLink = {
  title: 'Show this run',
  url: `/d/${uids.run}?var-run=\${__value.raw}&var-trace=\${__data.fields.Trace}&from=\${__data.fields.From}&to=\${__data.fields.To}`,
};

export const toLivePage: DataLink = {
  title: 'Open its live page',
  url: '${hub}/#/runs/${__value.raw}/output',
};

/** Grafana's address of a query in Explore; the variable stays as it is, what is around it is encoded. */
export const toTrace: DataLink = {
  title: 'Open the trace',
  url: exploreLink(sources.tempo, { queryType: 'traceql', query: '${__value.raw}' }),
};

/** Of a series with a label `workflow`. */
export const toWorkflowLogs: DataLink = {
  title: 'Search its logs',
  url: `/d/${uids.logs}?var-workflow=\${__field.labels.workflow}&\${__url_time_range}`,
};

export const toHealth: DataLink = { title: 'Telemetry health', url: `/d/${uids.health}?\${__url_time_range}` };

function exploreLink(source: { readonly type: string; readonly uid: string }, query: object): string {
  const range = { from: '${__from}', to: '${__to}' };
  const panes = { a: { datasource: source.uid, queries: [{ refId: 'A', datasource: source, ...query }], range } };
  const encoded = encodeURIComponent(JSON.stringify(panes));
  return `/explore?schemaVersion=1&panes=${encoded.replaceAll(/%24%7B(.*?)%7D/g, '$${$1}')}`;
}
