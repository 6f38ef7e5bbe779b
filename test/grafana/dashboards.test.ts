// The dashboards as files: current, the same wherever they are made, and whole by the rules of Grafana's dashboard linter
// and some of our own. That their queries give what they should is tested on the real Prometheus and Loki.
import { parser as logql } from '@grafana/lezer-logql';
import { parser as traceql } from '@grafana/lezer-traceql';
import type { LRParser } from '@lezer/lr';
import { parser as promql } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { allDashboards, fileNameOf, textOf } from '../../grafana/all.ts';
import { sources, uids } from '../../grafana/names.ts';
import { attr } from '../../src/otlp/names.ts';
import { catalogue } from '../../src/readers/measure/catalogue.ts';
import { dashboardFiles, dashboards, filled, type Panel, queriesOf, readText } from './support/dashboards.ts';

const parsers: Readonly<Record<'promql' | 'logql' | 'traceql', LRParser>> = { promql, logql, traceql };

/** Places in a text where a parser found no way on. */
function errorsIn(parser: LRParser, text: string): string[] {
  const errors: string[] = [];
  parser.parse(text).iterate({
    enter(node) {
      if (node.type.isError) errors.push(`at ${node.from}: ${text.slice(Math.max(node.from - 20, 0), node.to + 20)}`);
    },
  });
  return errors;
}

const panelsOf = (panels: readonly Panel[]) => panels.filter(({ type }) => type !== 'row');
const every = dashboards.flatMap((dashboard) =>
  panelsOf(dashboard.panels).map((panel) => ({ dashboard, panel, name: `${dashboard.uid} / ${panel.title}` })),
);
const asked = dashboards.flatMap(queriesOf);

describe('the checked-in JSON', () => {
  test('is what the sources make: npm run generate', () => {
    expect([...dashboardFiles].sort()).toEqual(allDashboards.map(fileNameOf).sort());
    for (const dashboard of allDashboards)
      expect(readText(fileNameOf(dashboard)), fileNameOf(dashboard)).toBe(textOf(dashboard));
  });

  test('has the four dashboards under the uids that links name', () => {
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual(Object.values(uids).sort());
  });
});

describe('a panel', () => {
  test('has a title of its own, which is a question or a noun', () => {
    for (const dashboard of dashboards) {
      const titles = panelsOf(dashboard.panels).map(({ title }) => title);
      expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
      for (const title of titles) expect(title).toMatch(/^[A-Z].*[^.!: ]$/);
      const questions = /^(How|Who|What|Which|Where|When|Why|Is|Are|Do|Does|Did|Was|Were|In which)\b/;
      const unasked = titles.filter((title) => questions.test(title) && !/\?$|^How to /.test(title));
      expect(unasked).toEqual([]);
    }
  });

  test('says what it shows, in what unit, and what it means when there is nothing', () => {
    for (const { panel, name } of every) {
      expect(panel.description ?? '', name).toMatch(/\.$/);
      if (panel.type === 'text') continue;
      expect(panel.fieldConfig?.defaults.unit, name).toBeTruthy();
      expect(panel.fieldConfig?.defaults.noValue, name).toBeTruthy();
    }
  });

  test('is of a kind that every Grafana has', () => {
    const known = [
      'timeseries',
      'stat',
      'table',
      'bargauge',
      'logs',
      'state-timeline',
      'status-history',
      'traces',
      'text',
    ];
    expect([...new Set(every.map(({ panel }) => panel.type))].filter((type) => !known.includes(type))).toEqual([]);
  });

  test('is on the grid, and overlaps with no other', () => {
    for (const dashboard of dashboards) {
      const taken = new Map<string, string>();
      for (const { title, gridPos } of dashboard.panels) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(taken.get(`${x},${y}`), `${dashboard.uid}: ${title}`).toBeUndefined();
            taken.set(`${x},${y}`, title);
          }
        }
      }
    }
  });

  test('has an id that no other has', () => {
    for (const { panels } of dashboards) expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test('asks a data source that is provisioned, and names its queries apart', () => {
    const known = Object.values(sources).map(({ uid }) => uid as string);
    for (const { panel, name } of every) {
      const targets = panel.targets ?? [];
      expect(new Set(targets.map(({ refId }) => refId)).size, name).toBe(targets.length);
      for (const { datasource } of targets) expect(known, name).toContain(datasource?.uid);
      if (panel.type !== 'text') expect(targets.length, name).toBeGreaterThan(0);
    }
  });
});

