// What a person sees of a panel: the text and colour of every cell, bar and number, computed from the checked-in JSON and the
// frames of an answer by the rules of Grafana (transformations, names of fields, mappings, empty values, thresholds).
// Holds for Grafana 9.4 and later; a real Grafana is looked at in test/stack.
import type { Panel } from './dashboards.ts';

export type Value = string | number | null | undefined;
export type Field = {
  readonly name: string;
  readonly type: 'string' | 'number' | 'time';
  readonly values: readonly Value[];
  /** Set by a transformation that renames. */
  readonly title?: string;
};
export type Frame = { readonly name?: string; readonly fields: readonly Field[] };
export type Seen = { readonly text: string; readonly colour: string };
export type Bar = Seen & { readonly name: string };
export type Table = { readonly heads: readonly string[]; readonly rows: readonly (readonly Seen[])[] };

type Transformation = { readonly id: string; readonly options: Readonly<Record<string, never>> };
type Property = { readonly id: string; readonly value: unknown };
type Config = Readonly<Record<string, unknown>>;
type Mapping = { readonly type: string; readonly options: Readonly<Record<string, unknown>> };

const titleOf = ({ title, name }: Field): string => title ?? name;

/** The frames as the panel gets them. */
export function transformed(panel: Panel, frames: readonly Frame[]): readonly Frame[] {
  const all = (panel as { transformations?: readonly Transformation[] }).transformations ?? [];
  return all.reduce((made, each) => transform(each, made), frames);
}

function transform({ id, options }: Transformation, frames: readonly Frame[]): readonly Frame[] {
  const of = options as unknown as Record<string, Record<string, unknown>> & {
    sort: { field: string; desc: boolean }[];
  };
  switch (id) {
    case 'merge':
      return [merged(frames)];
    case 'extractFields':
      // Labels of a record are fields of the prepared frames already.
      return frames;
    case 'convertFieldType':
      return frames.map((frame) => converted(frame, options as never));
    case 'sortBy':
      return frames.map((frame) => sorted(frame, of.sort[0]!));
    case 'filterFieldsByName':
      return frames.map((frame) => filtered(frame, options as never));
    case 'organize':
      return frames.map((frame) => organized(frame, options as never));
    case 'partitionByValues':
      return frames.flatMap((frame) => partitioned(frame, (options as unknown as { fields: string[] }).fields[0]!));
    default:
      throw new Error(`the transformation ${id} is not known here`);
  }
}

function rowsOf(frame: Frame): readonly (readonly Value[])[] {
  const count = frame.fields[0]?.values.length ?? 0;
  return Array.from({ length: count }, (_, row) => frame.fields.map(({ values }) => values[row]));
}

function withRows(frame: Frame, rows: readonly (readonly Value[])[]): Frame {
  return {
    ...frame,
    fields: frame.fields.map((field, index) => ({ ...field, values: rows.map((row) => row[index]) })),
  };
}

/** Rows that agree in all fields that they share are one. */
function merged(frames: readonly Frame[]): Frame {
  const fields = new Map<string, Field>();
  for (const field of frames.flatMap((frame) => frame.fields))
    if (!fields.has(field.name)) fields.set(field.name, field);
  const rows = new Map<string, Map<string, Value>>();
  for (const frame of frames) {
    for (const row of rowsOf(frame)) {
      const cells = new Map(frame.fields.map(({ name }, index) => [name, row[index]] as const));
      const key = JSON.stringify([...cells].filter(([name]) => fields.get(name)?.type === 'string').sort());
      rows.set(key, new Map([...(rows.get(key) ?? []), ...cells]));
    }
  }
  return {
    fields: [...fields.values()].map((field) => ({
      ...field,
      values: [...rows.values()].map((row) => row.get(field.name)),
    })),
  };
}

function converted(
  frame: Frame,
  options: { conversions: { targetField: string; destinationType: Field['type'] }[] },
): Frame {
  const number = (value: Value): Value => {
    // Grafana strips commas of each value once one of them is a text.
    if (value === undefined) throw new Error('a value is missing in a column that is made of numbers');
    return value === '' || Number.isNaN(Number(value)) ? null : Number(value);
  };
  return {
    ...frame,
    fields: frame.fields.map((field) => {
      const to = options.conversions.find(({ targetField }) => targetField === titleOf(field))?.destinationType;
      if (to === undefined) return field;
      return {
        ...field,
        type: to,
        values: to === 'number' ? field.values.map(number) : field.values.map((each) => `${each ?? ''}`),
      };
    }),
  };
}

function sorted(frame: Frame, { field, desc }: { field: string; desc: boolean }): Frame {
  const column = frame.fields.findIndex((each) => titleOf(each) === field);
  if (column < 0) return frame;
  const order = (a: Value, b: Value): number => (a === b ? 0 : (a ?? -Infinity) < (b ?? -Infinity) ? -1 : 1);
  const rows = [...rowsOf(frame)].sort((a, b) => (desc ? order(b[column], a[column]) : order(a[column], b[column])));
  return withRows(frame, rows);
}

function filtered(
  frame: Frame,
  { include, exclude }: Readonly<Record<'include' | 'exclude', { names: string[] } | undefined>>,
): Frame {
  const stays = (field: Field): boolean =>
    (include === undefined || include.names.includes(titleOf(field))) &&
    exclude?.names.includes(titleOf(field)) !== true;
  return { ...frame, fields: frame.fields.filter(stays) };
}

