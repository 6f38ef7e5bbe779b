// One notifier over a real journal and a real server: delivered once across refusals, outages and restarts; what runs of
// one workflow mean for each other. The real Alertmanager is test/stack's.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newRunId, type RunId } from '../../../src/core/ids.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import {
  createJournal,
  type DataFolder,
  dataFolder,
  type JournalWriter,
  savedPosition,
} from '../../../src/journal/index.ts';
import {
  loadNotifierState,
  type Notifier,
  type NotifierOptions,
  startNotifier,
} from '../../../src/readers/notify/index.ts';
import { readAlerts } from '../../../src/runs/alerts/index.ts';
import { output, tempRoot } from '../../journal/journal-rig.ts';
import {
  attemptFinished,
  attemptStarted,
  exit1,
  runFinished,
  runStarted,
  stepFinished,
  success,
} from '../../runs/journal-of.ts';
import { jsonOf, serveHttp } from '../../support/http-server.ts';
import { failOnProblem } from '../../support/journal.ts';
import { until } from '../../support/until.ts';
import { alertmanagerAt } from './alertmanager-at.ts';

type Posted = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
};

/** Takes alerts as Alertmanager's API does. `answer` says what to answer, from the alerts that came. */
async function startReceiver() {
  const requests: {
    readonly path: string;
    readonly authorization: string | undefined;
    readonly alerts: readonly Posted[];
  }[] = [];
  let answer: (alerts: readonly Posted[]) => number = () => 200;
  const taken: Posted[] = [];
  const { url, port, close } = await serveHttp(async (request, response) => {
    const alerts = await jsonOf<readonly Posted[]>(request);
    const status = answer(alerts);
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization, alerts });
    if (status === 200) taken.push(...alerts);
    response.writeHead(status).end('why');
  });
  onTestFinished(close);
  return {
    port,
    url,
    requests,
    taken,
    answers(next: (alerts: readonly Posted[]) => number) {
      answer = next;
    },
  };
}

const one = { step: 'one', attempt: 1 };

function begin(data: DataFolder, workflow = 'nightly'): { readonly runId: RunId; readonly writer: JournalWriter } {
  const runId = newRunId();
  const writer = createJournal(data.runDir(runId), {});
  writer.event(runStarted(['one'], { runId, workflow }));
  writer.event({ type: 'step.started' }, one);
  writer.event(attemptStarted, one);
  writer.output(output('compiling\n', { subject: one }));
  return { runId, writer };
}

async function finish(writer: JournalWriter, outcome: Outcome, durationMs = 1000): Promise<void> {
  writer.event(attemptFinished(outcome, durationMs), one);
  writer.event(stepFinished(outcome, durationMs), one);
  writer.event(runFinished(outcome));
  await writer.close();
}

/** Ids sort by their second and then by chance, and these tests are about which run came later. */
async function ended(data: DataFolder, outcome: Outcome, durationMs?: number): Promise<RunId> {
  const last = data.listRunIds()[0] ?? '';
  while (newRunId() <= last) await sleep(20);
  const { runId, writer } = begin(data);
  await finish(writer, outcome, durationMs);
  return runId;
}

async function notifierOf(
  data: DataFolder,
  runId: RunId,
  url: string,
  more: Partial<NotifierOptions> = {},
): Promise<Notifier> {
  const begun = await startNotifier({ data, runId, settings: alertmanagerAt(url), onProblem: failOnProblem, ...more });
  if (begun.kind !== 'started') throw new Error('held');
  onTestFinished(begun.notifier.stop);
  return begun.notifier;
}

describe('delivery', () => {
  test('has the labels of the run among those of the alert, under names of their own', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const runId = newRunId();
    const writer = createJournal(data.runDir(runId), {});
    writer.event(runStarted(['one'], { runId, labels: { team: 'payments', severity: 'low' } }));
    await finish(writer, exit1);
    await notifierOf(data, runId, receiver.url);
    await until(() => receiver.taken.length > 0);
    expect(receiver.taken[0]?.labels).toMatchObject({
      severity: expect.stringMatching(/critical|warning/),
      label_team: 'payments',
      label_severity: 'low',
    });
  });

  test('sends until the receiver has the alert, which then has it once, and only then moves the cursor', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const runId = await ended(data, exit1);
    receiver.answers(() => 503);
    const notifier = await notifierOf(data, runId, receiver.url);
    await until(() => receiver.requests.length >= 2);
    expect(notifier.waiting()).toBe(1);
    expect(notifier.lastFailure()).toContain('answered 503');
    expect(savedPosition(data.runDir(runId), 'notify') ?? 0).toBe(0);
    receiver.answers(() => 200);
    await notifier.delivered;
    expect(receiver.taken.map(({ labels }) => labels.alertname)).toEqual(['StepspanRunFailed']);
    expect(savedPosition(data.runDir(runId), 'notify')).toBe(7);
  });

  test('sends what was taken by nobody before a restart with the same start, and what was taken not again', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const runId = await ended(data, exit1);
    receiver.answers(() => 503);
    const first = await notifierOf(data, runId, receiver.url);
    await until(() => receiver.requests.length >= 1);
    await first.stop();
    receiver.answers(() => 200);
    const second = await notifierOf(data, runId, receiver.url);
    await second.delivered;
    await second.stop();
    const starts = receiver.requests.map(({ alerts }) => alerts[0]?.startsAt);
    expect(new Set(starts).size).toBe(1);
    const sent = receiver.requests.length;
    const third = await notifierOf(data, runId, receiver.url);
    await third.done;
    expect(receiver.requests).toHaveLength(sent);
  });

  test('of one that is refused for good does not hold up the others', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const { runId, writer } = begin(data);
    writer.event({ type: 'secret.redacted', kinds: { token: 1 } }, one);
    await finish(writer, exit1);
    receiver.answers((alerts) =>
      alerts.some(({ labels }) => labels.alertname === 'StepspanSecretHidden') ? 400 : 200,
    );
    const results: string[] = [];
    const onSent = (result: string, count: number) => void results.push(`${count} ${result}`);
    const notifier = await notifierOf(data, runId, receiver.url, { onSent });
    await notifier.delivered;
    expect(receiver.taken.map(({ labels }) => labels.alertname)).toEqual(['StepspanRunFailed']);
    expect(results.sort()).toEqual(['1 refused', '1 taken']);
    expect(loadNotifierState(data.runDir(runId))?.deliveries.StepspanSecretHidden).toMatchObject({
      refused: expect.stringContaining('answered 400: why'),
    });
  });

  test('sends user and password of the address as HTTP asks for, keeps its path, and shows neither', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const url = `http://me:s3cr3t@127.0.0.1:${receiver.port}/am/`;
    receiver.answers(() => 401);
    const notifier = await notifierOf(data, await ended(data, exit1), url);
    await until(() => notifier.lastFailure() !== undefined);
    expect(receiver.requests[0]).toMatchObject({
      path: '/am/api/v2/alerts',
      authorization: `Basic ${Buffer.from('me:s3cr3t').toString('base64')}`,
    });
    expect(notifier.lastFailure()).toBe(`http://127.0.0.1:${receiver.port} answered 401: why`);
  });

  test('is done by one notifier at a time', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const { runId, writer } = begin(data);
    await notifierOf(data, runId, receiver.url);
    const second = await startNotifier({
      data,
      runId,
      settings: alertmanagerAt(receiver.url),
      onProblem: failOnProblem,
    });
    expect(second.kind).toBe('held');
    await writer.close();
  });
});

