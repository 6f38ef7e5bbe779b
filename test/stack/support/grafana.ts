// Runs the real Grafana with the provisioning and the dashboards of this repository, and with everybody signed in. The program
// is a separate one that the machine has; see external-programs.ts.
import { cpSync, existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { externalProgram } from './external-programs.ts';
import { defineService, freePorts, makeFolder, type Service } from './service.ts';

const SOURCES = path.resolve(import.meta.dirname, '../../../grafana');

export interface Grafana extends Service {
  readonly url: string;
  /** A data source as it was provisioned. */
  readonly source: (uid: string) => Promise<{ readonly jsonData: Readonly<Record<string, unknown>> }>;
}

export interface GrafanaOptions {
  /** host:port of each backend, as docker-compose.yml would name them. */
  readonly addresses: Readonly<Record<'prometheus:9090' | 'loki:3100' | 'tempo:3200' | 'alertmanager:9093', string>>;
}

/** A Grafana that answers. */
export async function startGrafana({ addresses }: GrafanaOptions): Promise<Grafana> {
  const [port] = await freePorts(1);
  const folder = await makeFolder('grafana');
  const provisioning = path.join(folder, 'provisioning');
  cpSync(path.join(SOURCES, 'provisioning'), provisioning, { recursive: true });
  replaceIn(path.join(provisioning, 'datasources/stepspan.yaml'), addresses);
  replaceIn(path.join(provisioning, 'dashboards/stepspan.yaml'), {
    '/etc/stepspan/grafana/dashboards': path.join(SOURCES, 'dashboards'),
  });
  const program = externalProgram('grafana');
  const home = homeOf(program);
  const url = `http://127.0.0.1:${port}`;
  const service = defineService({
    name: 'Grafana',
    program,
    args: ['server', ...(home === undefined ? [] : ['--homepath', home])],
    folder,
    env: {
      GF_PATHS_DATA: path.join(folder, 'data'),
      GF_PATHS_LOGS: path.join(folder, 'logs'),
      GF_PATHS_PLUGINS: path.join(folder, 'plugins'),
      GF_PATHS_PROVISIONING: provisioning,
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(port),
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      // Explore, to which links lead, is not for viewers; data sources are for administrators alone.
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Admin',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      GF_NEWS_NEWS_FEED_ENABLED: 'false',
      GF_LOG_LEVEL: 'warn',
    },
    isReady: async () => (await fetch(`${url}/api/dashboards/uid/stepspan-overview`)).ok,
  });
  await service.start().catch(async (error: unknown) => {
    await service.remove();
    throw error;
  });
  const source: Grafana['source'] = async (uid) =>
    (await (await fetch(`${url}/api/datasources/uid/${uid}`)).json()) as Awaited<ReturnType<Grafana['source']>>;
  return { ...service, url, source };
}

function replaceIn(file: string, texts: Readonly<Record<string, string>>): void {
  let text = readFileSync(file, 'utf8');
  for (const [from, to] of Object.entries(texts)) text = text.replaceAll(from, to);
  writeFileSync(file, text);
}

/** Grafana looks for its files from its working folder; undefined leaves that to the program, such as a script around it. */
function homeOf(program: string): string | undefined {
  const folder = path.dirname(realpathSync(program));
  const places = [path.join(folder, '..'), path.join(folder, '../..'), '/usr/share/grafana'];
  return places.find(
    (place) => existsSync(path.join(place, 'conf/defaults.ini')) && folder.startsWith(path.resolve(place)),
  );
}