describe('a query', () => {
  test.each(asked)('parses: $name', ({ language, expr, name }) => {
    // The grammar of the package has no `offset` after `unwrap`; Loki has.
    const text = filled(expr, { run: '20261123-151507-k3f9x2', search: 'a|b' }).replaceAll(/(\]) offset \w+/g, '$1');
    // A trace is opened by its id, which is not a query.
    if (name.includes('/ Trace /')) expect(expr).toBe('$trace');
    else expect(errorsIn(parsers[language], text)).toEqual([]);
  });

  test('names only metrics of the catalogue, of the Collector, and of Prometheus itself', () => {
    const names = new Set<string>(catalogue.map(({ name }) => name));
    const used = asked
      .filter(({ language }) => language === 'promql')
      .flatMap(({ expr }) => [...expr.matchAll(/\b(?:stepspan|claude_code)_\w+/g)].map(([name]) => name));
    expect(used.length).toBeGreaterThan(40);
    const unknown = used.filter((name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')));
    expect(unknown).toEqual([]);
  });

  test('of some panel shows each metric of stepspan and of Claude Code', () => {
    const used = asked.map(({ expr }) => expr).join('\n');
    // Those of the conventions repeat some of ours, for dashboards that are made for any program.
    const names = catalogue.map(({ name }) => name).filter((name) => /^(stepspan|claude_code)_/.test(name));
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(used))).toEqual([]);
  });

  test('of a table with costs has a word for a cost that nobody reported', () => {
    const converted = JSON.stringify({ targetField: 'stepspan_cost_usd', destinationType: 'number' });
    const tables = asked.filter(({ panel }) => panel !== undefined && JSON.stringify(panel).includes(converted));
    expect(tables.length).toBeGreaterThan(2);
    for (const { name, expr } of tables) expect(expr, name).toContain('{{ else }}unknown{{ end }}');
  });

  test('names only labels that are sent', () => {
    const labels = new Set<string>(Object.values(attr).map((name) => name.replaceAll('.', '_')));
    const used = asked
      .filter(({ language }) => language === 'logql')
      .flatMap(({ expr }) => [...expr.matchAll(/\b(?:stepspan|cicd|log)_\w+/g)].map(([name]) => name));
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((name) => !labels.has(name))).toEqual([]);
  });

  test('for traces asks for as many spans of each as Tempo returns, and not for the three of Grafana', () => {
    const limits = asked.filter(({ language }) => language === 'traceql').map(({ target }) => target?.spss);
    expect(limits).toEqual([100, 100]);
  });

  test('counts over the time range or the width of a point, never over a fixed time', () => {
    const fixed = asked.filter(({ expr }) => /\[\d/.test(expr)).map(({ name }) => name);
    expect(fixed).toEqual([]);
    // A window that a graph shares with its whole range would show one number as a line.
    const flat = asked.filter(({ target, language, expr }) => {
      const isLine = language === 'promql' && target !== undefined && target.instant !== true;
      return isLine && expr.includes('$__range');
    });
    expect(flat.map(({ name }) => name)).toEqual([]);
  });

  test('uses variables that its dashboard has', () => {
    for (const dashboard of dashboards) {
      const known = new Set(dashboard.templating.list.map(({ name }) => name));
      const texts = [
        ...queriesOf(dashboard).map(({ expr }) => expr),
        ...dashboard.links.map(({ url }) => url ?? ''),
        ...dashboard.panels.flatMap(linksOf).map(({ url }) => url),
      ];
      const used = texts.flatMap((text) => [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name ?? ''));
      expect(used.filter((name) => !known.has(name))).toEqual([]);
    }
  });
});

