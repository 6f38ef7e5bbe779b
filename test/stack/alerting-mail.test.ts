// What people get: alerts through the real Alertmanager, with our configuration and templates, to a real SMTP server and a
// webhook. One mail for what belongs together, readable, with links that lead somewhere; silence where it says nothing new.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ParsedMail } from 'mailparser';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Mailbox, startMailbox } from './alerting/mailbox.ts';
import { ourConfig, withShortWaits } from './alerting/our-alertmanager.ts';
import { type Alertmanager, startAlertmanager, startWebhookSink, type WebhookSink } from './support/alertmanager.ts';
import { eventually } from './support/service.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-mail-'));
let mailbox: Mailbox;
let webhook: WebhookSink;
let alertmanager: Alertmanager;

beforeAll(async () => {
  [mailbox, webhook] = await Promise.all([startMailbox({ auth: true }), startWebhookSink()]);
  const config = ourConfig(folder, {
    STEPSPAN_ALERT_MAIL_TO: 'you@example.com',
    STEPSPAN_ALERT_MAIL_FROM: 'stepspan@example.com',
    STEPSPAN_SMTP_SMARTHOST: mailbox.smarthost,
    STEPSPAN_SMTP_REQUIRE_TLS: 'false',
    STEPSPAN_SMTP_USER: 'me',
    STEPSPAN_SMTP_PASSWORD: 'secret from a file',
    STEPSPAN_ALERT_WEBHOOK_URL: webhook.url,
  });
  alertmanager = await startAlertmanager({ config: withShortWaits(config) });
});

