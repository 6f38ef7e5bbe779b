// `stepspan alerts` and the settings of alerts, on the real program.
import { expect, onTestFinished, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import { createProblemLog, dataFolder, openJournal } from '../../../src/journal/index.ts';
import { startNotifying } from '../../../src/library/notifying.ts';
import { defaultAlerts } from '../../../src/runs/alerts/index.ts';
import { startWebhookSink } from '../../stack/support/alertmanager.ts';
import { startCliRig } from '../../support/cli-rig.ts';

const failing = 'name: nightly\nsteps:\n  - id: build\n    run: exit 3\n';

test('what no receiver has taken is reported at the end of the run and listed, with where alerts go and without the secret of it', async () => {
  const sink = await startWebhookSink();
  onTestFinished(sink.close);
  sink.answer(503);
  const rig = await startCliRig();
  const env = { STEPSPAN_ALERT_WEBHOOK_URL: `${sink.url}/s3cr3t` };
  const { result, stderr: shown } = await rig.runYaml(failing, ['--ship-wait', '5s'], env);
  expect(shown).toMatch(
    /1 alert is not delivered \(http:\/\/127\.0\.0\.1:\d+ (?:answered 503|cannot be reached: .*)\); a hub will send them/,
  );

  const listed = await rig.run(['alerts'], env);
  expect(listed.code).toBe(0);
  expect(listed.stdout).toContain('StepspanRunFailed  nightly failed: step build: exit code 3');
  expect(listed.stdout).toContain(`run ${result.runId}, `);
  expect(listed.stdout).toContain('not taken by a receiver yet');
  expect(listed.stdout).toMatch(/Alerts of runs go to http:\/\/127\.0\.0\.1:\d+ \(webhook\)/);
  expect(shown + listed.stdout).not.toContain('s3cr3t');

  sink.answer(200);
  const next = await rig.runYaml(failing, [], env);
  const json = JSON.parse((await rig.run(['alerts', 'list', '--json'], env)).stdout) as {
    readonly firing: readonly { readonly runId: string; readonly delivery: { readonly kind: string } }[];
  };
  expect(json.firing.map(({ runId, delivery }) => [runId, delivery.kind])).toEqual([
    [next.result.runId, 'taken'],
    [result.runId, 'waiting'],
  ]);
});

test('alerts.yaml beside the settings is used, and a mistake in it stops a run before it starts', async () => {
  const rig = await startCliRig();
  rig.write('flow.yaml', failing);
  rig.write('alerts.yaml', 'rules:\n  StepspanRunStuck: { after: 20m }\n  StepspanRunFailed: { enabled: false }\n');
  expect((await rig.run(['alerts'])).stdout).not.toContain('after 20m');
  rig.write('stepspan.config.yaml', 'shipWait: 1s\n');
  const { stdout } = await rig.run(['alerts']);
  expect(stdout).toContain('after 20m*');
  expect(stdout).toMatch(/StepspanRunFailed +run +off\*/);

  rig.write('alerts.yaml', 'rules:\n  StepspanRunStuck:\n    after: soon\n');
  const refused = await rig.run(['run', 'flow.yaml']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('alerts.yaml:3: rules.StepspanRunStuck.after: write a duration such as `30s`');
  expect(rig.runIds()).toEqual([]);
});

test('a text that is not an address is refused without being shown, and a test without a receiver says what to set', async () => {
  const rig = await startCliRig();
  const wrong = await rig.run(['alerts'], { STEPSPAN_ALERT_WEBHOOK_URL: 'hooks.example.com/s3cr3t' });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('STEPSPAN_ALERT_WEBHOOK_URL: alertWebhookUrl is (not shown), not an http address');
  expect(wrong.stderr).not.toContain('s3cr3t');
  const none = await rig.run(['alerts', 'test']);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('set STEPSPAN_ALERTMANAGER_URL or STEPSPAN_ALERT_WEBHOOK_URL');
});

test('a receiver that nobody listens at does not hold up the end of a run, which says what is not delivered', async () => {
  const gone = await startWebhookSink();
  await gone.close();
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const { result } = await rig.runYaml(failing);
  const data = dataFolder(rig.dataDir);
  const settings = {
    receiver: { kind: 'webhook', url: gone.url },
    alerts: defaultAlerts(),
    hubUrl: undefined,
    grafanaUrl: undefined,
    linksOf: () => [],
  } as const;
  const notifying = await startNotifying(
    data,
    settings,
    openJournal(data.runDir(result.runId as RunId)),
    createProblemLog(),
  );
  // Longer than the test may take: a wait that is not given up fails it.
  const end = await notifying.finish({ ms: 3_600_000, giveUp: 'unreachable' });
  expect(end).toMatchObject({ kind: 'pending', waiting: 1, message: expect.stringContaining('cannot be reached') });
});
