// The rules of Prometheus and Loki as generated: what is checked in is current, alerts.yaml changes what it names and
// nothing else, and queries speak of metrics and labels that exist. Whether they fire when they should is test/stack's.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parser as logql } from '@grafana/lezer-logql';
import { parser as promql } from '@prometheus-io/lezer-promql';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ruleFiles } from '../../alerting/generate.ts';
import { lokiGroups, prometheusGroups } from '../../alerting/groups.ts';
import { backendJobs, recorded } from '../../alerting/queries/prometheus.ts';
import { formatSetDuration, parseDuration } from '../../src/core/duration.ts';
import { catalogue } from '../../src/readers/measure/catalogue.ts';
import { defaultAlerts } from '../../src/runs/alerts/alerts-file.ts';
import { backendRules } from '../../src/runs/alerts/backend-rules.ts';
import { alertsOf, ruleQueries } from './rule-queries.ts';

const folder = path.resolve(import.meta.dirname, '../../alerting');
const scratch = mkdtempSync(path.join(tmpdir(), 'stepspan-rules-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const defaults = defaultAlerts();
const scheduled = { ...defaults, schedules: { nightly: 93_600_000, 'a "{{ b }}"': 3_600_000 } };

type Rule = {
  alert?: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
};
const rulesIn = (text: string): readonly Rule[] =>
  (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);

/** Runs the generator as a user does, with this alerts.yaml. */
function generate(alertsYaml: string) {
  const config = path.join(scratch, 'alerts.yaml');
  writeFileSync(config, alertsYaml);
  const args = [path.join(folder, 'generate.ts'), '--config', config, '--out', scratch];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: scratch });
  const rules = (name: string): readonly Rule[] => rulesIn(readFileSync(path.join(scratch, name), 'utf8'));
  return {
    status,
    stderr,
    prometheus: () => rules('prometheus/stepspan.rules.yaml'),
    loki: () => rules('loki/stepspan/stepspan.rules.yaml'),
  };
}

test.each([...ruleFiles(defaults)])(
  'alerting/%s is what the sources say; else call node alerting/generate.ts',
  (name, text) => {
    expect(readFileSync(path.join(folder, name), 'utf8')).toBe(text);
  },
);

test('every rule that alerts.yaml can name is there, and no other', () => {
  for (const [source, groups] of [
    ['prometheus', prometheusGroups(scheduled)],
    ['loki', lokiGroups(scheduled)],
  ] as const) {
    const named = backendRules.filter((rule) => rule.source === source).map(({ name }) => name);
    expect(new Set(alertsOf(groups).map(({ rule }) => rule.name))).toEqual(new Set(named));
  }
});

describe('alerts.yaml', () => {
  test('switches off, changes thresholds and severity, adds labels and links; what it does not name stays', () => {
    const made = generate(`
rules:
  StepspanHubDown: { enabled: false }
  StepspanShippingBehind: { lag: 1h30m, for: 10m, severity: critical }
  StepspanErrorBurst: { lines: 7 }
schedules: { nightly: 26h }
labels: { team: tools }
links: { runbook: https://example.com/rb.md, grafana: https://grafana.example.com/, hub: https://hub.example.com }
`);
    expect(made.stderr).toBe('');
    expect(made.status).toBe(0);
    const before = rulesIn(ruleFiles(defaults).get('prometheus/stepspan.rules.yaml') ?? '');
    const expressions = (rules: readonly Rule[]) =>
      rules.filter(({ alert = '' }) => !/HubDown|ShippingBehind|NoRecentSuccess/.test(alert)).map(({ expr }) => expr);
    expect(expressions(made.prometheus())).toEqual(expressions(before));

    const names = made.prometheus().map(({ alert }) => alert);
    expect(names).not.toContain('StepspanHubDown');
    expect(names.filter((name) => name === 'StepspanNoRecentSuccess')).toHaveLength(2);
    const behind = made.prometheus().find(({ alert }) => alert === 'StepspanShippingBehind');
    expect(behind).toMatchObject({
      for: '10m',
      expr: expect.stringContaining('> 5400'),
      labels: { severity: 'critical', team: 'tools', source: 'prometheus' },
      annotations: {
        description: expect.stringContaining('the limit is 1h30m'),
        runbook_url: 'https://example.com/rb.md#stepspanshippingbehind',
        dashboard_url: 'https://grafana.example.com/d/stepspan-health',
        live_url: 'https://hub.example.com/',
      },
    });
    expect(made.loki()[0]).toMatchObject({ expr: expect.stringMatching(/> 7$/), labels: { team: 'tools' } });
  });

  test('may switch off all rules of Loki, and the file stays one that is valid', () => {
    const off = backendRules
      .filter(({ source }) => source === 'loki')
      .map(({ name }) => `  ${name}: { enabled: false }`);
    const made = generate(`rules:\n${off.join('\n')}\n`);
    expect([made.status, made.loki()]).toEqual([0, []]);
  });

  test('with a mistake in it changes nothing, and the message says where and what to write', () => {
    const good = generate('rules: { StepspanHubErrors: { count: 9 } }');
    expect(good.status).toBe(0);
    const bad = generate('rules:\n  StepspanHubErrors:\n    count: many\n');
    expect(bad.status).toBe(2);
    expect(bad.stderr).toMatch(/alerts\.yaml:3: .*write a whole number/);
    expect(bad.prometheus().find(({ alert }) => alert === 'StepspanHubErrors')?.expr).toMatch(/> 9\.5$/);
  });

  test('that does not exist is reported as missing', () => {
    const args = [path.join(folder, 'generate.ts'), '--config', path.join(scratch, 'none.yaml'), '--out', scratch];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringContaining('none.yaml cannot be read')]);
  });
});

