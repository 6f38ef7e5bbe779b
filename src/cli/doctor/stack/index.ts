// `doctor --stack`: checks each piece of the stack from outside, all at the same time. The settings say where they are;
// without one, the address is that of docker-compose.yml.
import type { Settings } from '../../settings.ts';
import type { Check } from '../check.ts';
import { checkAlertmanager } from './alertmanager.ts';
import { lokiHeadersOf } from './ask.ts';
import { checkCollector } from './collector.ts';
import { checkGrafana } from './grafana.ts';
import { checkLoki } from './loki.ts';
import { checkPrometheus } from './prometheus.ts';
import { checkTempo } from './tempo.ts';

/** The ports that docker-compose.yml opens on this machine. */
export const composeAddresses = {
  collector: 'http://127.0.0.1:4318',
  lokiUrl: 'http://127.0.0.1:3100',
  tempoUrl: 'http://127.0.0.1:3200',
  prometheusUrl: 'http://127.0.0.1:9090',
  alertmanagerUrl: 'http://127.0.0.1:9093',
  grafanaUrl: 'http://127.0.0.1:3000',
} as const;

/** The settings, with the addresses of docker-compose.yml for those that are not set; `doctor` uses them for its probe run too. */
export function withStack(settings: Settings): Settings {
  return {
    ...settings,
    lokiUrl: settings.lokiUrl ?? composeAddresses.lokiUrl,
    tempoUrl: settings.tempoUrl ?? composeAddresses.tempoUrl,
    prometheusUrl: settings.prometheusUrl ?? composeAddresses.prometheusUrl,
  };
}

/** @returns in the order in which data passes through the pieces */
export async function checkStack(settings: Settings, env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  const at = withStack(settings);
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const { alertmanagerUrl } = settings;
  const found = await Promise.all([
    checkCollector(endpoint || composeAddresses.collector, Boolean(endpoint)),
    checkTempo(at.tempoUrl ?? composeAddresses.tempoUrl),
    checkLoki(at.lokiUrl ?? composeAddresses.lokiUrl, lokiHeadersOf(settings)),
    checkPrometheus(at.prometheusUrl ?? composeAddresses.prometheusUrl),
    checkAlertmanager(alertmanagerUrl ?? composeAddresses.alertmanagerUrl, alertmanagerUrl !== undefined),
    checkGrafana(settings.grafanaUrl ?? composeAddresses.grafanaUrl, settings.grafanaLogin),
  ]);
  return found.flat();
}
