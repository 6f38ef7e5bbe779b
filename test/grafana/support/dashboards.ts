// The dashboards as Grafana reads them, from the checked-in JSON: their panels and every query in them, with the values that
// Grafana would put in for its variables and macros.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname, '../../../grafana/dashboards');

export type DataSource = { readonly type: string; readonly uid: string };

export type Target = {
  readonly refId: string;
  readonly datasource?: DataSource;
  readonly expr?: string;
  readonly query?: string;
  readonly instant?: boolean;
  readonly range?: boolean;
  readonly format?: string;
  readonly queryType?: string;
  readonly maxLines?: number;
  readonly spss?: number;
  readonly legendFormat?: string;
};

export type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  /** The least distance of points, as `1m`. */
  readonly interval?: string;
  readonly datasource?: DataSource;
  readonly targets?: readonly Target[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly noValue?: string; readonly links?: readonly Link[] };
    readonly overrides: readonly {
      readonly matcher: { readonly options: unknown };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
};

export type Link = { readonly title: string; readonly url: string };

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly label?: string }[] };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly datasource: DataSource; readonly expr: string }[];
  };
  readonly links: readonly { readonly title: string; readonly url?: string }[];
};

export const dashboardFiles = readdirSync(folder).filter((name) => name.endsWith('.json'));

export const dashboards: readonly Dashboard[] = dashboardFiles.map((name) => JSON.parse(readText(name)) as Dashboard);

export function readText(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}

export type Asked = {
  /** Such as `stepspan-run / Result / A`. */
  readonly name: string;
  readonly language: 'promql' | 'logql' | 'traceql';
  readonly expr: string;
  readonly panel: Panel | undefined;
  readonly target: Target | undefined;
};

/** Every query of every panel and annotation. */
export function queriesOf(dashboard: Dashboard): readonly Asked[] {
  const ofPanels = dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map((target) => ({
      name: `${dashboard.uid} / ${panel.title} / ${target.refId}`,
      language: languageOf(target.datasource ?? panel.datasource),
      expr: target.expr ?? target.query ?? '',
      panel,
      target,
    })),
  );
  const ofAnnotations = dashboard.annotations.list.map(({ name, datasource, expr }) => ({
    name: `${dashboard.uid} / annotation ${name}`,
    language: languageOf(datasource),
    expr,
    panel: undefined,
    target: undefined,
  }));
  return [...ofPanels, ...ofAnnotations];
}

function languageOf(source: DataSource | undefined): Asked['language'] {
  switch (source?.type) {
    case 'prometheus':
      return 'promql';
    case 'loki':
      return 'logql';
    case 'tempo':
      return 'traceql';
    default:
      throw new Error(`no language for the data source ${JSON.stringify(source)}`);
  }
}

export type Values = Readonly<Record<string, string>>;

/** What variables and macros stand for when nothing was chosen. */
export const defaults: Values = {
  workflow: '.*',
  run: '',
  trace: '',
  step: '.*',
  stream: 'stdout|stderr|system',
  severity: '.*',
  search: '',
  hub: 'http://127.0.0.1:9464',
  __range: '1h',
  __rate_interval: '1m',
  __interval: '15s',
  __auto: '15s',
};

/** As Grafana interpolates: `$name`, `${name}` and `${name:format}`. What nobody has given a value is an error. */
export function filled(expr: string, values: Values = {}): string {
  return expr.replaceAll(/\$(?:\{(\w+)(?::\w+)?\}|([a-z_]\w*))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    const value = { ...defaults, ...values }[name];
    if (value === undefined) throw new Error(`${whole} in ${expr} is not a variable`);
    return value;
  });
}