describe('a link', () => {
  test('leads to a dashboard there is, to Explore, or to the live page', () => {
    const targets = every.flatMap(({ panel, name }) => linksOf(panel).map(({ url }) => ({ name, url })));
    expect(targets.length).toBeGreaterThan(8);
    for (const { name, url } of targets) {
      const uid = /^\/d\/([\w-]+)\?/.exec(url)?.[1];
      if (uid !== undefined) expect(Object.values(uids) as string[], name).toContain(uid);
      else expect(url, name).toMatch(/^(\/explore\?schemaVersion=1&panes=|\$\{hub\}\/#\/runs\/)/);
    }
  });

  test('to a run from a table of runs opens the time of the run, with its trace', () => {
    const tables = every.filter(({ panel }) => linksOf(panel).some(({ url }) => url.startsWith(`/d/${uids.run}?`)));
    expect(tables.map(({ panel }) => panel.title)).toEqual([
      'What is running now?',
      'What waits for a person?',
      'How long did each run take?',
      'Which runs failed?',
      'Runs that ended',
    ]);
    for (const { panel } of tables.filter(({ panel }) => panel.type === 'table')) {
      const link = linksOf(panel).find(({ url }) => url.startsWith(`/d/${uids.run}?`))!;
      const fields = [...link.url.matchAll(/__data\.fields\.(\w+)/g)].map(([, field]) => field);
      // A run that is active has no end yet.
      const isActive = ['What is running now?', 'What waits for a person?'].includes(panel.title ?? '');
      expect(fields).toEqual(isActive ? ['Trace', 'From'] : ['Trace', 'From', 'To']);
      const hidden = (panel.fieldConfig?.overrides ?? [])
        .filter(({ properties }) => properties.some(({ id }) => id === 'custom.hideFrom'))
        .map(({ matcher }) => matcher.options);
      expect(hidden).toEqual(isActive ? ['From'] : ['From', 'To']);
    }
  });

  test('to Explore holds a query that Explore can read', () => {
    const explore = every.flatMap(({ panel }) => linksOf(panel)).filter(({ url }) => url.startsWith('/explore'));
    expect(explore.length).toBeGreaterThan(0);
    for (const { url } of explore) {
      const panes = JSON.parse(new URL(`http://grafana${url}`).searchParams.get('panes') ?? '') as {
        a: { datasource: string; queries: { query: string }[] };
      };
      expect(panes.a.datasource).toBe(sources.tempo.uid);
      expect(panes.a.queries[0]?.query).toBe('${__value.raw}');
    }
  });
});

/** Of the panel, and of the columns of a table. */
function linksOf(panel: Panel): readonly { readonly url: string }[] {
  const overrides = panel.fieldConfig?.overrides ?? [];
  const ofColumns = overrides.flatMap(({ properties }) =>
    properties.flatMap(({ id, value }) => (id === 'links' ? (value as { url: string }[]) : [])),
  );
  return [...(panel.fieldConfig?.defaults.links ?? []), ...ofColumns];
}

describe('a name with quotes, &, +, | and %', () => {
  test('is escaped by Grafana in every query, and is never between double quotes', () => {
    const withName = asked.filter(({ expr }) => /\$\{?workflow/.test(expr));
    expect(withName.length).toBeGreaterThan(30);
    for (const { expr, name } of withName) expect(expr, name).not.toMatch(/"[^"`]*\$\{?workflow[^`]*"/);
    // The variable of the Run dashboard is a regular expression that somebody types.
    const ofRun = withName.filter(({ name }) => !name.startsWith('stepspan-run /'));
    for (const { expr, name } of ofRun) expect(expr, name).toContain('`${workflow:regex}');
  });

  test('is percent-encoded in every link', () => {
    const urls = every.flatMap(({ panel, name }) => linksOf(panel).map(({ url }) => ({ name, url })));
    for (const { name, url } of urls.filter(({ url }) => !url.startsWith('/explore'))) {
      const raw = [...url.matchAll(/\$\{(__value\.raw|__data\.fields\.(?!Trace|From|To)\w+)\}/g)].map(([text]) => text);
      expect(raw, name).toEqual([]);
    }
  });
});
