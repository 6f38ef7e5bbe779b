// Every query of every panel on the real Prometheus and Loki, after real runs that ended in every way there is: what comes
// back is held to what the journals of those runs say. And every expression of the rules, that it can be evaluated there.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboards } from '../grafana/support/dashboards.ts';
import { healthTests, logsTests } from './dashboards/logs-and-health.ts';
import { overviewTests } from './dashboards/overview.ts';
import { answerTo, askOf, neverAsked } from './dashboards/questions.ts';
import { runTests } from './dashboards/run.ts';
import { type SampleStack, startSampleStack } from './support/sample-runs.ts';

let sample: SampleStack;
beforeAll(async () => {
  sample = await startSampleStack();
  askOf(sample);
});
afterAll(() => sample?.close());

overviewTests();
runTests();
logsTests();
healthTests();

test('alerts of Prometheus can be marked on every dashboard', async () => {
  // No rule is loaded here, so none fires; that rules fire is tested with the rules.
  for (const { uid } of dashboards) {
    expect(await answerTo(`${uid} / annotation Alerts`)).toEqual({ kind: 'range', series: [] });
  }
});

test('no query of a dashboard was left out', () => {
  expect(neverAsked()).toEqual([]);
});

type Rules = {
  readonly groups: readonly { readonly rules: readonly { alert?: string; record?: string; expr: string }[] }[];
};
const rulesOf = (file: string) =>
  (parse(readFileSync(path.resolve(import.meta.dirname, '../../alerting', file), 'utf8')) as Rules).groups
    .flatMap(({ rules }) => rules)
    .map(({ alert, record, expr }) => ({ name: alert ?? record ?? '', expr }));

describe('a rule can be evaluated on real data', () => {
  test.each(rulesOf('prometheus/stepspan.rules.yaml'))('$name, by Prometheus', async ({ name, expr }) => {
    const rows = await sample.prometheus.query(expr);
    for (const { value } of rows) expect(Number.isNaN(value), name).toBe(false);
    if (name === 'stepspan:workflow_runs:failed_ratio') {
      const ratios = Object.fromEntries(rows.map(({ labels, value }) => [labels.workflow, value]));
      expect(ratios).toMatchObject({ review: 0, deploy: 1, late: 1, spender: 1, orphan: 1 });
    }
  });

  test.each(rulesOf('loki/stepspan/stepspan.rules.yaml'))('$name, by Loki', async ({ name, expr }) => {
    const rows = await sample.stack.loki.metricQuery(expr);
    for (const { value } of rows) expect(Number.isNaN(value), name).toBe(false);
  });
});
