// What Grafana is provisioned with: the data sources that the dashboards name, wired to each other, and the folder that
// holds the dashboards. No Grafana runs here, so the files are held to what its documentation says.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { sources } from '../../grafana/names.ts';

const read = (name: string): string =>
  readFileSync(path.resolve(import.meta.dirname, '../../grafana/provisioning', name), 'utf8');

type Source = { uid: string; type: string; url: string; jsonData: Record<string, never> };
const { apiVersion, datasources } = parse(read('datasources/stepspan.yaml')) as {
  apiVersion: number;
  datasources: Source[];
};
const dataOf = (uid: string): Record<string, never> => datasources.find((source) => source.uid === uid)?.jsonData ?? {};

test('every data source that a dashboard names is there, with an address', () => {
  expect(apiVersion).toBe(1);
  expect(datasources.map(({ uid, type }) => ({ uid, type }))).toEqual(
    Object.values(sources).map(({ uid, type }) => ({ uid, type })),
  );
  for (const { url } of datasources) expect(() => new URL(url)).not.toThrow();
});

test('they lead to each other: exemplars and lines to traces, spans to lines and metrics', () => {
  expect(dataOf(sources.prometheus.uid)).toMatchObject({
    exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: sources.tempo.uid }],
  });
  expect(dataOf(sources.loki.uid)).toMatchObject({
    derivedFields: [
      { name: 'Trace', matcherType: 'label', matcherRegex: '^trace_id$$', datasourceUid: sources.tempo.uid },
      { name: 'Span', matcherType: 'label', matcherRegex: '^span_id$$' },
    ],
  });
  expect(dataOf(sources.tempo.uid)).toMatchObject({
    tracesToLogsV2: { datasourceUid: sources.loki.uid, customQuery: true },
    tracesToMetrics: { datasourceUid: sources.prometheus.uid },
  });
  // By the trace and the time of the span: only steps have lines of their own, and Claude Code's spans have logs of its own.
  const { query, spanStartTimeShift, spanEndTimeShift } = dataOf(sources.tempo.uid).tracesToLogsV2 as unknown as Record<
    string,
    string
  >;
  expect(query).toContain('trace_id="$${__trace.traceId}"');
  expect(query).not.toContain('span_id');
  expect(query).toContain('{service_name=~"stepspan|stepspan-events|claude-code"}');
  expect([spanStartTimeShift, spanEndTimeShift]).toEqual(['-1s', '1s']);
  // A service map would be empty: a run makes no calls between services.
  expect(dataOf(sources.tempo.uid)).not.toHaveProperty('serviceMap');
});

test('a line leads to its own span: Explore opens its trace at that span', () => {
  const fields = dataOf(sources.loki.uid).derivedFields as unknown as { name: string; url: string }[];
  const address = fields.find(({ name }) => name === 'Span')?.url.replaceAll('$$', '$') ?? '';
  const filled = address.replace('${__data.fields.Trace}', 'the-trace').replace('${__value.raw}', 'the-span');
  const { a } = JSON.parse(new URL(`http://grafana${filled}`).searchParams.get('panes') ?? '');
  expect(a).toMatchObject({
    datasource: sources.tempo.uid,
    queries: [{ datasource: sources.tempo, queryType: 'traceql', query: 'the-trace' }],
    panelsState: { trace: { spanId: 'the-span' } },
  });
});

test("what Grafana puts in itself is kept from its environment's variables by a second $", () => {
  const text = read('datasources/stepspan.yaml').replaceAll(/^\s*#.*$/gm, '');
  expect(text.match(/\$/g)?.length).toBeGreaterThan(0);
  expect(text.replaceAll('$$', '')).not.toContain('$');
});

test('the dashboards are found where compose has them, in a folder of their own', () => {
  const { providers } = parse(read('dashboards/stepspan.yaml')) as {
    providers: { folder: string; options: { path: string } }[];
  };
  expect(providers).toHaveLength(1);
  expect(providers[0]).toMatchObject({ folder: 'stepspan', type: 'file', allowUiUpdates: false });
  const inContainer = providers[0]?.options.path ?? '';
  expect(inContainer).toBe('/etc/stepspan/grafana/dashboards');
});

test('every folder that Grafana looks into at its start is there', () => {
  for (const folder of ['dashboards', 'datasources', 'alerting', 'plugins']) {
    expect(existsSync(path.resolve(import.meta.dirname, '../../grafana/provisioning', folder)), folder).toBe(true);
  }
});
