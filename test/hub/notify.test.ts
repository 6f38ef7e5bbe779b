// What a hub does for the alerts of its data folder: which runs are news, what it adopts, what it counts.
import { describe, expect, onTestFinished, test } from 'vitest';
import { createJournal, type DataFolder } from '../../src/journal/index.ts';
import type { NotifySettings } from '../../src/readers/notify/index.ts';
import { defaultAlerts, readAlerts } from '../../src/runs/alerts/index.ts';
import { answered, asked, exit1, runFinished, runStarted } from '../runs/journal-of.ts';
import { startWebhookSink } from '../stack/support/alertmanager.ts';
import { until } from '../support/until.ts';
import { beginRun, endRun, hubOf, nextRunId, scrapeUntil, tempData } from './hub-rig.ts';

const build = { step: 'build', attempt: 1 };

async function webhook() {
  const sink = await startWebhookSink();
  onTestFinished(sink.close);
  const notify: NotifySettings = {
    receiver: { kind: 'webhook', url: sink.url },
    alerts: defaultAlerts(),
    hubUrl: undefined,
    grafanaUrl: undefined,
    linksOf: () => [],
  };
  const received = () =>
    sink.messages.map(({ status, alerts }) => `${status} ${alerts[0]?.labels.alertname} ${alerts[0]?.labels.run}`);
  return { sink, notify, received };
}

describe('alerts', () => {
  test('of a run that fails are sent with a link to the hub, and counted', async () => {
    const { sink, notify, received } = await webhook();
    const data = tempData();
    const hub = await hubOf(data, { notify });
    const run = beginRun(data);
    await endRun(run, runFinished(exit1));
    await until(() => sink.messages.length > 0);
    expect(received()).toEqual([`firing StepspanRunFailed ${run.runId}`]);
    expect(sink.messages[0]?.commonAnnotations.live_url).toContain(`${hub.url}/#/runs/${run.runId}/`);
    await scrapeUntil(
      hub.url,
      (now) =>
        now.value('stepspan_alerts_sent_total', { receiver: 'webhook', result: 'taken' }) === 1 &&
        now.value('stepspan_alerts_waiting') === 0,
    );
  });

  test('of a run that asks are sent with a link to its page, and resolved by the answer', async () => {
    const { sink, notify, received } = await webhook();
    const data = tempData();
    const hub = await hubOf(data, { notify });
    const run = beginRun(data);
    onTestFinished(run.journal.close);
    run.journal.event(asked(), build);
    await run.journal.sync();
    await until(() => sink.messages.length > 0);
    expect(received()).toEqual([`firing StepspanWaitingForYou ${run.runId}`]);
    const { live_url, summary, description } = sink.messages[0]?.commonAnnotations ?? {};
    expect(live_url).toContain(`${hub.url}/#/runs/${run.runId}/`);
    expect(summary).toContain('step build waits for permission for Bash(npm test)');
    expect(description).toContain(`\`stepspan answer ${run.runId}\``);
    run.journal.event(answered, build);
    await run.journal.sync();
    await until(() => sink.messages.length > 1);
    expect(received()[1]).toBe(`resolved StepspanWaitingForYou ${run.runId}`);
  });

  test('of a run whose stepspan was killed are sent when the hub adopts it', async () => {
    const { sink, notify, received } = await webhook();
    const data = tempData();
    const run = beginRun(data);
    await run.journal.close();
    await hubOf(data, { notify });
    await until(() => sink.messages.length > 0);
    expect(received()).toEqual([`firing StepspanRunAbandoned ${run.runId}`]);
  });

  test('that nobody has taken are shown as waiting, and sent when somebody does', async () => {
    const { sink, notify } = await webhook();
    sink.answer(503);
    const data = tempData();
    const hub = await hubOf(data, { notify });
    await endRun(beginRun(data), runFinished(exit1));
    await scrapeUntil(hub.url, (now) => now.value('stepspan_alerts_waiting') === 1);
    sink.answer(200);
    await until(() => sink.messages.length === 1);
  });

  test('that fire are a metric, with or without a receiver, until a later run of the workflow succeeds', async () => {
    const data = tempData();
    const read = readAlerts('rules: { StepspanRunFailed: { severity: info } }', 'alerts.yaml');
    if (!read.ok) throw new Error(read.problems.join());
    const notify = { ...(await webhook()).notify, alerts: read.settings };
    const hub = await hubOf(data, { notify });
    const firing = (count: number) =>
      scrapeUntil(
        hub.url,
        (now) => now.value('stepspan_alerts_firing', { rule: 'StepspanRunFailed', severity: 'info' }) === count,
      );
    await firing(0);
    await endRun(beginRun(data), runFinished(exit1));
    await firing(1);
    const stuck = beginRun(data);
    stuck.journal.event({ type: 'stall.detected', cause: 'output_closed', durationMs: 1000, action: 'none' }, build);
    await scrapeUntil(
      hub.url,
      (now) =>
        now.value('stepspan_alerts_firing', { rule: 'StepspanRunStuck', severity: 'warning' }) === 1 &&
        now.value('stepspan_active_runs_by_state', { workflow: 'nightly', state: 'stuck' }) === 1 &&
        now.value('stepspan_active_runs_by_state', { workflow: 'nightly', state: 'running' }) === 0,
    );
    await endRun(stuck);
    await firing(0);
  });

  test('of runs that ended long before the hub came to the data folder are not sent', async () => {
    const { sink, notify, received } = await webhook();
    const data = tempData();
    await endOld(data);
    await hubOf(data, { notify });
    const fresh = beginRun(data);
    await endRun(fresh, runFinished(exit1));
    // Runs are looked at in one go, the newest first; after a second one the first go is over.
    await until(() => sink.messages.length === 1);
    const later = beginRun(data);
    await endRun(later, runFinished(exit1));
    await until(() => sink.messages.length === 2);
    expect(received()).toEqual([fresh, later].map(({ runId }) => `firing StepspanRunFailed ${runId}`));
  });
});

/** A run that failed two hours ago, by its own journal. */
async function endOld(data: DataFolder): Promise<void> {
  const agoMs = 2 * 3_600_000;
  const runId = nextRunId(agoMs);
  const wallNs = () => BigInt(Date.now() - agoMs) * 1_000_000n;
  const journal = createJournal(data.runDir(runId), { archive: false, wallNs });
  journal.event(runStarted(['build'], { runId }));
  await endRun({ runId, journal }, runFinished(exit1));
}
