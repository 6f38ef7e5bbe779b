// The kinds of panels that the dashboards are made of, each with what every panel must have: a title that is a question or a
// noun, a description, a unit, and words for when there is nothing to show. Knows no metric and no query.
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as logs from '@grafana/grafana-foundation-sdk/logs';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as text from '@grafana/grafana-foundation-sdk/text';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type { Query } from './query.ts';
import { sourceOf, targetOf } from './target.ts';

/** Grafana's ids of units, as far as they are used. `none` is a plain number. */
export type Unit =
  | 'none'
  | 'short'
  | 's'
  | 'ms'
  | 'percentunit'
  | 'bytes'
  | 'Bps'
  | 'cps'
  | 'currencyUSD'
  | 'dateTimeFromNow'
  | 'string';

export type Threshold = { readonly from: number | null; readonly colour: string };

export type Spec = {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Columns of 24. */
  readonly w: number;
  /** Grid units of 30 pixels. */
  readonly h: number;
  /** What stands there when there is nothing to show, and what it means. */
  readonly empty: string;
  readonly decimals?: number;
  readonly max?: number;
  readonly thresholds?: readonly Threshold[];
  readonly mappings?: readonly dashboard.ValueMapping[];
  readonly links?: readonly DataLink[];
  /** By the name of a series. */
  readonly colours?: Readonly<Record<string, string>>;
};

export type DataLink = { readonly title: string; readonly url: string };

/** A panel that has not yet its place. */
export type Panel = { readonly w: number; readonly h: number; readonly model: dashboard.Panel };

/** As much of a panel's builder as all kinds share. */
type Builder = {
  title(title: string): Builder;
  description(description: string): Builder;
  unit(unit: string): Builder;
  noValue(text: string): Builder;
  datasource(source: common.DataSourceRef): Builder;
  targets(targets: ReturnType<typeof targetOf>[]): Builder;
  decimals(decimals: number): Builder;
  max(max: number): Builder;
  mappings(mappings: dashboard.ValueMapping[]): Builder;
  thresholds(thresholds: dashboard.ThresholdsConfigBuilder): Builder;
  overrideByName(name: string, properties: dashboard.DynamicConfigValue[]): Builder;
  build(): dashboard.Panel;
};

/** What all kinds have in common, on a builder of any. */
export function fill(builder: Builder, spec: Spec): Panel {
  const [first] = spec.queries;
  builder.title(spec.title).description(spec.description).unit(spec.unit).noValue(spec.empty);
  builder.thresholds(thresholdsOf(spec.thresholds ?? []));
  if (first !== undefined) builder.datasource(sourceOf(first)).targets(spec.queries.map(targetOf));
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.max !== undefined) builder.max(spec.max);
  if (spec.mappings !== undefined) builder.mappings([...spec.mappings]);
  for (const [name, colour] of Object.entries(spec.colours ?? {})) {
    builder.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }]);
  }
  const model = builder.build();
  if (spec.links !== undefined) model.fieldConfig!.defaults.links = spec.links.map(dataLink) as never;
  return { w: spec.w, h: spec.h, model };
}

/** Lines over time. */
export function graph(
  spec: Spec & { readonly draw?: 'lines' | 'steps' | 'bars' | 'stack'; readonly interval?: string },
): Panel {
  const draw = spec.draw ?? 'lines';
  const builder = new timeseries.PanelBuilder()
    .legend(legendBelow())
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .min(0)
    .lineWidth(draw === 'bars' ? 0 : 1)
    .fillOpacity(draw === 'bars' ? 80 : draw === 'stack' ? 40 : 10)
    .showPoints(common.VisibilityMode.Never)
    .drawStyle(draw === 'bars' ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .lineInterpolation(draw === 'steps' ? common.LineInterpolation.StepAfter : common.LineInterpolation.Linear)
    .stacking(
      new common.StackingConfigBuilder()
        .mode(draw === 'bars' || draw === 'stack' ? common.StackingMode.Normal : common.StackingMode.None)
        .group('A'),
    );
  if (spec.interval !== undefined) builder.interval(spec.interval);
  return fill(builder, spec);
}

function legendBelow(): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .calcs([]);
}

