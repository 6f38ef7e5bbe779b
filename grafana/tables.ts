// Tables: of instant metric queries, whose results are merged by their labels, and of log records, whose labels become
// columns. Only the columns that are named are shown, in their order.
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { type DataLink, dataLink, fill, type Panel, type Spec, type Unit } from './panels.ts';

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
  /** Of a log record: everything in it is text until it is made a number. */
  readonly number?: boolean;
  /** Not shown, and there for links; its text reaches them as it is. */
  readonly hidden?: boolean;
};

type TableSpec = Spec & { readonly columns: readonly Column[]; readonly sortBy?: string };

/** One row for each set of labels. */
export function metricTable(spec: TableSpec): Panel {
  return tableOf(spec, [{ id: 'merge', options: {} }]);
}

/** One row for each log record. */
export function recordTable(spec: TableSpec): Panel {
  const numbers = spec.columns.filter((column) => column.number === true);
  // What looks like a number is taken for one, and written as one, unless told.
  const texts = spec.columns.filter((column) => column.hidden === true);
  return tableOf(spec, [
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
  ]);
}

type Transformation = { readonly id: string; readonly options: object };

function tableOf(spec: TableSpec, first: readonly Transformation[]): Panel {
  const builder = new table.PanelBuilder()
    .showHeader(true)
    .cellHeight(common.TableCellHeight.Sm)
    .filterable(true)
    .transformations([...first, chosen(spec.columns), ordered(spec.columns)]);
  if (spec.sortBy !== undefined) {
    builder.sortBy([new common.TableSortByFieldStateBuilder().displayName(spec.sortBy).desc(true)]);
  }
  for (const column of spec.columns) {
    const properties = propertiesOf(column);
    if (properties.length > 0) builder.overrideByName(column.title, properties);
  }
  return fill(builder, spec);
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
  if (column.colours !== undefined) {
    const options = Object.entries(column.colours).map(([word, color], index) => [word, { color, index }]);
    properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
    properties.push({ id: 'mappings', value: [{ type: 'value', options: Object.fromEntries(options) }] });
  }
  return properties;
}

/** Spans as Tempo's search gives them, one a row, with its own links to their trace. */
export function traceTable(spec: Spec): Panel {
  return fill(new table.PanelBuilder().showHeader(true).cellHeight(common.TableCellHeight.Sm).filterable(true), spec);
}
