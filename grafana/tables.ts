// Tables: of instant queries, whose results are merged by their labels, and of log records, whose labels become columns.
// Only the columns that are named are shown, in their order, and every table is sorted.
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { DynamicConfigValue, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as table from '@grafana/grafana-foundation-sdk/table';
import {
  type DataLink,
  dataLink,
  fill,
  noCell,
  type Panel,
  type Spec,
  type Threshold,
  type Transformation,
  thresholdsOf,
  type Unit,
} from './panels.ts';

export type Column = {
  /** The name of the field: a label, `Time`, `Line`, or `Value #A` of query A. */
  readonly field: string;
  readonly title: string;
  readonly unit?: Unit;
  readonly decimals?: number;
  readonly width?: number;
  readonly links?: readonly DataLink[];
  /** Words of the cell by colour. */
  readonly colours?: Readonly<Record<string, string>>;
  /** Shows numbers as words. */
  readonly words?: ValueMapping;
  /** Colours the text of a number. */
  readonly thresholds?: readonly Threshold[];
  /** Of a log record: everything in it is text until it is made a number. */
  readonly number?: boolean;
  /** Money: what cost nothing has no Claude step. Of a record, what is missing is unknown and not nothing. */
  readonly money?: 'record' | 'sum';
  /** Not shown, and there for links; its text reaches them as it is. */
  readonly hidden?: boolean;
};

type TableSpec = Spec & { readonly columns: readonly Column[]; readonly sortBy: SortBy };

/** By the name of a field, as in the columns. */
export type SortBy = { readonly field: string; readonly descending: boolean };

/** Loki returns records in the order of its shards of time, so they are sorted here. */
export const newestFirst: SortBy = { field: 'Time', descending: true };
export const oldestFirst: SortBy = { field: 'Time', descending: false };

/** One row for each set of labels. */
export function metricTable(spec: TableSpec): Panel {
  return tableOf(spec, [{ id: 'merge', options: {} }]);
}

/** One row for each log record. */
export function recordTable(spec: TableSpec): Panel {
  return tableOf(spec, recordColumns(spec.columns));
}

/** Makes columns of the labels of log records, with numbers where numbers are meant. */
export function recordColumns(columns: readonly Column[]): readonly Transformation[] {
  const numbers = columns.filter((column) => column.number === true);
  // What looks like a number is taken for one, and written as one, unless its type is set.
  const texts = columns.filter((column) => column.hidden === true);
  return [
    { id: 'extractFields', options: { source: 'labels', format: 'auto', replace: false } },
    {
      id: 'convertFieldType',
      options: {
        fields: {},
        conversions: [
          ...numbers.map(({ field }) => ({ targetField: field, destinationType: 'number' })),
          ...texts.map(({ field }) => ({ targetField: field, destinationType: 'string' })),
        ],
      },
    },
  ];
}

/** @param first makes one frame with all columns */
function tableOf(spec: TableSpec, first: readonly Transformation[]): Panel {
  const { field, descending } = spec.sortBy;
  const builder = new table.PanelBuilder()
    .showHeader(true)
    .cellHeight(common.TableCellHeight.Sm)
    .filterable(true)
    .transformations([
      ...first,
      { id: 'sortBy', options: { sort: [{ field, desc: descending }] } },
      chosen(spec.columns),
      ordered(spec.columns),
    ]);
  return fill(builder, { ...spec, overrides: spec.columns.map((column) => [column.title, propertiesOf(column)]) });
}

function chosen(columns: readonly Column[]): Transformation {
  return { id: 'filterFieldsByName', options: { include: { names: columns.map(({ field }) => field) } } };
}

function ordered(columns: readonly Column[]): Transformation {
  return {
    id: 'organize',
    options: {
      excludeByName: {},
      indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
      renameByName: Object.fromEntries(columns.map(({ field, title }) => [field, title])),
    },
  };
}

function propertiesOf(column: Column): DynamicConfigValue[] {
  const properties: DynamicConfigValue[] = [];
  if (column.unit !== undefined) properties.push({ id: 'unit', value: column.unit });
  if (column.decimals !== undefined) properties.push({ id: 'decimals', value: column.decimals });
  if (column.width !== undefined) properties.push({ id: 'custom.width', value: column.width });
  if (column.links !== undefined) properties.push({ id: 'links', value: column.links.map(dataLink) });
  if (column.hidden === true) {
    // The first is what Grafana 13 asks for, the second what earlier ones do.
    properties.push({ id: 'custom.hideFrom', value: { viz: true, legend: false, tooltip: false } });
    properties.push({ id: 'custom.hidden', value: true });
  }
  if (column.money !== undefined) properties.push({ id: 'mappings', value: moneyWords(column.money) });
  if (column.colours !== undefined) {
    const options = Object.entries(column.colours).map(([word, color], index) => [word, { color, index }]);
    properties.push({ id: 'mappings', value: [{ type: 'value', options: Object.fromEntries(options) }] });
  }
  if (column.words !== undefined) properties.push({ id: 'mappings', value: [column.words] });
  if (column.thresholds !== undefined)
    properties.push({ id: 'thresholds', value: thresholdsOf(column.thresholds).build() });
  if (column.colours !== undefined || column.words !== undefined || column.thresholds !== undefined) {
    properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
    // Grafana before 9.5.
    properties.push({ id: 'custom.displayMode', value: 'color-text' });
  }
  return properties;
}

function moneyWords(of: 'record' | 'sum'): readonly ValueMapping[] {
  const none: ValueMapping = {
    type: dashboard.MappingType.ValueToText,
    options: { '0': { text: noCell, index: 0 } },
  };
  const unknown: ValueMapping = {
    type: dashboard.MappingType.SpecialValue,
    options: { match: dashboard.SpecialValueMatch.Null, result: { text: 'unknown', color: 'orange', index: 1 } },
  };
  return of === 'record' ? [none, unknown] : [none];
}

/**
 * Spans as Tempo's search returns them, one a row, with its own links to their trace. Ids that mean nothing to a person
 * are hidden.
 */
export function traceTable(spec: Spec & { readonly rename: Readonly<Record<string, string>> }): Panel {
  const hidden = ['traceIdHidden', 'Trace Service', 'Trace Name'];
  const order = ['Start time', 'Name', ...Object.keys(spec.rename), 'Duration', 'Span ID'];
  return fill(
    new table.PanelBuilder()
      .showHeader(true)
      .cellHeight(common.TableCellHeight.Sm)
      .filterable(true)
      .transformations([
        {
          id: 'organize',
          options: {
            excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
            indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
            renameByName: spec.rename,
          },
        },
        { id: 'sortBy', options: { sort: [{ field: 'Start time', desc: false }] } },
      ]),
    spec,
  );
}
