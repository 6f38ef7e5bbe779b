// `stepspan alerts test`: sends one alert all the way, and reports where it arrived. It also says what it cannot know: whether
// a person has seen it.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { formatSetDuration } from '../../core/duration.ts';
import {
  createSend,
  findAlert,
  type KnownAlert,
  type MessageCounts,
  messageCounts,
  type Outgoing,
  originOf,
} from '../../readers/notify/index.ts';
import type { RuleSeverity } from '../../runs/alerts/index.ts';
import { type CliContext, fail, settingsFor } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { notifySettingsOf } from '../notify-settings.ts';
import { wait } from '../setting-kinds.ts';
import type { FlagValues } from '../settings.ts';
import { noReceiver } from './list.ts';

export type TestFlags = FlagValues & { readonly severity: RuleSeverity; readonly wait: string };

/** Longer than any usual `group_wait`, so that it is not over before the first message is sent. */
const firesForMs = 5 * 60_000;
/** An Alertmanager shows an alert as soon as it has routed it, within a second. */
const routedWithinMs = 10_000;
const askEveryMs = 500;

export async function testAlert(context: CliContext, flags: TestFlags): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const parsed = wait.parse(flags.wait, context.cwd);
  if (!parsed.ok)
    return fail(
      context,
      exitCodes.badInput,
      `--wait is ${flags.wait}, ${parsed.problem.wrong}; write ${parsed.problem.write}`,
    );
  const alerts = notifySettingsOf(context, settings);
  if (alerts === undefined) return;
  const { notify } = alerts;
  if (notify === undefined) return fail(context, exitCodes.badInput, noReceiver);

  const { kind, url } = notify.receiver;
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  const alert = testOf(flags.severity, notify.alerts.labels, context.now());
  const before = kind === 'alertmanager' ? await messageCounts(url) : undefined;
  const [result] = await createSend(notify.receiver)([alert], new AbortController().signal);
  if (result === undefined || result.kind !== 'taken')
    return fail(context, exitCodes.notExecuted, `The alert was not taken: ${result?.message}`);
  say(`taken by ${originOf(url)} (${kind}): ${alert.labels.alertname}, severity ${flags.severity}`);
  if (kind === 'webhook') {
    // So that nothing which opens an incident for it keeps it open.
    await createSend(notify.receiver)(
      [{ ...alert, status: 'resolved', endsMs: context.now() }],
      new AbortController().signal,
    );
    say('It got the start and the end of the alert. stepspan cannot know what it does with them.');
    return;
  }
  const known = await routed(url, alert.labels).catch((error: Error) => error);
  if (known instanceof Error || known === undefined) {
    const why = known === undefined ? 'it does not show it' : known.message;
    return fail(context, exitCodes.notExecuted, `Where it was routed to cannot be asked: ${why}`);
  }
  const problem = routeProblem(known);
  if (problem !== undefined) return fail(context, exitCodes.notExecuted, problem);
  say(`routed to ${known.receivers.join(', ')}`);
  await reportMessages(context, url, before, parsed.value);
  say(
    `It ends by itself at ${new Date(alert.endsMs).toISOString()}. Whether a person has seen it cannot be known from here.`,
  );
}

function testOf(severity: RuleSeverity, labels: Readonly<Record<string, string>>, nowMs: number): Outgoing {
  return {
    key: 'test',
    labels: {
      ...labels,
      alertname: 'StepspanTest',
      severity,
      source: 'run',
      // Two tests are two alerts, or the second would send no message.
      run: `test-${randomBytes(4).toString('hex')}`,
    },
    annotations: {
      summary: 'A test of the way that alerts of stepspan take',
      description: `Sent by \`stepspan alerts test\`. Nothing has happened; it ends by itself in ${formatSetDuration(firesForMs)}.`,
    },
    generatorURL: '',
    startsMs: nowMs,
    endsMs: nowMs + firesForMs,
    status: 'firing',
  };
}

async function routed(url: string, labels: Outgoing['labels']): Promise<KnownAlert | undefined> {
  const { alertname = '', run = '' } = labels;
  const deadline = performance.now() + routedWithinMs;
  for (;;) {
    const known = await findAlert(url, { alertname, run });
    if ((known !== undefined && known.state !== 'unprocessed') || performance.now() > deadline) return known;
    await delay(askEveryMs);
  }
}

function routeProblem({ state, silencedBy, inhibitedBy, receivers }: KnownAlert): string | undefined {
  if (receivers.length === 0)
    return 'Alertmanager has it and routes it to nobody; look at the routes of its configuration.';
  if (state !== 'suppressed') return undefined;
  const why = silencedBy.length > 0 ? `silenced by ${silencedBy.join(', ')}` : `inhibited by ${inhibitedBy.join(', ')}`;
  return `Alertmanager has it for ${receivers.join(', ')} and sends it to nobody: it is ${why}.`;
}

/** Counts of messages are by kind of receiver: another alert's message may be among them, and the answer says so. */
async function reportMessages(
  context: CliContext,
  url: string,
  before: MessageCounts | undefined,
  waitMs: number,
): Promise<void> {
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  if (before === undefined) return say('Its metrics cannot be read, so whether it has sent a message is not known.');
  const deadline = performance.now() + waitMs;
  for (;;) {
    const now = (await messageCounts(url)) ?? before;
    const news = Object.entries(now).flatMap(([kind, { sent, failed }]) => {
      const sentBefore = before[kind]?.sent ?? 0;
      const failedBefore = before[kind]?.failed ?? 0;
      return sent > sentBefore ? [{ kind, sent: sent - sentBefore, failed: failed - failedBefore }] : [];
    });
    if (news.length > 0) {
      for (const { kind, sent, failed } of news) say(`${kind}: ${sent} sent since, ${failed} of them failed`);
      if (news.some(({ failed }) => failed > 0))
        fail(context, exitCodes.notExecuted, 'Alertmanager could not send every message; its log says why.');
      return;
    }
    if (performance.now() >= deadline) break;
    await delay(askEveryMs);
  }
  say(
    `It has sent no message within ${formatSetDuration(waitMs)}: its group_wait may be longer, or the receiver has no address.`,
  );
}
