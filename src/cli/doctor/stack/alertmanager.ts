// Alertmanager from outside: whether it is ready, whether it has a receiver, and whether runs send it alerts.
import { z } from 'zod';
import { advice, bad, type Check, good } from '../check.ts';
import { ask, askJson, notReady, readYaml, shown } from './ask.ts';

const what = 'Alertmanager';

const statusSchema = z.object({ config: z.object({ original: z.string() }) });
const configSchema = z.object({ receivers: z.array(z.record(z.string(), z.unknown())).optional() });

/** @param isConfigured whether stepspan sends the alerts of runs there */
export async function checkAlertmanager(url: string, isConfigured: boolean): Promise<readonly Check[]> {
  const failed = notReady(what, url, 'alertmanager', await ask(url, '-/ready'));
  if (failed !== undefined) return [failed];
  const remedy = `Set STEPSPAN_ALERTMANAGER_URL=${shown(url)} where \`stepspan serve\` and runs are started.`;
  return [
    good(what, `${shown(url)} is ready`),
    await checkReceivers(url),
    ...(isConfigured
      ? []
      : [advice('Alerts of runs', 'runs on this machine send no alerts to an Alertmanager', remedy)]),
  ];
}

async function checkReceivers(url: string): Promise<Check> {
  const about = 'Receivers of alerts';
  const status = await askJson(url, { path: 'api/v2/status', schema: statusSchema });
  const receivers = readYaml(status?.config.original ?? '', configSchema)?.receivers;
  if (receivers === undefined) return bad(about, 'it does not show its configuration', 'Is this an Alertmanager?');
  // A receiver is a name and lists of <kind>_configs; one without any drops what it gets.
  const ways = receivers.flatMap((receiver) =>
    Object.entries(receiver).flatMap(([key, list]) =>
      key.endsWith('_configs') && Array.isArray(list) && list.length > 0 ? [key.replace('_configs', '')] : [],
    ),
  );
  const kinds = [...new Set(ways)].sort();
  if (kinds.length > 0) return good(about, `alerts go out by ${kinds.join(', ')}; \`stepspan alerts test\` sends one`);
  const remedy =
    'Set a receiver: STEPSPAN_ALERT_MAIL_TO and STEPSPAN_SMTP_SMARTHOST, or STEPSPAN_ALERT_WEBHOOK_URL, in .env (stack/.env.example); then `docker compose up -d`.';
  return advice(about, 'alerts are shown in Alertmanager and Grafana, and reach nobody', remedy);
}
