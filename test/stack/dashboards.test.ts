// Every query of every panel on the real Prometheus and Loki, after real runs that ended in every way there is: what comes
// back is held to what the journals of those runs say. And every query of the alert rules.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboards } from '../grafana/support/dashboards.ts';
import { healthTests, logsTests } from './dashboards/logs-and-health.ts';
import { overviewTests } from './dashboards/overview.ts';
import { answerTo, askOf, neverAsked } from './dashboards/questions.ts';
import { ruleTests } from './dashboards/rules.ts';
import { runTests } from './dashboards/run.ts';
import { needs } from './support/external-programs.ts';
import { type SampleStack, startSampleStack } from './support/sample-runs.ts';

describe('the queries of the dashboards', needs('loki'), () => {
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

  ruleTests(() => sample);
});