/** One number, or one for each series. `field` shows a text column of a table in its place. */
export function number(spec: Spec & { readonly field?: string }): Panel {
  const reduce = new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(spec.field !== undefined);
  if (spec.field !== undefined) reduce.fields(`/^${spec.field}$/`);
  return fill(
    new stat.PanelBuilder()
      .reduceOptions(reduce)
      .graphMode(common.BigValueGraphMode.None)
      .colorMode(common.BigValueColorMode.Value)
      .textMode(common.BigValueTextMode.Auto)
      .justifyMode(common.BigValueJustifyMode.Auto)
      .orientation(common.VizOrientation.Auto),
    spec,
  );
}

/** A bar for each series of an instant query, or for each row of a table. */
export function bars(spec: Spec & { readonly rows?: boolean }): Panel {
  return fill(
    new bargauge.PanelBuilder()
      .reduceOptions(
        new common.ReduceDataOptionsBuilder()
          .calcs(['lastNotNull'])
          .values(spec.rows ?? false)
          .limit(25),
      )
      .orientation(common.VizOrientation.Horizontal)
      .displayMode(common.BarGaugeDisplayMode.Basic)
      .showUnfilled(true)
      .min(0),
    spec,
  );
}

export function stateTimeline(spec: Spec & { readonly interval?: string }): Panel {
  const builder = new statetimeline.PanelBuilder()
    .showValue(common.VisibilityMode.Auto)
    .rowHeight(0.8)
    .mergeValues(true)
    .alignValue(common.TimelineValueAlignment.Left)
    .fillOpacity(80)
    .lineWidth(0)
    .legend(legendBelow());
  if (spec.interval !== undefined) builder.interval(spec.interval);
  return fill(builder, spec);
}

/** Lines as they were printed, the newest first. */
export function logLinesPanel(spec: Omit<Spec, 'unit'> & { readonly oldestFirst?: boolean }): Panel {
  return fill(
    new logs.PanelBuilder()
      .showTime(true)
      .showLabels(false)
      .showCommonLabels(false)
      .wrapLogMessage(true)
      .prettifyLogMessage(false)
      .enableLogDetails(true)
      .dedupStrategy(common.LogsDedupStrategy.None)
      .sortOrder(spec.oldestFirst === true ? common.LogsSortOrder.Ascending : common.LogsSortOrder.Descending),
    { ...spec, unit: 'none' },
  );
}

/** Spans of one trace as a waterfall. */
export function tracePanel(spec: Omit<Spec, 'unit'>): Panel {
  return fill(new dashboard.PanelBuilder().type('traces').options({}), { ...spec, unit: 'none' });
}

export function words(spec: Pick<Spec, 'title' | 'description' | 'w' | 'h'> & { readonly markdown: string }): Panel {
  const builder = new text.PanelBuilder()
    .title(spec.title)
    .description(spec.description)
    .mode(text.TextMode.Markdown)
    .content(spec.markdown);
  return { w: spec.w, h: spec.h, model: builder.build() };
}

/** Shows numbers as words in colours. */
export function valueWords(
  words: Readonly<Record<string, { readonly text: string; readonly colour: string }>>,
): dashboard.ValueMapping {
  const entries = Object.entries(words).map(([value, { text: word, colour }], index) => [
    value,
    { text: word, color: colour, index },
  ]);
  return { type: dashboard.MappingType.ValueToText, options: Object.fromEntries(entries) };
}

export function dataLink({ title, url }: DataLink): Readonly<Record<string, unknown>> {
  return { title, url, targetBlank: false };
}

/** Green below a number, and another colour from there on. */
export function goodThen(bad: number, colour = 'red'): readonly Threshold[] {
  return [
    { from: null, colour: 'green' },
    { from: bad, colour },
  ];
}

export function thresholdsOf(steps: readonly Threshold[]): dashboard.ThresholdsConfigBuilder {
  const all = steps.length === 0 ? [{ from: null, colour: 'blue' }] : steps;
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(all.map(({ from, colour }) => ({ value: from, color: colour })));
}
