// docs/stack.md as a newcomer follows it, with docker-compose.yml but without docker: Collector, Loki, Prometheus and
// Alertmanager run with the commands, variables and ports of the compose file in a network of their own, where each service
// has its name. Grafana, Tempo and the mail catcher are stand-ins. Nothing is set but what the page says.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';
import { sources, uids } from '../../grafana/names.ts';
import { cliProgram } from '../support/cli.ts';
import { locateBackends } from './support/backends.ts';
import { loadCompose, root } from './support/compose.ts';
import { externalProgram, needs } from './support/external-programs.ts';
import { type Namespace, needsNamespaces, startNamespace } from './support/namespace.ts';
import { defineService, eventually, makeFolder, type Service } from './support/service.ts';

const { services } = loadCompose();
const programs = locateBackends();

/** Tempo's intake has the Collector's port, which is no matter in containers of their own. */
const hosts = `127.0.0.1 localhost ${Object.keys(services)
  .filter((name) => name !== 'tempo')
  .join(' ')}\n127.0.0.3 tempo\n`;

let folder: string;
let network: Namespace;
const running: Service[] = [];

/** What a container has mounted, with this folder for its volumes and the clone for its files. */
function outside(name: string, word: string): string {
  for (const { type, source, target } of services[name]?.volumes ?? []) {
    // The word itself, or the value of a flag.
    const [whole, before] = new RegExp(`^(|--?[^=]*=)${target}(?=/|$)`).exec(word) ?? [];
    if (whole === undefined) continue;
    return `${before}${type === 'volume' ? path.join(folder, source) : source}${word.slice(whole.length)}`;
  }
  return word;
}

type ServiceOf = {
  readonly program: string;
  readonly change?: Readonly<Record<string, string>>;
  /** Where it answers when it is up. */
  readonly port: number;
  readonly ready: string;
};

/** Starts a service of the compose file. */
async function up(name: string, { program, change = {}, port, ready }: ServiceOf): Promise<void> {
  const { command = [], entrypoint = [], environment = {} } = services[name] ?? {};
  const env: Record<string, string> = {};
  for (const [variable, value] of Object.entries({ ...environment, ...change }))
    env[variable] = outside(name, value ?? '');
  const script = entrypoint.slice(1).map((word) => outside(name, word));
  const args = [...script, ...command.map((word) => outside(name, word))];
  const isReady = () => answers(`http://127.0.0.1:${port}${ready}`);
  await start({ name, program: entrypoint[0] ?? program, args, env, isReady });
}

type Program = {
  readonly name: string;
  readonly program: string;
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly isReady: () => Promise<boolean>;
};

async function start({ name, program, args, env, isReady }: Program): Promise<void> {
  const inNetwork = network.enter(program, args);
  const folder = await makeFolder(`whole-${name}`);
  const service = defineService({ name, ...inNetwork, env, folder, isReady });
  running.push(service);
  await service.start();
}

const inside = (program: string, args: string[], env: Record<string, string>) => {
  const { program: entered, args: words } = network.enter(program, args);
  return promisify(execFile)(entered, words, { env, cwd: folder, maxBuffer: 2 ** 24 });
};

async function answers(url: string): Promise<boolean> {
  await inside(programs.busybox, ['wget', '-q', '-O', '/dev/null', url], {});
  return true;
}

/** The variables that docs/stack.md has a newcomer set. */
const documented = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
  STEPSPAN_ALERTMANAGER_URL: 'http://127.0.0.1:9093',
  STEPSPAN_GRAFANA_URL: 'http://127.0.0.1:3000',
};

const stepspan = async (args: string[]) => {
  const env = { ...claudeTestEnvironment({ apiUrl: 'http://127.0.0.1:9', home: folder }), ...documented, HOME: folder };
  const end = inside(process.execPath, [cliProgram, ...args], {
    ...env,
    STEPSPAN_DATA_DIR: path.join(folder, 'data'),
  } as Record<string, string>);
  return end.catch((error: { stdout: string; stderr: string }) => error);
};

