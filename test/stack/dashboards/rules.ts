// Every query of the alert rules on real data: conditions and recordings can be evaluated, and what conditions compare with
// their thresholds is there, with the labels that texts and routes rely on, and says what the runs did.
import { describe, expect, test } from 'vitest';
import { recorded } from '../../../alerting/queries/prometheus.ts';
import { defaultAlerts } from '../../../src/runs/alerts/alerts-file.ts';
import { ruleQueries } from '../../alerting/rule-queries.ts';
import type { SampleStack } from '../support/sample-runs.ts';

const hour = 3_600_000;
const defaults = defaultAlerts();
const settings = {
  ...defaults,
  // Wide enough for however long the runs took.
  rules: {
    ...defaults.rules,
    StepspanErrorBurst: { enabled: true, severity: 'warning', thresholds: { window: hour, lines: 50 } },
  } as const,
  schedules: { review: 26 * hour, deploy: 26 * hour },
};

type Row = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** By the labels that are named, as `a/b`. */
const by = (rows: readonly Row[], ...labels: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(rows.map((row) => [labels.map((label) => row.labels[label]).join('/'), Math.round(row.value)]));

/** What the measures of a rule say after the sample runs, one list of rows a measure. */
const expected: Readonly<Record<string, (measures: readonly (readonly Row[])[]) => void>> = {
  // Once for each of the two that are scheduled; deploy has only ever failed.
  StepspanNoRecentSuccess([review = [], deploy = []]) {
    expect(review.map(({ labels }) => labels)).toEqual([{ workflow: 'review' }]);
    expect(Date.now() / 1000 - (review[0]?.value ?? 0)).toBeLessThan(3600);
    expect(deploy).toEqual([]);
  },
  StepspanSpendHigh: ([cost = []]) => expect(cost[0]?.value).toBeGreaterThan(0),
  StepspanHubDown: ([up = []]) => expect(by(up, 'job')).toEqual({ stepspan: 1 }),
  StepspanBackendDown: ([up = []]) => expect(by(up, 'job')).toEqual({ 'otel-collector': 1 }),
  StepspanShippingBehind: ([lag = []]) => expect(Object.keys(by(lag, 'signal')).sort()).toEqual(['logs', 'traces']),
  StepspanShippingRejecting: ([refused = []]) => expect(by(refused, 'signal')).toEqual({ logs: 0, traces: 0 }),
  StepspanJournalDiskFilling(measures) {
    for (const rows of measures) expect(rows.map(({ labels }) => Object.keys(labels))).toEqual([['instance']]);
    expect(measures[0]?.[0]?.value).toBeGreaterThan(2 ** 20);
  },
  StepspanLinesLost: ([lost = []]) => expect(by(lost, 'why')).toEqual({ disk: 0, retention: 0, size: 0 }),
  StepspanRetentionUnsent: ([unsent = []]) =>
    expect(by(unsent, 'reader')).toMatchObject({ 'ship-logs': 0, 'ship-traces': 0 }),
  StepspanJournalDamaged: ([kinds = []]) => expect(by(kinds, 'kind')).toMatchObject({ corrupt: 0, gap: 0 }),
  StepspanHubErrors: ([tasks = []]) => expect(by(tasks, 'task')).toMatchObject({ follow: 0, adopt: 0, ship: 0 }),
  StepspanAlertsUndelivered: ([waiting = []]) => expect(waiting.map(({ value }) => value)).toEqual([0]),
  StepspanLabelOverflow: ([over = []]) => expect(by(over, 'label')).toMatchObject({ workflow: 0, step: 0 }),
  StepspanCollectorQueueFilling([share = []]) {
    expect(Object.keys(by(share, 'exporter', 'data_type')).sort()).toEqual([
      'otlp_http/loki/logs',
      'otlp_http/tempo/traces',
    ]);
  },
  StepspanErrorBurst: ([lines = []]) => expect(by(lines, 'workflow')).toMatchObject({ deploy: 2, review: 1 }),
  StepspanResourceExhausted: ([lines = []]) => expect(lines).toEqual([]),
};

/** Of these the sample has nothing to scrape, or nothing that could have been counted. */
const notHere = new Set(['StepspanNotificationsFailing', 'StepspanCollectorDropping']);

export function ruleTests(sampleOf: () => SampleStack): void {
  const queries = ruleQueries(settings);
  const ask = async ({ language, query }: (typeof queries)[number]): Promise<readonly Row[]> => {
    const sample = sampleOf();
    const rows = await (language === 'promql' ? sample.prometheus.query(query) : sample.stack.loki.metricQuery(query));
    for (const { value } of rows) expect(Number.isNaN(value), query).toBe(false);
    return rows;
  };

  describe('rules', () => {
    test.each(queries.filter(({ kind }) => kind === 'condition'))(
      'the condition of $rule can be evaluated',
      async (query) => {
        const fired = await ask(query);
        // deploy has failed each time; that is a condition, which only has not lasted.
        const fires = query.query.startsWith('absent(') && query.query.includes('deploy');
        if (query.rule === 'StepspanNoRecentSuccess') expect(fired).toHaveLength(fires ? 1 : 0);
        if (query.rule === 'StepspanHubDown' || query.rule === 'StepspanLinesLost') expect(fired).toEqual([]);
      },
    );

    test('what is recorded says how many runs ended, and how many of them failed', async () => {
      const [ended = [], failed = []] = await Promise.all(queries.filter(({ kind }) => kind === 'recording').map(ask));
      expect(by(ended, 'workflow')).toMatchObject({ review: 1, deploy: 2, late: 1, spender: 1, orphan: 1 });
      expect(by(failed, 'workflow')).toMatchObject({ review: 0, deploy: 1, late: 1, spender: 1, orphan: 1 });
    });

    const measures = queries.filter(
      ({ kind, query }) => kind === 'measure' && !Object.values(recorded).includes(query),
    );
    test.each(Object.keys(expected))('what %s compares is there', async (rule) => {
      const rows = await Promise.all(measures.filter((query) => query.rule === rule).map(ask));
      expected[rule]?.(rows);
    });

    test('no rule is left out', () => {
      const measured = new Set(measures.map(({ rule }) => rule));
      expect([...measured].filter((rule) => !notHere.has(rule)).sort()).toEqual(Object.keys(expected).sort());
    });
  });
}
