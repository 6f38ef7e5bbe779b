// End to end: real runs of the CLI, watched by a real hub, whose alerts go through the real Alertmanager to a mailbox and a
// webhook. One mail for a failure, one when it is over, one for ten at once.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ParsedMail } from 'mailparser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseRoute } from '../../web/route.ts';
import { type Finished, type RunningCli, resultOf } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { type Mailbox, startMailbox } from './alerting/mailbox.ts';
import { ourConfig, withShortWaits } from './alerting/our-alertmanager.ts';
import { type Alertmanager, startAlertmanager, startWebhookSink, type WebhookSink } from './support/alertmanager.ts';
import { eventually } from './support/service.ts';

/** Ten processes that end at once on two shared cores; their group waits for the slowest. */
const together = '15s';

let rig: CliRig;
let mailbox: Mailbox;
let webhook: WebhookSink;
let alertmanager: Alertmanager;
let hubUrl: string;

function start(args: readonly string[]): RunningCli {
  return rig.start(args, {
    STEPSPAN_ALERTMANAGER_URL: alertmanager.url,
    STEPSPAN_GRAFANA_URL: 'http://127.0.0.1:3000',
    STEPSPAN_ALERTS_FILE: path.join(rig.work, 'alerts.yaml'),
  });
}

const check = `
name: check
steps:
  - id: prepare
    run: echo ready
  - id: verify
    needs: [prepare]
    run: |
      test -e fixed || { echo "Error: <sum> is 4, not 3" >&2; exit 3; }
`;

/** Fails when the file `go` appears, so that ten of them fail together however slowly they begin. */
const ten = `
name: ten
steps:
  - id: bad
    run: |
      touch "waiting-$$"
      while ! test -e go; do sleep 0.1; done
      exit 9
`;

const run = (workflow: string): Promise<Finished> => start(['run', workflow, '--json', '--shared']).done;

function config(): string {
  return withShortWaits(
    ourConfig(rig.folder, {
      STEPSPAN_ALERT_MAIL_TO: 'you@example.com',
      STEPSPAN_SMTP_SMARTHOST: mailbox.smarthost,
      STEPSPAN_SMTP_REQUIRE_TLS: 'false',
      STEPSPAN_ALERT_WEBHOOK_URL: webhook.url,
    }),
  );
}

beforeAll(async () => {
  rig = await startCliRig();
  rig.write('alerts.yaml', 'labels: { team: tools }\nlinks: { runbook: "https://example.com/runbook.md" }\n');
  [mailbox, webhook] = await Promise.all([startMailbox(), startWebhookSink()]);
  alertmanager = await startAlertmanager({ config: config() });
  hubUrl = await start(['serve', '--port', '0']).url();
});

afterAll(async () => {
  await rig?.close();
  await alertmanager?.remove();
  await Promise.all([mailbox?.close(), webhook?.close()]);
});

const mailNumber = (count: number): Promise<ParsedMail> => eventually(`mail ${count}`, () => mailbox.mails[count - 1]);

/**
 * A success resolves a failure. stepspan sends that end some minutes later, so that the failure is mailed however long a
 * group waits; alerts-delivery.test.ts tests that. Here the same end is sent at once.
 */
async function minutesPass(runId: string): Promise<void> {
  const alert = (await alertmanager.alerts()).find(({ labels }) => labels.run === runId);
  if (alert === undefined) throw new Error(`Alertmanager has no alert of run ${runId}`);
  const { labels, annotations, startsAt } = alert;
  const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels, annotations, startsAt, endsAt: new Date().toISOString() }]),
  });
  expect(response.status).toBe(200);
}

test('a run that fails is one mail with the error and links that lead to it, and one when it is good again', async () => {
  const file = rig.write('check.yaml', check);
  const { runId, traceId } = resultOf(await run(file));
  const mail = await mailNumber(1);
  expect(mail.subject).toMatch(/^\[critical\] check failed: step verify: .*3/);
  expect(mail.text).toContain('> Error: <sum> is 4, not 3');
  expect(mail.html).toContain('Error: &lt;sum&gt; is 4, not 3</div>');
  expect(mail.text).toMatch(new RegExp(`^run +${runId}$`, 'm'));
  expect(mail.text).toMatch(/^team +tools$/m);

  const live = new URL(linkOf(mail, 'Live page'));
  expect(live.origin).toBe(hubUrl);
  expect((await fetch(live)).status).toBe(200);
  expect(parseRoute(live.hash)).toMatchObject({ view: 'run', runId, steps: ['verify'], line: expect.any(Number) });
  expect(decodeURIComponent(linkOf(mail, 'Trace'))).toContain(traceId);
  expect(decodeURIComponent(linkOf(mail, 'Logs'))).toContain(runId);
  const dashboard = new URL(linkOf(mail, 'Dashboard'));
  expect(dashboard.href).toContain('http://127.0.0.1:3000/d/stepspan-run?');
  expect(Object.fromEntries(dashboard.searchParams)).toEqual({
    'var-run': runId,
    'var-trace': traceId,
    from: expect.stringMatching(/^\d{13}$/),
    to: expect.stringMatching(/^\d{13}$/),
  });
  expect(linkOf(mail, 'Runbook')).toBe('https://example.com/runbook.md#stepspanrunfailed');

  rig.write('fixed', '');
  expect(resultOf(await run(file)).outcome).toBe('success');
  await minutesPass(runId);
  const resolved = await mailNumber(2);
  expect(resolved.subject).toMatch(/^\[resolved\] check failed/);
  expect(resolved.text).toContain(runId);
  await eventually('the second call', () => webhook.messages[1]);
  expect(webhook.messages.map(({ status }) => status)).toEqual(['firing', 'resolved']);
  expect(mailbox.mails).toHaveLength(2);
});

test('ten runs of a workflow that fail together are one mail', async () => {
  writeFileSync(
    `${alertmanager.folder}/alertmanager.yml`,
    config().replaceAll('group_wait: 1s', `group_wait: ${together}`),
  );
  expect((await fetch(`${alertmanager.url}/-/reload`, { method: 'POST' })).status).toBe(200);
  const about = () => mailbox.mails.filter(({ text = '' }) => /^workflow +ten$/m.test(text));
  const file = rig.write('ten.yaml', ten);
  const ended = Promise.all(Array.from({ length: 10 }, () => run(file)));
  const waiting = () => readdirSync(rig.work).filter((name) => name.startsWith('waiting-')).length === 10 || undefined;
  await eventually('ten runs wait', waiting);
  rig.write('go', '');
  const runs = await ended;
  const mail = await eventually('a mail about them', () => about()[0]);
  expect(mail.subject).toBe('[critical] 10 × run failed: ten');
  for (const each of runs) expect(mail.text).toContain(resultOf(each).runId);
  expect(webhook.messages.at(-1)?.alerts).toHaveLength(10);
  expect(about()).toHaveLength(1);
});

function linkOf({ text = '' }: ParsedMail, name: string): string {
  const [, link] = new RegExp(`^${name}: +(\\S+)$`, 'm').exec(text) ?? [];
  if (link === undefined) throw new Error(`no ${name} in:\n${text}`);
  return link;
}