describe('the stack of docker-compose.yml', needsNamespaces.skip ? needsNamespaces : needs('loki'), () => {
  beforeAll(async () => {
    folder = await makeFolder('whole');
    for (const name of Object.keys(loadCompose().volumes)) mkdirSync(path.join(folder, name));
    // `prepare`, but for the owners, which are those of the images.
    mkdirSync(path.join(folder, 'loki-rules/fake'));
    execFileSync('cp', [
      path.join(root, 'alerting/loki/stepspan/stepspan.rules.yaml'),
      path.join(folder, 'loki-rules/fake'),
    ]);
    network = await startNamespace(hosts);
    const mail = readFileSync(path.join(root, 'stack/mail.env'), 'utf8');
    const mailEnv = Object.fromEntries(
      [...mail.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );

    const standIns = path.join(root, 'test/fixtures/stack-stand-ins.ts');
    const isReady = async () => readdirSync(folder).includes('ready');
    await start({ name: 'stand-ins', program: process.execPath, args: [standIns, folder], env: {}, isReady });
    await Promise.all([
      // Loki would write below its root, as it may in its container.
      up('loki', {
        program: externalProgram('loki'),
        change: { LOKI_FOLDER: '/loki', LOKI_RULES_FOLDER: '/etc/loki/rules', LOKI_RULES_EVERY: '1s' },
        port: 3100,
        ready: '/ready',
      }),
      // The stand-in for Tempo reads JSON; and all addresses would take its port from it.
      up('otel-collector', {
        program: programs.otelcol,
        change: { OTELCOL_OTLP_HTTP: '127.0.0.1:4318', TEMPO_OTLP_ENCODING: 'json' },
        port: 8888,
        ready: '/metrics',
      }),
      up('prometheus', { program: programs.prometheus, port: 9090, ready: '/-/ready' }),
      up('alertmanager', {
        program: programs.alertmanager,
        change: {
          ...mailEnv,
          STEPSPAN_ALERTMANAGER: programs.alertmanager,
          STEPSPAN_ALERT_RUNTIME_DIR: folder,
          PATH: process.env.PATH ?? '',
        },
        port: 9093,
        ready: '/-/ready',
      }),
    ]);
    await start({
      name: 'hub',
      program: process.execPath,
      args: [cliProgram, 'serve'],
      env: { ...documented, STEPSPAN_DATA_DIR: path.join(folder, 'data') },
      isReady: () => answers('http://127.0.0.1:9464/healthz'),
    });
  });

  afterAll(async () => {
    for (const service of running.reverse()) await service.remove();
    await network?.remove();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('passes `doctor --stack` with the variables of docs/stack.md alone', async () => {
    type Check = { what: string; finding: { kind: string; detail: string } };
    const checks = await eventually(
      'every piece has seen the others',
      async () => {
        const { stdout } = await stepspan(['doctor', '--stack', '--json']);
        const found = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '[]') as Check[];
        // A first scrape and a first reading of the rules take their turn.
        const waits = found.filter(
          ({ finding }) => finding.kind === 'advice' || /context deadline|not scraped/.test(finding.detail),
        );
        return waits.length === 0 ? found : undefined;
      },
      120_000,
    );
    const notGood = checks.filter(({ what, finding }) => finding.kind !== 'good' && what !== 'Claude Code');
    expect(notGood.map(({ what, finding }) => [what, finding.kind])).toEqual([
      ['Data sources and dashboards', 'left_out'],
    ]);
    expect(checks.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['Log in Loki', 'Trace in Tempo', 'Metric in Prometheus']),
    );
  });

  test('sends a mail about the first run that fails', async () => {
    await stepspan(['exec', '--name', 'doomed', '--', 'sh', '-c', 'echo "the disk is on fire" >&2; exit 1']);
    // The sink may be writing the file when it is seen: a mail has arrived once it ends with a line end.
    const read = () =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.eml'))
        .map((name) => readFileSync(path.join(folder, name), 'utf8'))
        .find((text) => text.endsWith('\n'));
    const mail = await simpleParser(await eventually('a mail', read, 90_000));
    expect(mail.subject).toContain('doomed');
    expect(mail.text).toContain('the disk is on fire');
    expect(mail.text).toMatch(/http:\/\/127\.0\.0\.1:9464\/#\/runs\/\d{8}-/);
    // The data sources in the links are those that Grafana is given.
    const links = decodeURIComponent(mail.text ?? '');
    for (const { uid } of [sources.tempo, sources.loki]) expect(links).toContain(`"datasource":"${uid}"`);
    expect(links).toContain(`http://127.0.0.1:3000/d/${uids.run}?var-run=`);
  });
});
