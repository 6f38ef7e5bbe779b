// Alerts of real runs through the real Alertmanager to a real webhook: at once, once, also across outages and kills, and
// resolved when a later run succeeds. What the rules say is test/readers/notify's.
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dataFolder } from '../../src/journal/index.ts';
import { type NotifySettings, startNotifier } from '../../src/readers/notify/index.ts';
import { defaultAlerts } from '../../src/runs/alerts/index.ts';
import type { RunningCli } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { failOnProblem } from '../support/journal.ts';
import {
  type Alertmanager,
  createAlertmanager,
  startAlertmanager,
  startWebhookSink,
  type WebhookSink,
  webhookConfig,
} from './support/alertmanager.ts';
import { eventually } from './support/service.ts';

const failing = 'name: nightly\nsteps:\n  - id: build\n    run: "echo compiling; echo no such file >&2; exit 3"\n';
const other = failing.replace('nightly', 'weekly');
const fine = 'name: nightly\nsteps:\n  - id: build\n    run: echo fine\n';

type Place = { readonly rig: CliRig; readonly sink: WebhookSink; readonly alertmanager: Alertmanager };

async function place(options: { readonly up: boolean }): Promise<Place> {
  const sink = await startWebhookSink();
  onTestFinished(sink.close);
  const config = webhookConfig(sink.url);
  const alertmanager = options.up ? await startAlertmanager({ config }) : await createAlertmanager({ config });
  onTestFinished(alertmanager.remove);
  return { rig: await startCliRig(), sink, alertmanager };
}

const hubs: RunningCli[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) {
    hub.child.kill('SIGKILL');
    await hub.done;
  }
});

async function startHub({ rig }: Pick<Place, 'rig'>, env: Readonly<Record<string, string>>): Promise<RunningCli> {
  const hub = rig.start(['serve', '--port', '0', '--no-page'], env);
  hubs.push(hub);
  await hub.said('listening on');
  return hub;
}

const settingsFor = ({ url }: Alertmanager): NotifySettings => ({
  receiver: { kind: 'alertmanager', url },
  alerts: defaultAlerts(),
  hubUrl: undefined,
  grafanaUrl: undefined,
  linksOf: () => [],
});

const names = (sink: WebhookSink): readonly string[] =>
  sink.messages.flatMap(({ status, alerts }) =>
    alerts.map(({ labels }) => `${status} ${labels.alertname} ${labels.run}`),
  );