describe('queries', () => {
  const queries = ruleQueries(scheduled);

  test.each(queries.map(({ rule, kind, query, language }) => [rule, kind, query, language] as const))(
    'of %s (%s) can be parsed: %s',
    (_rule, _kind, query, language) => {
      const tree = (language === 'promql' ? promql : logql).parse(query);
      const errors: string[] = [];
      tree.iterate({ enter: ({ type, from }) => void (type.isError && errors.push(query.slice(from, from + 20))) });
      expect(errors).toEqual([]);
    },
  );

  test('name metrics of the catalogue, what we record, and those of programs around stepspan', () => {
    const known = new Set([...catalogue.map(({ name }) => name), ...Object.values(recorded), 'up']);
    const found = queries
      .filter(({ language }) => language === 'promql')
      .flatMap(({ query }) => identifiers(query))
      .filter((name) => !known.has(name) && !/^(otelcol|alertmanager)_/.test(name));
    expect(found).toEqual([]);
  });

  test('match labels with values that the catalogue has', () => {
    const wrong: string[] = [];
    for (const { query } of queries.filter(({ language }) => language === 'promql')) {
      for (const [, name = '', label = '', value = ''] of query.matchAll(/(\w+)\{(\w+)(?:=~|!=|=)"([^"\\]+)"\}/g)) {
        const values = (
          catalogue.find((metric) => metric.name === name)?.labels as Record<string, unknown> | undefined
        )?.[label];
        if (name === 'up' || name === '') continue;
        const fixed = (values as { values?: readonly string[] } | undefined)?.values;
        if (values === undefined || value.split('|').some((each) => fixed?.includes(each) === false))
          wrong.push(`${name}{${label}="${value}"}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('ask for the jobs that Prometheus of the stack scrapes', () => {
    const config = readFileSync(path.resolve(folder, '../stack/prometheus.yaml'), 'utf8');
    const jobs = (parse(config) as { scrape_configs: { job_name: string }[] }).scrape_configs.map(
      (job) => job.job_name,
    );
    expect(jobs).toEqual(expect.arrayContaining(['stepspan', ...backendJobs]));
  });
});

test('texts name only labels that the answer of their query has', () => {
  const wrong: string[] = [];
  for (const { rule, expr, summary, description } of alertsOf([
    ...prometheusGroups(scheduled),
    ...lokiGroups(scheduled),
  ])) {
    const grouped = [...expr.matchAll(/by \(([\w, ]+)\)/g)].flatMap(([, names = '']) => names.split(', '));
    const free = ['stepspan:', 'up{', 'otelcol_'].some((start) => expr.startsWith(start));
    for (const [, label = ''] of `${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)) {
      if (!free && !grouped.includes(label)) wrong.push(`${rule.name}: ${label}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('durations are written as Prometheus and alerts.yaml both read them', () => {
  for (const text of ['500ms', '15m', '1h30m', '1d2h', '52d'])
    expect(formatSetDuration(parseDuration(text) ?? 0)).toBe(text);
});

/** What a query names as metrics: identifiers that are not functions, keywords, or in braces or parentheses of labels. */
function identifiers(query: string): readonly string[] {
  const names: string[] = [];
  promql.parse(query).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.name === 'Identifier' && node.parent?.type.name === 'VectorSelector') names.push(query.slice(from, to));
    },
  });
  expect(names.length + (query.includes('__name__') ? 1 : 0)).toBeGreaterThan(0);
  return names;
}
