// The rules of Loki's ruler with the real Loki: real runs print, the ruler fires into the real Alertmanager, which calls a
// webhook; and the alert ends when the lines are older than the window. A workflow with few errors causes none.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lokiGroups } from '../../alerting/groups.ts';
import { renderRules } from '../../alerting/render.ts';
import { type AlertSettings, readAlerts } from '../../src/runs/alerts/index.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { ourConfig, withShortWaits } from './alerting/our-alertmanager.ts';
import { type Alertmanager, startAlertmanager, startWebhookSink, type WebhookSink } from './support/alertmanager.ts';
import { needs } from './support/external-programs.ts';
import { createLoki, type Loki } from './support/loki.ts';
import { eventually } from './support/service.ts';

/** Short enough to see the end of it, long enough for lines to arrive on a busy machine. */
const alertsYaml = `
rules:
  StepspanErrorBurst: { window: 40s, lines: 20 }
  StepspanResourceExhausted: { window: 40s }
`;

let rig: CliRig;
let webhook: WebhookSink;
let alertmanager: Alertmanager;
let loki: Loki;

/** As compose lays it out: ours and a user's own side by side, in the folder of the tenant. */
function layOut(settings: AlertSettings): void {
  const tenant = path.join(rig.folder, 'rules', 'fake');
  mkdirSync(tenant, { recursive: true });
  writeFileSync(path.join(tenant, 'stepspan.rules.yaml'), renderRules('Loki', lokiGroups(settings), settings));
  const own = {
    alert: 'Mine',
    expr: 'sum by (workflow) (count_over_time({service_name="stepspan"} |= "my own words" | label_format workflow=cicd_pipeline_name [40s])) > 0',
    labels: { severity: 'warning' },
    annotations: { summary: '{{ $labels.workflow }} said it' },
  };
  writeFileSync(
    path.join(tenant, 'custom-mine.rules.yaml'),
    JSON.stringify({ groups: [{ name: 'mine', rules: [own] }] }),
  );
}

async function run(name: string, script: string): Promise<string> {
  const body = script.replaceAll('\n', '\n      ');
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: loki.otlpEndpoint, OTEL_TRACES_EXPORTER: 'none' };
  const { result } = await rig.runYaml(`name: ${name}\nsteps:\n  - id: print\n    run: |\n      ${body}\n`, [], env);
  return result.runId;
}

const messageAbout = (status: string, alertname: string, workflow: string) =>
  webhook.messages.find(
    (message) =>
      message.status === status &&
      message.groupLabels.alertname === alertname &&
      message.groupLabels.workflow === workflow,
  );

describe("the rules of Loki's ruler", needs('loki'), () => {
  beforeAll(async () => {
    rig = await startCliRig();
    const read = readAlerts(alertsYaml, 'alerts.yaml');
    if (!read.ok) throw new Error(read.problems.join('\n'));
    layOut(read.settings);
    webhook = await startWebhookSink();
    const config = ourConfig(rig.folder, { STEPSPAN_ALERT_WEBHOOK_URL: webhook.url });
    alertmanager = await startAlertmanager({ config: withShortWaits(config) });
    loki = await createLoki({
      env: { LOKI_RULES_FOLDER: path.join(rig.folder, 'rules'), LOKI_ALERTMANAGER_URL: alertmanager.url },
    });
    await loki.start();
  });

  afterAll(async () => {
    await rig?.close();
    await Promise.all([loki?.remove(), alertmanager?.remove()]);
    await webhook?.close();
  });

  test('a burst of errors is sent with its number, and resolved when it has passed; a few errors are not sent', async () => {
    await run('calm', 'for i in 1 2 3 4 5; do echo "ERROR: one of few $i"; done; echo "out of memory, said Claude"');
    await run('noisy', 'for i in $(seq 30); do echo "ERROR: cannot read part $i" >&2; done');

    const firing = await eventually('the burst is sent', () => messageAbout('firing', 'StepspanErrorBurst', 'noisy'));
    expect(firing.alerts[0]).toMatchObject({
      labels: { workflow: 'noisy', severity: 'warning', source: 'loki' },
      annotations: {
        summary: 'noisy prints errors: 30 lines',
        description: expect.stringContaining('In the last 40s'),
        runbook_url: expect.stringContaining('#stepspanerrorburst'),
        dashboard_url: 'http://127.0.0.1:3000/d/stepspan-logs?var-workflow=noisy',
      },
    });
    await eventually('the end is sent', () => messageAbout('resolved', 'StepspanErrorBurst', 'noisy'));
    // It ran before the noisy one, so an alert about it would have arrived by now.
    expect(webhook.messages.filter(({ groupLabels }) => groupLabels.workflow === 'calm')).toEqual([]);
  });

  test("a resource that ran out on stderr is sent, and so is what a user's own rule looks for", async () => {
    await run('full', 'echo "cp: error writing: No space left on device" >&2; echo "my own words"');
    const exhausted = () => messageAbout('firing', 'StepspanResourceExhausted', 'full');
    const message = await eventually('the full disk is sent', exhausted);
    expect(message.alerts[0]?.annotations.summary).toBe('full runs out of memory, disk or files');
    const own = await eventually("the user's own", () => messageAbout('firing', 'Mine', 'full'));
    expect(own.alerts[0]?.annotations.summary).toBe('full said it');
  });
});
