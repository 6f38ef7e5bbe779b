// What an Alertmanager reports of an alert that it took: its receivers, whether it is silenced or inhibited, and how many messages
// were sent since. Reads its API v2 and its metrics; sends nothing. Called by `stepspan alerts test` and doctor.
import { z } from 'zod';
import { withoutLogin } from '../../../core/address.ts';
import { alertsUrl } from './receiver.ts';

export type KnownAlert = {
  /** Names of receivers, as the configuration of the Alertmanager has them. */
  readonly receivers: readonly string[];
  /** `suppressed`: silenced or inhibited, so nobody is notified. */
  readonly state: 'active' | 'suppressed' | 'unprocessed';
  readonly silencedBy: readonly string[];
  readonly inhibitedBy: readonly string[];
};

/** Messages that the Alertmanager has sent and failed to send since it started, by kind of receiver (`email`, `webhook`). */
export type MessageCounts = Readonly<Record<string, { readonly sent: number; readonly failed: number }>>;

const answerWithinMs = 5_000;

const gettableAlerts = z.array(
  z.object({
    receivers: z.array(z.object({ name: z.string() })),
    status: z.object({
      state: z.enum(['active', 'suppressed', 'unprocessed']),
      silencedBy: z.array(z.string()),
      inhibitedBy: z.array(z.string()),
    }),
  }),
);

/** @param labels with which to find it. @returns undefined if the Alertmanager does not have it, or no longer has it */
export async function findAlert(
  url: string,
  labels: Readonly<Record<string, string>>,
): Promise<KnownAlert | undefined> {
  const query = new URLSearchParams(
    Object.entries(labels).map(([name, value]): [string, string] => ['filter', `${name}=${JSON.stringify(value)}`]),
  );
  const [alert] = gettableAlerts.parse(await (await ask(`${alertsUrl(url)}?${query}`)).json());
  if (alert === undefined) return undefined;
  return { receivers: alert.receivers.map(({ name }) => name), ...alert.status };
}

/** @returns undefined if its metrics cannot be read: they can be closed off while the API is open */
export async function messageCounts(url: string): Promise<MessageCounts | undefined> {
  try {
    const response = await ask(alertsUrl(url).replace(/\/api\/v2\/alerts$/, '/metrics'));
    return countsOf(await response.text());
  } catch {
    return undefined;
  }
}

/** Pure. Newer Alertmanagers count by receiver and reason; here the counts are added up by the kind of receiver. */
export function countsOf(text: string): MessageCounts {
  const counts: Record<string, { sent: number; failed: number }> = {};
  const pattern = /^alertmanager_notifications_(failed_)?total\{[^}]*integration="([^"]*)"[^}]*\} (\S+)$/gm;
  for (const [, failed, integration = '', value] of text.matchAll(pattern)) {
    counts[integration] ??= { sent: 0, failed: 0 };
    counts[integration][failed === undefined ? 'sent' : 'failed'] += Number(value);
  }
  return counts;
}

async function ask(url: string): Promise<Response> {
  const { address, headers } = withoutLogin(url);
  const response = await fetch(address, { headers, signal: AbortSignal.timeout(answerWithinMs) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return response;
}
