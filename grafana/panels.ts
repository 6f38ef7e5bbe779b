// The kinds of panels that the dashboards are made of, each with what every panel must have: a title that is a question or a
// noun, a description, a unit, and words for when there is nothing to show. Metrics and queries are in the files of the dashboards.
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as logs from '@grafana/grafana-foundation-sdk/logs';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as statushistory from '@grafana/grafana-foundation-sdk/statushistory';
import * as text from '@grafana/grafana-foundation-sdk/text';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type { Query } from './query.ts';
import { sourceOf, targetOf } from './target.ts';

/** Grafana's ids of units, as far as they are used. `none` is a plain number. */
export type Unit =
  | 'none'
  | 'short'
  | 'locale'
  | 's'
  | 'ms'
  | 'percentunit'
  | 'bytes'
  | 'Bps'
  | 'cps'
  | 'currencyUSD'
  | 'time:YYYY-MM-DD HH:mm:ss'
  | 'string';

export type Threshold = { readonly from: number; readonly colour: string };

export type Spec = {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Columns of 24. */
  readonly w: number;
  /** Grid units of 30 pixels. */
  readonly h: number;
  /** The sentence of a panel without any data: what that means. A single empty cell shows `noCell` instead. */
  readonly empty: string;
  /** Not for graphs: their axis would repeat itself, as 0, 0, 1, 1. */
  readonly decimals?: number;
  readonly max?: number;
  readonly thresholds?: readonly Threshold[];
  readonly mappings?: readonly dashboard.ValueMapping[];
  readonly links?: readonly DataLink[];
  /** Properties of one field, by its name. */
  readonly overrides?: readonly (readonly [name: string, properties: dashboard.DynamicConfigValue[]])[];
  /** By the name of a series. */
  readonly colours?: Readonly<Record<string, string>>;
};

export type DataLink = { readonly title: string; readonly url: string };

/** Replaces a value that is missing among others. The sentence of an empty panel would be repeated in cells, names and axes. */
export const noCell = '–';

/** Not for a colour of the data: panels without data take the lowest threshold, and nothing is neither good nor bad. */
const neutral = 'text';

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
  overrideByRegexp(pattern: string, properties: dashboard.DynamicConfigValue[]): Builder;
  build(): dashboard.Panel;
};

/** What all kinds have in common, on a builder of any. */
export function fill(builder: Builder, spec: Spec, kind: 'number' | 'other' = 'other'): Panel {
  const [first] = spec.queries;
  builder.title(spec.title).description(spec.description).unit(spec.unit).noValue(spec.empty);
  builder.thresholds(thresholdsOf(spec.thresholds ?? []));
  if (first !== undefined) builder.datasource(sourceOf(first)).targets(spec.queries.map(targetOf));
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.max !== undefined) builder.max(spec.max);
  if (spec.mappings !== undefined) builder.mappings([...spec.mappings]);
  // A number panel has one cell, and its sentence belongs there.
  if (kind !== 'number') builder.overrideByRegexp('/.*/', [{ id: 'noValue', value: noCell }]);
  // Later overrides win, so those of a single field come after the one of all fields.
  for (const [name, properties] of spec.overrides ?? []) {
    if (properties.length > 0) builder.overrideByName(name, properties);
  }
  for (const [name, colour] of Object.entries(spec.colours ?? {})) {
    builder.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }]);
  }
  const model = builder.build();
  // In the SDK these links have the type of a dashboard's links, which have other fields.
  if (spec.links !== undefined && model.fieldConfig !== undefined)
    Object.assign(model.fieldConfig.defaults, { links: spec.links.map(dataLink) });
  return { w: spec.w, h: spec.h, model };
}

type Drawing = 'lines' | 'steps' | 'bars' | 'stack' | 'points';