describe('a run that fails', () => {
  test('arrives at a receiver of Alertmanager with its last lines and links', async () => {
    const { rig, sink, alertmanager } = await place({ up: true });
    const env = {
      STEPSPAN_ALERTMANAGER_URL: alertmanager.url,
      STEPSPAN_PUBLIC_URL: 'http://hub.example',
      STEPSPAN_GRAFANA_URL: 'http://grafana.example',
    };
    const { result } = await rig.runYaml(failing, [], env);

    const [message] = await eventually('the webhook has it', () =>
      sink.messages.length > 0 ? sink.messages : undefined,
    );
    expect(message?.status).toBe('firing');
    expect(message?.alerts[0]?.labels).toEqual({
      alertname: 'StepspanRunFailed',
      severity: 'critical',
      source: 'run',
      workflow: 'nightly',
      run: result.runId,
      step: 'build',
    });
    expect(message?.alerts[0]?.annotations.description).toContain('exit code 3\n> compiling\n> no such file');
    expect(message?.alerts[0]?.annotations.live_url).toContain(`http://hub.example/#/runs/${result.runId}/output?`);
    const dashboard = new URL(message?.alerts[0]?.annotations.dashboard_url ?? '');
    const { from, to, ...variables } = Object.fromEntries(dashboard.searchParams);
    expect(variables).toEqual({ 'var-run': result.runId, 'var-trace': result.traceId });
    expect(Number(from)).toBeLessThan(Number(to));
  });

  test('is resolved at a receiver when a later run of the workflow succeeds', async () => {
    const { rig, sink, alertmanager } = await place({ up: true });
    const env = { STEPSPAN_ALERTMANAGER_URL: alertmanager.url };
    const { result } = await rig.runYaml(failing);
    // Sent long ago, as this notifier sees it: a failure that was sent only just now is not resolved yet.
    const agoMs = 10 * 60_000;
    const data = dataFolder(rig.dataDir);
    const begun = await startNotifier({
      data,
      runId: result.runId,
      settings: settingsFor(alertmanager),
      onProblem: failOnProblem,
      now: () => Date.now() - agoMs,
    });
    if (begun.kind !== 'started') throw new Error('somebody else notifies');
    await begun.notifier.delivered;
    await begun.notifier.stop();
    await eventually('the webhook has it', () => sink.messages.length > 0 || undefined);

    await rig.runYaml(fine, [], env);
    await eventually('the webhook has the end of it', () => sink.messages.length > 1 || undefined);
    expect(names(sink)).toEqual([
      `firing StepspanRunFailed ${result.runId}`,
      `resolved StepspanRunFailed ${result.runId}`,
    ]);
  });

  test('is reported as not delivered if Alertmanager is down, and delivered once by a hub when it is up', async () => {
    const { rig, sink, alertmanager } = await place({ up: false });
    const env = { STEPSPAN_ALERTMANAGER_URL: alertmanager.url };
    const { result, stderr: shown } = await rig.runYaml(failing, ['--ship-wait', '100ms'], env);
    expect(shown).toContain('1 alert is not delivered');

    await startHub({ rig }, env);
    await alertmanager.start();
    await eventually('the webhook has it', () => sink.messages.length > 0 || undefined);

    // What comes after it takes the same way, so it has come after all there was to send.
    const second = await rig.runYaml(other, [], env);
    await eventually('the next one has come', () => sink.messages.length > 1 || undefined);
    expect(names(sink)).toEqual([
      `firing StepspanRunFailed ${result.runId}`,
      `firing StepspanRunFailed ${second.result.runId}`,
    ]);
  });

  test('is not sent twice by a hub that was killed and started again', async () => {
    const { rig, sink, alertmanager } = await place({ up: true });
    const env = { STEPSPAN_ALERTMANAGER_URL: alertmanager.url };
    const hub = await startHub({ rig }, env);
    const first = await rig.runYaml(failing, [], env);
    await eventually('the webhook has it', () => sink.messages.length > 0 || undefined);
    hub.child.kill('SIGKILL');
    await hub.done;

    await startHub({ rig }, env);
    const second = await rig.runYaml(other, [], env);
    await eventually(
      'the second hub has sent what it has',
      () => names(sink).includes(`firing StepspanRunFailed ${second.result.runId}`) || undefined,
    );
    expect(names(sink)).toEqual([
      `firing StepspanRunFailed ${first.result.runId}`,
      `firing StepspanRunFailed ${second.result.runId}`,
    ]);
  });

  test('goes to a webhook directly without Alertmanager, in the same form, and its address is shown nowhere', async () => {
    const sink = await startWebhookSink();
    onTestFinished(sink.close);
    const rig = await startCliRig();
    const secret = `${sink.url}/s3cr3t-part`;
    const { result, stdout, stderr } = await rig.runYaml(
      failing.replace('echo compiling', 'echo $STEPSPAN_ALERT_WEBHOOK_URL'),
      [],
      { STEPSPAN_ALERT_WEBHOOK_URL: secret },
    );
    expect(names(sink)).toContain(`firing StepspanRunFailed ${result.runId}`);
    expect(sink.messages[0]).toMatchObject({ version: '4', receiver: 'stepspan', truncatedAlerts: 0 });
    expect(stdout + stderr + JSON.stringify(sink.messages)).not.toContain('s3cr3t-part');
    expect(rig.filesWith('s3cr3t-part')).toEqual([]);
  });
});

describe('alerts test', () => {
  test('says which receivers Alertmanager has routed it to, and that it has sent a message', async () => {
    const { rig, sink, alertmanager } = await place({ up: true });
    const { code, stdout } = await rig.run(['alerts', 'test', '--severity', 'critical'], {
      STEPSPAN_ALERTMANAGER_URL: alertmanager.url,
    });
    expect(stdout).toContain('routed to hook');
    expect(stdout).toMatch(/webhook: \d+ sent since, 0 of them failed/);
    expect(code).toBe(0);
    expect(sink.messages[0]?.alerts[0]?.labels).toMatchObject({ alertname: 'StepspanTest', severity: 'critical' });
  });

  test('fails where Alertmanager could not send it on, and where nothing listens', async () => {
    const { rig, sink, alertmanager } = await place({ up: true });
    sink.answer(400);
    const env = { STEPSPAN_ALERTMANAGER_URL: alertmanager.url };
    const refused = await rig.run(['alerts', 'test'], env);
    expect(refused.stderr).toContain('could not send every message');
    expect(refused.code).toBe(3);
    await alertmanager.stop();
    const down = await rig.run(['alerts', 'test'], env);
    expect(down.stderr).toContain('was not taken');
    expect(down.code).toBe(3);
  });
});
