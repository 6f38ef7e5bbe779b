// The alerts that the tail sends are those that alerts.yaml decides and that the page shows; the events behind them are log entries.
import { expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder } from '../../../src/journal/index.ts';
import { readAlerts } from '../../../src/runs/alerts/index.ts';
import { createCatalogue } from '../../../src/runs/index.ts';
import { output, stepStarted, subject, tempRoot } from '../../journal/journal-rig.ts';
import {
  attemptFinished,
  attemptStarted,
  exit1,
  runFinished,
  runStarted,
  stepFinished,
} from '../../runs/journal-of.ts';
import { serveTail, type Watcher, watch } from './tail-rig.ts';

const secret: Event = { type: 'secret.redacted', kinds: { aws_key: 2 } };
const stalled: Event = { type: 'stall.detected', cause: 'output_closed', durationMs: 1000, action: 'none' };

async function watchRun(events: readonly Event[], alertsYaml = '') {
  const read = readAlerts(alertsYaml, 'alerts.yaml');
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const root = tempRoot();
  const data = dataFolder(root);
  const { url } = await serveTail(root, { catalogue: createCatalogue({ data, alerts: read.settings }) });
  const journal = createJournal(data.runDir(newRunId()), {});
  journal.event(runStarted(['build'], { runId: journal.folder.runId }));
  journal.event(stepStarted, subject);
  journal.event(attemptStarted, subject);
  journal.output(output('compiling\n'));
  for (const event of events) journal.event(event, subject);
  return { url, journal, watcher: await watch(url, journal.folder) };
}

const alertsIn = ({ messages }: Watcher) =>
  messages.flatMap((message) =>
    message.type === 'alert_triggered' ? [`${message.data.severity} ${message.data.alert.rule}`] : [],
  );

test('an event about which there is an alert is a log entry, and the alert has the severity of alerts.yaml', async () => {
  const { watcher } = await watchRun([secret], 'rules: { StepspanSecretHidden: { severity: critical } }');
  const { data } = await watcher.heard('log_entry', (message) => message.data.event?.type === 'secret.redacted');
  expect(data).toMatchObject({ severity: 'warning', step: 'build' });
  const alert = await watcher.heard('alert_triggered');
  expect(alert.data).toMatchObject({
    severity: 'error',
    alert: { rule: 'StepspanSecretHidden', severity: 'critical' },
  });
  expect(alert.data.message).toBe(alert.data.alert.summary);
});

test('a rule that is switched off sends no alert', async () => {
  const { journal, watcher } = await watchRun([secret], 'rules: { StepspanSecretHidden: { enabled: false } }');
  // The stall is reported after the secret.
  journal.event(stalled, subject);
  await watcher.heard('alert_triggered', ({ data }) => data.alert.rule === 'StepspanRunStuck');
  expect(alertsIn(watcher)).toEqual(['warning StepspanRunStuck']);
});

test('silence becomes an alert with the clock, by the threshold of alerts.yaml, and output resolves it', async () => {
  const { journal, watcher } = await watchRun([], 'rules: { StepspanRunStuck: { after: 1s } }');
  const { data } = await watcher.heard('alert_triggered');
  expect(data).toMatchObject({ step: 'build', alert: { rule: 'StepspanRunStuck' } });
  journal.output(output('linking\n'));
  const resolved = await watcher.heard('alert_resolved');
  expect(resolved.data.alert).toEqual(data.alert);
});

test('how a run ended is an alert too, also for a watcher who comes after its end', async () => {
  const { url, journal, watcher } = await watchRun([stalled]);
  await watcher.heard('alert_triggered');
  journal.event(attemptFinished(exit1), subject);
  journal.event(stepFinished(exit1), subject);
  journal.event(runFinished(exit1));
  await journal.close();
  await watcher.heard('alert_resolved', (message) => message.data.alert.rule === 'StepspanRunStuck');
  await watcher.heard('alert_triggered', (message) => message.data.alert.rule === 'StepspanRunFailed');
  const late = await watch(url, journal.folder, { fromSeq: 'end' });
  await late.heard('alert_triggered', (message) => message.data.alert.rule === 'StepspanRunFailed');
});

test('nothing follows the end of a run, neither its progress nor its alerts', async () => {
  const { url, journal, watcher } = await watchRun([stalled]);
  const early = await watch(url, journal.folder);
  journal.event(attemptFinished(exit1), subject);
  journal.event(stepFinished(exit1), subject);
  journal.event(runFinished(exit1));
  await journal.close();
  const late = await watch(url, journal.folder);
  for (const one of [watcher, early, late]) {
    await one.heard('caught_up', ({ data }) => data.ended);
    const types = one.messages.map(({ type }) => type);
    const before = types.slice(0, types.lastIndexOf('caught_up'));
    expect(before).toContain('progress');
    expect(one.messages.findLast(({ type }) => type === 'progress')?.data).toMatchObject({ progress: 100 });
    expect(before).toContain('alert_triggered');
    one.say({ type: 'ping', nonce: 'after the end' });
    await one.heard('pong');
    expect(one.messages.slice(before.length).map(({ type }) => type)).toEqual(['caught_up', 'pong']);
  }
});
