// A query as a target of a panel, in the form of its data source. Knows Grafana's wire format and no panel.
import * as loki from '@grafana/grafana-foundation-sdk/loki';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as tempo from '@grafana/grafana-foundation-sdk/tempo';
import { unreachable } from '../src/core/unreachable.ts';
import { sources } from './names.ts';
import type { Query } from './query.ts';

/**
 * How many spans of each trace a search returns. Grafana asks for 3 by default, and a run is one trace; Tempo refuses more than
 * this, unless its max_spans_per_span_set is raised.
 */
const spansOfTrace = 100;

type Target = prometheus.DataqueryBuilder | loki.DataqueryBuilder | tempo.DataqueryBuilder;

/** @param index the place among the queries of a panel; the first is A */
export function targetOf(query: Query, index: number): Target {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index);
  switch (query.language) {
    case 'promql':
      return promTarget(query, refId);
    case 'logql':
      return lokiTarget(query, refId);
    case 'traceql':
      return new tempo.DataqueryBuilder()
        .refId(refId)
        .datasource(sources.tempo)
        .queryType('traceql')
        .query(query.expr)
        .filters([])
        .limit(query.limit)
        .spss(spansOfTrace)
        .tableType(query.table === 'spans' ? tempo.SearchTableType.Spans : tempo.SearchTableType.Traces);
    default:
      return unreachable(query);
  }
}

export function sourceOf(query: Query): { readonly type: string; readonly uid: string } {
  switch (query.language) {
    case 'promql':
      return sources.prometheus;
    case 'logql':
      return sources.loki;
    case 'traceql':
      return sources.tempo;
    default:
      return unreachable(query);
  }
}

function promTarget(query: Query & { language: 'promql' }, refId: string): prometheus.DataqueryBuilder {
  const target = new prometheus.DataqueryBuilder()
    .refId(refId)
    .datasource(sources.prometheus)
    .editorMode(prometheus.QueryEditorMode.Code)
    .expr(query.expr)
    .exemplar(query.exemplars);
  if (query.ask === 'range') return target.range().legendFormat(query.legend);
  const instant = target.instant();
  return query.ask === 'table' ? instant.format(prometheus.PromQueryFormat.Table) : instant.legendFormat(query.legend);
}

function lokiTarget(query: Query & { language: 'logql' }, refId: string): loki.DataqueryBuilder {
  const target = new loki.DataqueryBuilder()
    .refId(refId)
    .datasource(sources.loki)
    .editorMode(loki.QueryEditorMode.Code)
    .expr(query.expr)
    .queryType(query.ask === 'instant' ? 'instant' : 'range');
  return query.ask === 'logs' ? target.maxLines(query.limit) : target.legendFormat(query.legend);
}