describe('an active run', () => {
  test('is found stuck by the clock alone, and no longer when its next line has come', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const { runId, writer } = begin(data);
    const read = readAlerts('rules: { StepspanRunStuck: { after: 300ms } }', 'alerts.yaml');
    if (!read.ok) throw new Error(read.problems.join('\n'));
    const settings = { ...alertmanagerAt(receiver.url), alerts: read.settings };
    const notifier = await notifierOf(data, runId, receiver.url, { settings, tickMs: 10 });
    await until(() => receiver.taken.length === 1);
    const [stuck] = receiver.taken;
    expect(stuck?.labels).toMatchObject({ alertname: 'StepspanRunStuck', step: 'one' });
    expect(Date.parse(stuck?.endsAt ?? '') - Date.now()).toBeGreaterThan(4 * 60_000);
    writer.output(output('linking\n', { subject: one }));
    await until(() => receiver.taken.length === 2);
    const over = receiver.taken[1];
    expect(over?.startsAt).toBe(stuck?.startsAt);
    expect(Date.parse(over?.endsAt ?? '')).toBeLessThanOrEqual(Date.now());
    await notifier.stop();
    await writer.close();
  });

  test('is compared with what its steps took before', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    for (let run = 0; run < 5; run++) await ended(data, success, 90_000);
    await ended(data, exit1, 1);
    const last = data.listRunIds()[0] ?? '';
    while (newRunId() <= last) await sleep(20);
    const { runId, writer } = begin(data);
    await notifierOf(data, runId, receiver.url, { now: () => Date.now() + 10 * 60_000, tickMs: 10 });
    await until(() => receiver.taken.length > 0);
    expect(receiver.taken[0]?.labels.alertname).toBe('StepspanStepSlow');
    expect(receiver.taken[0]?.annotations.description).toContain('Its median in 5 earlier runs is 1 m 30 s');
    await writer.close();
  });
});

describe('a later success', () => {
  test('ends the failure of an earlier run, which another notifier then sends', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const failed = await ended(data, exit1);
    const early = await notifierOf(data, failed, receiver.url, { now: () => Date.now() - 3_600_000 });
    await early.delivered;
    await early.stop();

    const resolved: RunId[] = [];
    const good = await notifierOf(data, await ended(data, success), receiver.url, {
      onResolvedEarlier: (runIds) => void resolved.push(...runIds),
    });
    await good.done;
    expect(resolved).toEqual([failed]);
    const again = await notifierOf(data, failed, receiver.url);
    await again.delivered;
    const last = receiver.taken.at(-1);
    expect(last?.labels.run).toBe(failed);
    expect(Date.parse(last?.endsAt ?? '')).toBeLessThanOrEqual(Date.now());
  });

  test('that was evaluated first ends the failure all the same', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const failed = await ended(data, exit1);
    const good = await notifierOf(data, await ended(data, success), receiver.url);
    await good.done;
    const late = await notifierOf(data, failed, receiver.url);
    await late.delivered;
    // It is sent all the same, for minutes and not for a day.
    expect(Date.parse(receiver.taken[0]?.endsAt ?? '') - Date.now()).toBeLessThanOrEqual(6 * 60_000);
  });

  test('of another workflow ends nothing', async () => {
    const receiver = await startReceiver();
    const data = dataFolder(tempRoot());
    const failed = await ended(data, exit1);
    const notifier = await notifierOf(data, failed, receiver.url);
    await notifier.delivered;
    await notifier.stop();
    const { runId, writer } = begin(data, 'weekly');
    await finish(writer, success);
    const other = await notifierOf(data, runId, receiver.url);
    await other.done;
    const { rules } = loadNotifierState(data.runDir(failed)) ?? {};
    expect(rules?.alerts.StepspanRunFailed?.keepMs).toBe(24 * 3_600_000);
  });
});