afterAll(async () => {
  await alertmanager?.remove();
  await Promise.all([mailbox?.close(), webhook?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

type Labels = Readonly<Record<string, string>>;

let began = 0;
let workflow = '';
beforeEach((context) => {
  // Each test is about a workflow of its own, so that the groups and silences of one are not those of another.
  began += 1;
  workflow = `flow-${began}-${context.task.id.slice(-4)}`;
});

const day = 86_400_000;
let run = 0;

/** As src/readers/notify sends it. */
function failed(labels: Labels = {}, endsMs = Date.now() + day): object {
  run += 1;
  const id = labels.run ?? `20261123-10150${run % 10}-k3f9x${run}`;
  const step = labels.step ?? 'test';
  return {
    labels: { alertname: 'StepspanRunFailed', severity: 'critical', source: 'run', workflow, run: id, step, ...labels },
    annotations: {
      summary: `${workflow} failed: step test: exit code 1`,
      description: `Run ${id} ended after 12s, 0.41 USD: 1 of 3 steps failed.\nStep test: exit code 1\n> Error: expected <b>3</b> & got "4"\n>     at add (sum.js:2:1)`,
      runbook_url: 'https://example.com/runbook.md#stepspanrunfailed',
      dashboard_url: `http://127.0.0.1:3000/d/stepspan-run?var-run=${id}`,
      live_url: `http://127.0.0.1:9464/#/runs/${id}/output?line=7&step=test`,
      trace_url: 'http://127.0.0.1:3000/explore?schemaVersion=1&panes=%7B%22a%22%3A1%7D',
      logs_url: 'http://127.0.0.1:3000/explore?schemaVersion=1&panes=%7B%22b%22%3A1%7D',
    },
    startsAt: new Date().toISOString(),
    endsAt: new Date(endsMs).toISOString(),
  };
}

async function post(...alerts: readonly object[]): Promise<void> {
  const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts),
  });
  expect(response.status).toBe(200);
}

const mailsAbout = (what: string): ParsedMail[] => mailbox.mails.filter(({ text = '' }) => text.includes(what));
const callsAbout = (what: string) => webhook.messages.filter((message) => JSON.stringify(message).includes(what));

function mailNumber(count: number, what: string): Promise<ParsedMail> {
  return eventually(`mail ${count} about ${what}`, () => mailsAbout(what)[count - 1]);
}

/** Alertmanager has looked at the group again, so what it had not to say it does not say late. */
async function laterGroups(): Promise<void> {
  const marker = `marker-${began}-${Date.now()}`;
  const other = { labels: { alertname: marker, severity: 'critical' }, annotations: { summary: marker } };
  await post(other);
  await mailNumber(1, marker);
  // The group of the marker waits as long for its first message as others for their next.
  await post({ ...other, labels: { ...other.labels, alertname: `${marker}-again` } });
  await mailNumber(1, `${marker}-again`);
}

describe('a run that fails', () => {
  test('is one mail and one call, and one of each when it is over', async () => {
    const alert = failed({ run: `20261123-101500-${workflow}` });
    await post(alert);
    const mail = await mailNumber(1, workflow);
    expect(mail.subject).toBe(`[critical] ${workflow} failed: step test: exit code 1`);
    // It is sent again and again, and nothing about it is new.
    await post(alert);
    await laterGroups();
    expect(mailsAbout(workflow)).toHaveLength(1);
    expect(callsAbout(workflow).map(({ status }) => status)).toEqual(['firing']);

    await post({ ...alert, endsAt: new Date().toISOString() });
    const resolved = await mailNumber(2, workflow);
    expect(resolved.subject).toBe(`[resolved] ${workflow} failed: step test: exit code 1`);
    expect(resolved.text).toMatch(/until +\d{4}-/);
    await eventually('the second call', () => callsAbout(workflow)[1]);
    expect(callsAbout(workflow).map(({ status }) => status)).toEqual(['firing', 'resolved']);
    expect(mailbox.credentials()).toBe('me:secret from a file');
  });

  test('can be read as text and as HTML: what, where, the error, and links to what there is', async () => {
    await post(failed());
    const mail = await mailNumber(1, workflow);
    const links = [
      'http://127.0.0.1:9464/#/runs/',
      '/explore?schemaVersion=1&panes=%7B%22a',
      '/d/stepspan-run?var-run=',
    ];
    for (const link of [...links, 'https://example.com/runbook.md#stepspanrunfailed'])
      expect(mail.text).toContain(link);
    expect(mail.text).toContain('> Error: expected <b>3</b> & got "4"\n>     at add (sum.js:2:1)');
    expect(mail.text).toMatch(new RegExp(`^workflow +${workflow}$`, 'm'));
    expect(mail.text).not.toMatch(/<no value>|\n{4}/);

    const html = String(mail.html);
    expect(html).toContain('Error: expected &lt;b&gt;3&lt;/b&gt; &amp; got');
    expect(html).toContain('max-width:640px');
    expect(html).not.toMatch(/ZgotmplZ|<no value>|<script|<img|src=/);
    const hrefs = [...html.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
    expect(hrefs.slice(0, 5)).toEqual(
      ['live_url', 'trace_url', 'logs_url', 'dashboard_url', 'runbook_url'].map(
        (name) => callsAbout(workflow)[0]?.alerts[0]?.annotations?.[name],
      ),
    );
  });

  test('ten times at once is one mail that names all ten', async () => {
    const alerts = Array.from({ length: 10 }, () => failed()) as { labels: { run: string } }[];
    await post(...alerts);
    const mail = await mailNumber(1, workflow);
    expect(mail.subject).toBe(`[critical] 10 × run failed: ${workflow}`);
    for (const { labels } of alerts) expect(mail.text).toContain(labels.run);
    await laterGroups();
    expect(mailsAbout(workflow)).toHaveLength(1);
    expect(callsAbout(workflow)).toHaveLength(1);
  });

  test('again while the first is still firing is in one mail with it', async () => {
    await post(failed());
    await mailNumber(1, workflow);
    await post(failed());
    const second = await mailNumber(2, workflow);
    expect(second.subject).toBe(`[critical] 2 × run failed: ${workflow}`);
  });
});

describe('silence', () => {
  test('a hub that is lost is one mail, and what follows from it none', async () => {
    const instance = `${workflow}:9464`;
    const alert = (alertname: string, severity: string) => ({
      labels: { alertname, severity, instance, source: 'prometheus' },
      annotations: { summary: `${alertname} ${instance}` },
    });
    await post(alert('StepspanHubDown', 'critical'), alert('StepspanShippingBehind', 'warning'));
    const mail = await mailNumber(1, instance);
    expect(mail.subject).toBe(`[critical] StepspanHubDown ${instance}`);
    await laterGroups();
    expect(mailsAbout(instance)).toHaveLength(1);
    expect(callsAbout(instance)).toHaveLength(1);
  });

  test('what is only good to know goes to the webhook and not by mail', async () => {
    const labels = { alertname: 'StepspanLabelOverflow', severity: 'info', instance: workflow };
    await post({ labels, annotations: { summary: workflow } });
    const call = await eventually('the call', () => callsAbout(workflow)[0]);
    expect(call.receiver).toBe('machines');
    await laterGroups();
    expect(mailsAbout(workflow)).toEqual([]);
  });
});