function organized(
  frame: Frame,
  of: {
    excludeByName: Record<string, boolean>;
    indexByName: Record<string, number>;
    renameByName: Record<string, string>;
  },
): Frame {
  const stay = frame.fields.filter((field) => of.excludeByName[titleOf(field)] !== true);
  const place = (field: Field): number => of.indexByName[titleOf(field)] ?? Number.MAX_SAFE_INTEGER;
  return {
    ...frame,
    fields: [...stay]
      .sort((a, b) => place(a) - place(b))
      .map((field) => ({ ...field, title: of.renameByName[titleOf(field)] ?? field.title ?? field.name })),
  };
}

function partitioned(frame: Frame, by: string): readonly Frame[] {
  const column = frame.fields.findIndex((field) => titleOf(field) === by);
  const rows = rowsOf(frame);
  return [...new Set(rows.map((row) => row[column]))].map((key) => ({
    ...withRows(
      frame,
      rows.filter((row) => row[column] === key),
    ),
    name: `${key}`,
  }));
}

/** Defaults of the panel, and what its overrides set for a field. Without a field: of a panel without data. */
function configOf(panel: Panel, field?: Field): Config {
  const defaults = (panel.fieldConfig?.defaults ?? {}) as Config;
  if (field === undefined) return defaults;
  const matching = (panel.fieldConfig?.overrides ?? []).filter(({ matcher }) => {
    const { id, options } = matcher as { id: string; options: string };
    return id === 'byRegexp' ? new RegExp(options.slice(1, -1)).test(titleOf(field)) : options === titleOf(field);
  });
  const properties = matching.flatMap((each) => each.properties as readonly Property[]);
  return { ...defaults, ...Object.fromEntries(properties.map(({ id, value }) => [id, value])) };
}

/** A value as it is shown with a configuration. */
function display(config: Config, value: Value): Seen {
  const mapping = mapped((config.mappings ?? []) as readonly Mapping[], value);
  const isNumber = typeof value === 'number';
  const text = mapping?.text ?? (isNumber ? format(value, config) : `${value ?? ''}`);
  const steps = (config.thresholds as { steps: { value: number | null; color: string }[] } | undefined)?.steps ?? [];
  const step = steps.filter((each) => each.value === null || (isNumber && value >= each.value)).at(-1);
  return { text: text === '' ? `${config.noValue ?? ''}` : text, colour: mapping?.color ?? step?.color ?? '' };
}

function mapped(
  mappings: readonly Mapping[],
  value: Value,
): { readonly text?: string; readonly color?: string } | undefined {
  for (const { type, options } of mappings) {
    if (type === 'value' && options[`${value}`] !== undefined) return options[`${value}`] as { text?: string };
    if (type === 'special' && options.match === 'null' && (value === null || value === undefined)) {
      return options.result as { text?: string };
    }
  }
  return undefined;
}

/** As much of Grafana's formats as shows whether a number is readable. */
function format(value: number, { unit, decimals }: Config): string {
  const digits = typeof decimals === 'number' ? decimals : undefined;
  if (unit === 'percentunit') return `${(value * 100).toFixed(digits ?? 1)}%`;
  if (unit === 'currencyUSD') return `$${value.toFixed(digits ?? 2)}`;
  const text = digits === undefined ? `${value}` : value.toFixed(digits);
  return unit === 'ms' || unit === 's' || unit === 'bytes' ? `${text} ${unit}` : text;
}

/** Of a panel of bars: each with its name, from top to bottom; of one without data its sentence. */
export function barsSeen(panel: Panel, frames: readonly Frame[]): readonly Bar[] {
  const bars = transformed(panel, frames).flatMap((frame) => {
    const value = frame.fields.find(({ type }) => type === 'number');
    if (value === undefined) return [];
    const config = configOf(panel, value);
    const colours = panel.fieldConfig?.overrides ?? [];
    return rowsOf(frame).map((row) => {
      const template = `${config.displayName ?? ''}`;
      const name = template.replaceAll(/\$\{__cell_(\d+)\}/g, (_, index: string) => `${row[Number(index)] ?? ''}`);
      const own = colours.find(({ matcher }) => (matcher as { options: unknown }).options === name);
      const fixed = own?.properties.find(({ id }) => id === 'color')?.value as { fixedColor?: string } | undefined;
      const seen = display(config, row[frame.fields.indexOf(value)]);
      return { name, ...seen, colour: fixed?.fixedColor ?? seen.colour };
    });
  });
  return bars.length > 0 ? bars : [{ name: '', ...display(configOf(panel), null) }];
}

/** Of a number panel: what it shows of a single value, or of none. */
export function numberSeen(panel: Panel, value: Value): Seen {
  return display(configOf(panel), value);
}

/** Of a table: the columns that are shown, and its rows from top to bottom. */
export function tableSeen(panel: Panel, frames: readonly Frame[]): Table {
  const [frame] = transformed(panel, frames);
  const shown = (frame?.fields ?? []).filter((field) => configOf(panel, field)['custom.hidden'] !== true);
  const rows = rowsOf({ fields: shown });
  return {
    heads: shown.map(titleOf),
    rows: rows.map((row) => row.map((value, index) => display(configOf(panel, shown[index]!), value))),
  };
}

/** Of a state timeline: its rows from top to bottom, each with its states in their order. */
export function statesSeen(
  panel: Panel,
  frames: readonly Frame[],
): readonly { readonly row: string; readonly states: readonly string[] }[] {
  return transformed(panel, frames).map((frame) => {
    const [field] = frame.fields.filter(({ type }) => type !== 'time');
    const config = configOf(panel, field);
    const row = `${config.displayName ?? ''}`.replace('${__series.name}', frame.name ?? '');
    return { row, states: (field?.values ?? []).map((value) => display(config, value).text) };
  });
}
