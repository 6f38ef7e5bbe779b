// The two receivers, which take alerts in the two forms that the field has: Alertmanager's API v2, and the body of
// Alertmanager's webhook (version 4), so that one program behind it handles both.
import { createHash } from 'node:crypto';
import type { NotifySettings } from '../settings.ts';
import { type PostResult, post } from './post.ts';
import type { Rendered } from './render.ts';

export type Outgoing = Rendered & {
  readonly key: string;
  readonly startsMs: number;
  readonly endsMs: number;
  /** What a webhook reports: that it begins or that it has ended. */
  readonly status: 'firing' | 'resolved';
};

/** One result for each alert, in order. Never rejects. */
export type Send = (alerts: readonly Outgoing[], signal: AbortSignal) => Promise<readonly PostResult[]>;

export function createSend({ kind, url }: NotifySettings['receiver']): Send {
  switch (kind) {
    case 'alertmanager':
      return (alerts, signal) => sendToAlertmanager(alertsUrl(url), alerts, signal);
    case 'webhook':
      return (alerts, signal) => sendToWebhook(url, alerts, signal);
  }
}

/** The address of the alerts of an Alertmanager, whose own may have a path before it (`--web.route-prefix`). */
export function alertsUrl(url: string): string {
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/$/, '')}/api/v2/alerts`;
  [address.search, address.hash] = ['', ''];
  return address.href;
}

async function sendToAlertmanager(
  url: string,
  alerts: readonly Outgoing[],
  signal: AbortSignal,
): Promise<readonly PostResult[]> {
  // It answers with nothing at all; a server in its place may answer with JSON.
  const options = { signal, takesPages: false };
  const result = await post(url, alerts.map(postable), options);
  if (result.kind !== 'refused' || alerts.length === 1) return alerts.map(() => result);
  // It takes what is right of a request that it refuses; which that was is found out one by one.
  const results: PostResult[] = [];
  for (const alert of alerts) results.push(await post(url, [postable(alert)], options));
  return results;
}

/** A `postableAlert` of Alertmanager's API v2. */
export function postable({ labels, annotations, startsMs, endsMs, generatorURL }: Outgoing): object {
  const times = { startsAt: new Date(startsMs).toISOString(), endsAt: new Date(endsMs).toISOString() };
  return { labels, annotations, ...times, ...(generatorURL === '' ? {} : { generatorURL }) };
}

/** One message for each alert: what belongs together is for an Alertmanager to know. */
async function sendToWebhook(
  url: string,
  alerts: readonly Outgoing[],
  signal: AbortSignal,
): Promise<readonly PostResult[]> {
  const results: PostResult[] = [];
  for (const alert of alerts) {
    const last = results.at(-1);
    // A receiver that is down is asked once, and not once for each alert.
    results.push(last?.kind === 'failed' ? last : await post(url, webhookMessage(alert), { signal, takesPages: true }));
  }
  return results;
}

/** The body of Alertmanager's webhook, version 4. */
export function webhookMessage(alert: Outgoing): object {
  const { labels, annotations, startsMs, endsMs, generatorURL, status } = alert;
  const { alertname = '', run = '' } = labels;
  return {
    version: '4',
    groupKey: `{}:{alertname=${JSON.stringify(alertname)}, run=${JSON.stringify(run)}}`,
    truncatedAlerts: 0,
    status,
    receiver: 'stepspan',
    groupLabels: { alertname, run },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: generatorURL === '' ? '' : new URL(generatorURL).origin,
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt: new Date(startsMs).toISOString(),
        // As Alertmanager writes an end that is not there yet.
        endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : new Date(endsMs).toISOString(),
        generatorURL,
        fingerprint: fingerprintOf(labels),
      },
    ],
  };
}

/** The same for the same labels, so that a receiver knows an alert again. */
function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}
