// Runs the real Alertmanager with a configuration of the test, and asks it what it knows. Beside it a webhook receiver that
// keeps what it is sent. Knows nothing of stepspan.
import { writeFile } from 'node:fs/promises';
import { jsonOf, serveHttp } from '../../support/http-server.ts';
import { locateBackends } from './backends.ts';
import { defineService, freePorts, makeFolder, type Service } from './service.ts';

export interface KnownAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  updatedAt: string;
  generatorURL: string;
  fingerprint: string;
  receivers: { name: string }[];
  status: { state: 'active' | 'suppressed' | 'unprocessed'; inhibitedBy: string[]; silencedBy: string[] };
}

export interface Alertmanager extends Service {
  readonly url: string;
  /** The alerts that it holds and that have not ended. */
  alerts(): Promise<KnownAlert[]>;
}

export interface AlertmanagerOptions {
  /** The text of the configuration, or an object, which is written as JSON (which is YAML). */
  config: string | object;
  /** Variables that it is started with. */
  env?: Record<string, string>;
}

/** An Alertmanager with a port and a folder of its own that does not run yet. */
export async function createAlertmanager(options: AlertmanagerOptions): Promise<Alertmanager> {
  const [port] = await freePorts(1);
  const folder = await makeFolder('alertmanager');
  const url = `http://127.0.0.1:${port}`;
  const { config } = options;
  await writeFile(
    `${folder}/alertmanager.yml`,
    typeof config === 'string' ? config : JSON.stringify(config, undefined, 2),
  );
  const service = defineService({
    name: 'Alertmanager',
    program: locateBackends().alertmanager,
    args: [
      `--config.file=${folder}/alertmanager.yml`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      // Alone, so that it neither takes the one port of a cluster nor waits for peers before it sends.
      '--cluster.listen-address=',
      '--log.level=debug',
    ],
    ...(options.env === undefined ? {} : { env: options.env }),
    folder,
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  return {
    ...service,
    url,
    async alerts() {
      const response = await fetch(`${url}/api/v2/alerts`);
      if (!response.ok) throw new Error(`Alertmanager answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as KnownAlert[];
    },
  };
}

/** An Alertmanager that answers. */
export async function startAlertmanager(options: AlertmanagerOptions): Promise<Alertmanager> {
  const alertmanager = await createAlertmanager(options);
  await alertmanager.start().catch(async (error: unknown) => {
    await alertmanager.remove();
    throw error;
  });
  return alertmanager;
}

/** A message in the format of Alertmanager's webhook, version 4. */
export interface WebhookMessage {
  version: string;
  groupKey: string;
  truncatedAlerts: number;
  status: 'firing' | 'resolved';
  receiver: string;
  groupLabels: Record<string, string>;
  commonLabels: Record<string, string>;
  commonAnnotations: Record<string, string>;
  externalURL: string;
  alerts: {
    status: 'firing' | 'resolved';
    labels: Record<string, string>;
    annotations: Record<string, string>;
    startsAt: string;
    endsAt: string;
    generatorURL: string;
    fingerprint: string;
  }[];
}

export interface WebhookSink {
  readonly url: string;
  /** In the order in which they came. */
  readonly messages: readonly WebhookMessage[];
  /** Answers with this status from now on; what is refused is not kept. 200 at first. */
  answer(status: number): void;
  close(): Promise<void>;
}

/** A webhook receiver on a free port. */
export async function startWebhookSink(port = 0): Promise<WebhookSink> {
  const messages: WebhookMessage[] = [];
  let status = 200;
  const { url, close } = await serveHttp(async (request, response) => {
    const message = await jsonOf<WebhookMessage>(request);
    if (status === 200) messages.push(message);
    response.writeHead(status).end();
  }, port);
  return {
    url: `${url}/hook`,
    close,
    messages,
    answer(next) {
      status = next;
    },
  };
}

/** A configuration that sends everything to one webhook almost at once, firing and resolved. */
export function webhookConfig(url: string): object {
  return {
    route: { receiver: 'hook', group_by: ['...'], group_wait: '100ms', group_interval: '200ms', repeat_interval: '1h' },
    receivers: [{ name: 'hook', webhook_configs: [{ url, send_resolved: true }] }],
  };
}
