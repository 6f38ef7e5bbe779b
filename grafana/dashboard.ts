// A dashboard from its rows of panels: places on the 24 columns, ids, variables, links, annotations. The files of the dashboards call it with their panels.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { defaultHubUrl } from './names.ts';
import type { Panel } from './panels.ts';

export type Row = { readonly title: string; readonly panels: readonly Panel[] };

export type DashboardSpec = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly from: string;
  readonly refresh: string;
  readonly variables: readonly dashboard.VariableModel[];
  readonly annotations: readonly dashboard.AnnotationQuery[];
  readonly links: readonly dashboard.DashboardLink[];
  readonly rows: readonly Row[];
};

/** Columns of Grafana's grid. */
const columns = 24;

export function dashboardOf(spec: DashboardSpec): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(['stepspan'])
    .readonly()
    .timezone('browser')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: spec.from, to: 'now' })
    .refresh(spec.refresh)
    .version(1);
  const built = builder.build();
  built.templating = { list: [...spec.variables] };
  built.annotations = { list: [...spec.annotations] };
  built.links = [...spec.links, linkToOthers()];
  built.panels = placed(spec.rows);
  return built;
}

/** From left to right and top to bottom; each row has a title over it. */
function placed(rows: readonly Row[]): (dashboard.Panel | dashboard.RowPanel)[] {
  const panels: (dashboard.Panel | dashboard.RowPanel)[] = [];
  let y = 0;
  let id = 1;
  for (const row of rows) {
    panels.push({
      type: 'row',
      title: row.title,
      collapsed: false,
      id: id++,
      gridPos: { x: 0, y: y++, w: columns, h: 1 },
      panels: [],
    });
    let x = 0;
    let height = 0;
    for (const { w, h, model } of row.panels) {
      if (x + w > columns) {
        x = 0;
        y += height;
        height = 0;
      }
      panels.push({ ...model, id: id++, gridPos: { x, y, w, h } });
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return panels;
}

function linkToOthers(): dashboard.DashboardLink {
  return new dashboard.DashboardLinkBuilder('stepspan')
    .type(dashboard.DashboardLinkType.Dashboards)
    .tags(['stepspan'])
    .asDropdown(true)
    .keepTime(true)
    .icon('external link')
    .tooltip('The other dashboards of stepspan')
    .build();
}

export function linkTo(title: string, url: string, tooltip: string): dashboard.DashboardLink {
  return new dashboard.DashboardLinkBuilder(title)
    .type(dashboard.DashboardLinkType.Link)
    .url(url)
    .tooltip(tooltip)
    .icon('external link')
    .targetBlank(true)
    .build();
}

/** Where the live page is, for links to it. */
export function hubVariable(): dashboard.VariableModel {
  return new dashboard.TextBoxVariableBuilder('hub')
    .label('Hub')
    .description('The address under which a browser reaches `stepspan serve`, for links to live pages.')
    .defaultValue(defaultHubUrl)
    .current({ text: defaultHubUrl, value: defaultHubUrl })
    .build();
}