/** Lines over time. */
export function graph(
  spec: Omit<Spec, 'decimals'> & {
    readonly draw?: Drawing;
    readonly interval?: string;
    /** At most so many; bars of more are too thin to be seen. */
    readonly points?: number;
    readonly transformations?: readonly Transformation[];
  },
): Panel {
  const draw = spec.draw ?? 'lines';
  const builder = new timeseries.PanelBuilder()
    .legend(legendBelow())
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .min(0)
    .lineWidth(draw === 'bars' ? 0 : 1)
    .fillOpacity(fillOf(draw))
    .showPoints(draw === 'points' ? common.VisibilityMode.Always : common.VisibilityMode.Auto)
    .pointSize(draw === 'points' ? 8 : 4)
    .drawStyle(styleOf(draw))
    .lineInterpolation(draw === 'steps' ? common.LineInterpolation.StepAfter : common.LineInterpolation.Linear)
    .stacking(
      new common.StackingConfigBuilder()
        .mode(draw === 'bars' || draw === 'stack' ? common.StackingMode.Normal : common.StackingMode.None)
        .group('A'),
    );
  if (spec.interval !== undefined) builder.interval(spec.interval);
  if (spec.points !== undefined) builder.maxDataPoints(spec.points);
  if (spec.transformations !== undefined) builder.transformations([...spec.transformations]);
  return fill(builder, spec);
}

/** Lines are not filled: areas of many series over one another cannot be distinguished. */
function fillOf(draw: Drawing): number {
  return { lines: 0, points: 0, steps: 0, stack: 40, bars: 80 }[draw];
}

function styleOf(draw: Drawing): common.GraphDrawStyle {
  if (draw === 'bars') return common.GraphDrawStyle.Bars;
  return draw === 'points' ? common.GraphDrawStyle.Points : common.GraphDrawStyle.Line;
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
    'number',
  );
}

export type Transformation = { readonly id: string; readonly options: object };

/**
 * A bar for each row of a table, the longest first. Its name is made of the columns `names`, also if it is the only one:
 * without a `displayName` Grafana shows a lone bar without a name.
 */
export function bars(spec: Spec & { readonly names: readonly string[] }): Panel {
  const [query] = spec.queries;
  const value = query?.language === 'promql' ? 'Value' : 'Value #A';
  const builder = new bargauge.PanelBuilder()
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(true).limit(mostBars))
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .showUnfilled(true)
    .min(0)
    .displayName(spec.names.map((_, index) => `\${__cell_${index}}`).join(' · '))
    .transformations([
      { id: 'filterFieldsByName', options: { include: { names: [...spec.names, value] } } },
      {
        id: 'organize',
        options: {
          excludeByName: {},
          indexByName: Object.fromEntries([...spec.names, value].map((name, index) => [name, index])),
          renameByName: {},
        },
      },
      { id: 'sortBy', options: { sort: [{ field: value, desc: true }] } },
    ]);
  return fill(builder, spec);
}

/** More bars than this are too thin to be read. */
const mostBars = 25;

/** A row for each series and a cell for each point: readable with many rows, as lines over one another are not. */
export function history(spec: Spec & { readonly points: number }): Panel {
  return fill(
    new statushistory.PanelBuilder()
      .showValue(common.VisibilityMode.Never)
      .rowHeight(0.9)
      .fillOpacity(80)
      .lineWidth(0)
      .legend(
        new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.List).calcs([]),
      )
      .maxDataPoints(spec.points)
      .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds)),
    spec,
  );
}

/** @param spec.transformations makes a frame of each row of the timeline, named as it, with a value where its state changes */
export function stateTimeline(spec: Spec & { readonly transformations: readonly Transformation[] }): Panel {
  return fill(
    new statetimeline.PanelBuilder()
      .showValue(common.VisibilityMode.Auto)
      .rowHeight(0.8)
      .mergeValues(true)
      .alignValue(common.TimelineValueAlignment.Left)
      .fillOpacity(80)
      .lineWidth(0)
      .displayName('${__series.name}')
      .transformations([...spec.transformations])
      .legend(legendBelow()),
    spec,
  );
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

/** Green from 0, and another colour from a number on. */
export function goodThen(bad: number, colour = 'red'): readonly Threshold[] {
  return [
    { from: 0, colour: 'green' },
    { from: bad, colour },
  ];
}

/** One colour for whatever is above 0, such as what should not be there at all. */
export function always(colour: string): readonly Threshold[] {
  return [{ from: 0, colour }];
}

/** The lowest colour is that of a panel without data, so it is a neutral one. */
export function thresholdsOf(steps: readonly Threshold[]): dashboard.ThresholdsConfigBuilder {
  const coloured = steps.length === 0 ? [{ from: 0, colour: 'blue' }] : steps;
  const all = [{ from: null, colour: neutral }, ...coloured];
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(all.map(({ from, colour }) => ({ value: from, color: colour })));
}
