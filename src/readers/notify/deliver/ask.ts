// What an Alertmanager can say of an alert that it took: where it was routed to, whether something holds it back, and how
// many messages it has sent since. Reads its API v2 and its metrics; sends nothing.
import { withoutLogin } from '../../../core/address.ts';
import { alertsUrl } from './receiver.ts';

export type KnownAlert = {
  /** Names of receivers, as the configuration of the Alertmanager has them. */
  readonly receivers: readonly string[];
  /** `suppressed`: silenced or inhibited, so nobody is told. */
  readonly state: 'active' | 'suppressed' | 'unprocessed';
  readonly silencedBy: readonly string[];
  readonly inhibitedBy: readonly string[];
};

/** Messages that the Alertmanager has sent and failed to send since it started, by kind of receiver (`email`, `webhook`). */
export type MessageCounts = Readonly<Record<string, { readonly sent: number; readonly failed: number }>>;

const answerWithinMs = 5_000;

/** @param labels with which to find it. @returns undefined where the Alertmanager does not have it (any more) */
export async function findAlert(
  url: string,
  labels: Readonly<Record<string, string>>,
): Promise<KnownAlert | undefined> {
  const query = new URLSearchParams(
    Object.entries(labels).map(([name, value]): [string, string] => ['filter', `${name}=${JSON.stringify(value)}`]),
  );
  const found = (await (await ask(`${alertsUrl(url)}?${query}`)).json()) as readonly {
    readonly receivers: readonly { readonly name: string }[];
    readonly status: Pick<KnownAlert, 'state' | 'silencedBy' | 'inhibitedBy'>;
  }[];
  const alert = found[0];
  if (alert === undefined) return undefined;
  return { receivers: alert.receivers.map(({ name }) => name), ...alert.status };
}

/** @returns undefined where its metrics cannot be read: they may be closed off while the API is open */
export async function messageCounts(url: string): Promise<MessageCounts | undefined> {
  try {
    const response = await ask(alertsUrl(url).replace(/\/api\/v2\/alerts$/, '/metrics'));
    return countsOf(await response.text());
  } catch {
    return undefined;
  }
}

/** Pure. Newer Alertmanagers tell receivers and reasons apart; here they are added up by the kind of receiver. */
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
