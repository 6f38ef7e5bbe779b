// Which alert silences which, asked of the real Alertmanager with our configuration. Each pair has labels of its own, so
// that none sees another's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ourConfig } from './alerting/our-alertmanager.ts';
import { type Alertmanager, startAlertmanager } from './support/alertmanager.ts';
import { eventually } from './support/service.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-inhibition-'));
let alertmanager: Alertmanager;

beforeAll(async () => {
  alertmanager = await startAlertmanager({ config: ourConfig(folder, {}) });
});

afterAll(async () => {
  await alertmanager?.remove();
  rmSync(folder, { recursive: true, force: true });
});

type Labels = Readonly<Record<string, string>>;

const post = async (alerts: readonly { labels: Labels; endsAt?: string }[]): Promise<void> => {
  const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts),
  });
  expect(response.status).toBe(200);
};

/**
 * Whether the second is silenced while the first fires; both are over afterwards. Alertmanager learns of the first by a queue of its
 * own, so what is to be silenced is waited for.
 */
async function isSilenced(source: Labels, target: Labels, isExpected: boolean): Promise<boolean> {
  await post([{ labels: source }, { labels: target }]);
  const state = await eventually(`Alertmanager knows ${JSON.stringify(target)}`, async () => {
    const alerts = await alertmanager.alerts();
    const same = (labels: Labels) => (alert: { labels: Labels }) =>
      JSON.stringify(alert.labels) === JSON.stringify(labels);
    const found = alerts.some(same(sorted(source))) ? alerts.find(same(sorted(target)))?.status.state : undefined;
    return isExpected && found !== 'suppressed' ? undefined : found;
  });
  const endsAt = new Date().toISOString();
  await post([
    { labels: source, endsAt },
    { labels: target, endsAt },
  ]);
  await eventually('both are over', async () => ((await alertmanager.alerts()).length === 0 ? true : undefined));
  return state === 'suppressed';
}

function sorted(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const hub = { alertname: 'StepspanHubDown', severity: 'critical', instance: 'a:9464' };
const noHub = { alertname: 'StepspanHubDown', severity: 'critical', job: 'stepspan' };
const behind = { alertname: 'StepspanShippingBehind', severity: 'warning', instance: 'a:9464', signal: 'logs' };
const disk = { alertname: 'StepspanJournalDiskFilling', severity: 'warning', instance: 'a:9464' };
const overdue = { alertname: 'StepspanNoRecentSuccess', severity: 'critical', workflow: 'nightly' };
const failed = { alertname: 'StepspanRunFailed', severity: 'critical', workflow: 'review', run: 'r1', step: 'test' };
const stuck = { alertname: 'StepspanRunStuck', severity: 'warning', workflow: 'review', run: 'r1', step: 'build' };
const loki = { alertname: 'StepspanBackendDown', severity: 'warning', job: 'loki', instance: 'loki:3100' };
const burst = { alertname: 'StepspanErrorBurst', severity: 'warning', workflow: 'review' };
const lost = { alertname: 'StepspanLinesLost', severity: 'critical', instance: 'a:9464', why: 'disk' };
const rate = { alertname: 'StepspanWorkflowFailureRate', severity: 'critical', workflow: 'review' };

describe('is silenced', () => {
  test.each<[string, Labels, Labels]>([
    ['what follows from a lost hub', hub, behind],
    ['all of that when Prometheus knows of no hub', noHub, behind],
    ['a workflow that is overdue, while a hub is lost', hub, overdue],
    ['shipping, while Loki is down', loki, behind],
    ['what is less urgent about the same run', failed, stuck],
    ['what is less urgent about the workflow as such', rate, { ...burst, alertname: 'Mine' }],
    ['the warning of a disk that is critical', { ...disk, severity: 'critical' }, disk],
    ['that a run failed, when it was abandoned', { ...failed, alertname: 'StepspanRunAbandoned' }, failed],
    [
      'that a run went over its budget, when it failed of it',
      failed,
      { ...failed, alertname: 'StepspanBudgetExceeded' },
    ],
    [
      'lost lines over all runs, when a run says that it lost some',
      { ...failed, alertname: 'StepspanOutputLost' },
      lost,
    ],
    ['that a workflow prints errors, when a run of it failed', failed, burst],
  ])('%s', async (_title, source, target) => {
    expect(await isSilenced(source, target, true)).toBe(true);
  });
});

describe('is heard', () => {
  test.each<[string, Labels, Labels]>([
    ['another hub', hub, { ...behind, instance: 'b:9464' }],
    ['a full disk, which may be why the hub is lost', hub, disk],
    ['a failed run, while a hub is lost', hub, failed],
    ['another run of the workflow', failed, { ...stuck, run: 'r2' }],
    ['a run that is stuck, while the workflow as such fails', rate, stuck],
    ['lost lines, when a run failed', failed, lost],
    ['another workflow', failed, { ...burst, workflow: 'deploy' }],
    ['a secret in the output of a run that failed', failed, { ...stuck, alertname: 'StepspanSecretHidden' }],
    ['shipping, while Grafana is down', { ...loki, job: 'grafana' }, behind],
    [
      'an alert about no workflow',
      { alertname: 'Mine', severity: 'critical' },
      { alertname: 'Other', severity: 'warning' },
    ],
    ['the more urgent of two', stuck, failed],
  ])('%s', async (_title, source, target) => {
    expect(await isSilenced(source, target, false)).toBe(false);
  });
});
