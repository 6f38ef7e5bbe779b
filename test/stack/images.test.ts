// What can be run of docker-compose.yml without docker: the script of `prepare` under the busybox that its image is, health
// checks with the real programs, and the way from Prometheus to the hub, with the host and the container as networks.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startAlertmanager } from './support/alertmanager.ts';
import { locateBackends } from './support/backends.ts';
import { startCollector } from './support/collector.ts';
import { loadCompose, root } from './support/compose.ts';
import { externalProgram, needs } from './support/external-programs.ts';
import { startLoki } from './support/loki.ts';
import { type Namespace, needsNamespaces, startNamespace } from './support/namespace.ts';
import { defineService, eventually, makeFolder } from './support/service.ts';

const { services } = loadCompose();
const programs = locateBackends();
const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const remove of cleanUp.splice(0).reverse()) await remove();
});

/** What is started as `like` is: the same words, with another program and other addresses. */
function health(service: string, program: string, replace: Record<string, string>): number | null {
  const [, , ...args] = services[service]?.healthcheck?.test ?? [];
  const said = args.map((word) => Object.entries(replace).reduce((text, [from, to]) => text.replace(from, to), word));
  for (const from of Object.keys(replace)) expect(args.join(' ')).toContain(from);
  return spawnSync(program, said, { timeout: 20_000 }).status;
}

describe('a health check', () => {
  test('of the Collector asks its intake, with a busybox and nothing else', async () => {
    const collector = await startCollector({ lokiEndpoint: 'http://127.0.0.1:9', tempoEndpoint: 'http://127.0.0.1:9' });
    cleanUp.push(() => collector.remove());
    const here = { '127.0.0.1:4318': new URL(collector.endpoint).host };
    expect(services['otel-collector']?.healthcheck?.test?.[1]).toBe('/tools/busybox');
    expect(health('otel-collector', programs.busybox, here)).toBe(0);
    await collector.stop();
    expect(health('otel-collector', programs.busybox, here)).not.toBe(0);
  });

  test("of Loki is Loki's own", needs('loki'), async () => {
    const loki = await startLoki();
    cleanUp.push(() => loki.remove());
    const here = { '127.0.0.1:3100': new URL(loki.url).host };
    expect(health('loki', externalProgram('loki'), here)).toBe(0);
    await loki.kill();
    expect(health('loki', externalProgram('loki'), here)).not.toBe(0);
  });

  test('of Alertmanager asks it with its own tool', async () => {
    const config = { route: { receiver: 'none' }, receivers: [{ name: 'none' }] };
    const alertmanager = await startAlertmanager({ config });
    cleanUp.push(() => alertmanager.remove());
    const here = { '127.0.0.1:9093': new URL(alertmanager.url).host };
    expect(health('alertmanager', programs.amtool, here)).toBe(0);
    await alertmanager.stop();
    expect(health('alertmanager', programs.amtool, here)).not.toBe(0);
  });
});

test('Alertmanager starts with what compose passes on, and with the mail catcher where stack/mail.env is given', async () => {
  const folder = await makeFolder('alertmanager-start');
  cleanUp.push(() => rm(folder, { recursive: true, force: true }));
  const [, inContainer = ''] = services.alertmanager?.entrypoint ?? [];
  const script = path.join(root, inContainer.replace('/etc/stepspan/', ''));
  const printed = (set: Record<string, string>): string => {
    // The shell and the awk of busybox, as in the image.
    const env = { ...services.alertmanager?.environment, ...set, PATH: folder } as Record<string, string>;
    const text = execFileSync(programs.busybox, ['sh', script, '--print'], { env, encoding: 'utf8' });
    const file = path.join(folder, 'alertmanager.yaml');
    writeFileSync(file, text);
    execFileSync(programs.amtool, ['check-config', file]);
    return text;
  };
  execFileSync(programs.busybox, ['--install', '-s', folder]);
  expect(printed({})).not.toContain('email_configs');
  const mail = readFileSync(path.join(root, 'stack/mail.env'), 'utf8');
  const set = Object.fromEntries([...mail.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  expect(Object.keys(set).filter((name) => !(name in (services.alertmanager?.environment ?? {})))).toEqual([]);
  expect(printed(set)).toMatch(/smtp_smarthost: 'mailpit:1025'[\s\S]*email_configs:\s+- to: 'you@example.com'/);
});

// It changes owners, which root may, as it is in its container.
describe('prepare', needsNamespaces, () => {
  async function prepare(env: Record<string, string> = {}) {
    const folder = await makeFolder('prepare');
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const place = (name: string) => path.join(folder, name);
    for (const name of ['queue', 'tools', 'secrets', 'rules', 'alerting/loki/stepspan', 'alerting/custom/loki']) {
      mkdirSync(place(name), { recursive: true });
    }
    // The script copies the busybox that it runs under by its place in the image.
    const script = path.join(folder, 'prepare.sh');
    writeFileSync(
      script,
      readFileSync(path.join(root, 'stack/prepare.sh'), 'utf8').replace('/bin/busybox', programs.busybox),
    );
    // Root, but with what compose leaves it.
    const may = (services.prepare?.cap_add ?? []).map((name) => `+${name.toLowerCase()}`).join(',');
    expect(services.prepare?.cap_drop).toEqual(['ALL']);
    const run = () =>
      execFileSync('setpriv', ['--bounding-set', `-all,${may}`, programs.busybox, 'sh', script], {
        env: {
          ...env,
          QUEUE: place('queue'),
          TOOLS: place('tools'),
          SECRETS: place('secrets'),
          RULES: place('rules'),
          ALERTING: place('alerting'),
        },
      });
    const password = () => readFileSync(place('secrets/grafana-admin-password'), 'utf8');
    return { run, place, password };
  }

  test('makes a password of its own on every machine, once, and for Grafana alone', async () => {
    const [one, other] = [await prepare(), await prepare({ GRAFANA_ADMIN_PASSWORD: '' })];
    for (const each of [one, other]) each.run();
    expect(one.password()).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(other.password()).not.toBe(one.password());
    const { mode, uid } = statSync(one.place('secrets/grafana-admin-password'));
    expect([(mode & 0o777).toString(8), uid]).toEqual(['400', 472]);
    const before = one.password();
    one.run();
    expect(one.password()).toBe(before);
  });

  test('takes the password that is set, and makes the folder of the Collector and a busybox', async () => {
    const { run, place, password } = await prepare({ GRAFANA_ADMIN_PASSWORD: 'correct horse' });
    run();
    expect(password()).toBe('correct horse');
    expect(statSync(place('queue')).uid).toBe(10001);
    expect(execFileSync(place('tools/busybox'), ['echo', 'runs'], { encoding: 'utf8' })).toBe('runs\n');
  });

  test("puts the rules that are made and one's own together, and forgets those that are gone", async () => {
    const { run, place } = await prepare();
    writeFileSync(place('alerting/loki/stepspan/stepspan.rules.yaml'), 'groups: []');
    writeFileSync(place('alerting/custom/loki/mine.rules.yaml'), 'groups: []');
    writeFileSync(place('alerting/custom/loki/README.md'), '');
    run();
    expect(readdirSync(place('rules/fake')).sort()).toEqual(['custom-mine.rules.yaml', 'stepspan.rules.yaml']);
    execFileSync('rm', [place('alerting/custom/loki/mine.rules.yaml')]);
    run();
    expect(readdirSync(place('rules/fake'))).toEqual(['stepspan.rules.yaml']);
  });
});

describe('the way to the hub', needsNamespaces, () => {
  test('lets a Prometheus with stack/prometheus.yaml scrape a hub that listens on loopback alone', async () => {
    const folder = await makeFolder('relay');
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const [host, container] = [await network(), await network()];
    const hub = ['src/cli/main.ts', 'serve', '--no-ship', '--data-dir', `${folder}/data`];
    hub[0] = path.join(root, hub[0] ?? '');
    const hubAnswers = () => inside(host, programs.busybox, ['wget', '-qO-', 'http://127.0.0.1:9464/healthz']) === 0;
    await start(host, { name: 'The hub', program: process.execPath, args: hub, isReady: async () => hubAnswers() });

    const relay = (words: string[] = []) => words.map((word) => word.replace('/relay/', `${folder}/`));
    const door = relay(services['hub-door']?.command);
    const isSocket = (file: string) => async () => statSync(file).isSocket();
    const hubSocket = isSocket(`${folder}/hub.sock`);
    await start(host, { name: 'hub-door', program: programs.socat, args: door, isReady: hubSocket });
    const inner = relay(services['hub-relay']?.command);
    const [, , ...check] = services['hub-relay']?.healthcheck?.test ?? [];
    const listens = () => inside(container, programs.socat, check) === 0;
    expect(listens()).toBe(false);
    await start(container, { name: 'hub-relay', program: programs.socat, args: inner, isReady: async () => listens() });

    // Out of its network Prometheus is asked through a socket, as it has no other way out.
    const out = `${folder}/prometheus.sock`;
    const way = [`UNIX-LISTEN:${out},fork`, 'TCP4:127.0.0.1:9090'];
    await start(container, { name: 'The way out', program: programs.socat, args: way, isReady: isSocket(out) });
    // The same but for how long it waits before its first scrape, and for the folder that paths start from.
    const config = readFileSync(path.join(root, 'stack/prometheus.yaml'), 'utf8')
      .replace('scrape_interval: 15s', 'scrape_interval: 1s')
      .replaceAll('../alerting', path.join(root, 'alerting'));
    expect(config).toContain('scrape_interval: 1s');
    writeFileSync(`${folder}/prometheus.yaml`, config);
    const args = [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/tsdb`,
      '--web.listen-address=127.0.0.1:9090',
      '--enable-feature=exemplar-storage',
    ];
    const isReady = async () => (await get(out, '/-/ready')) !== '';
    await start(container, { name: 'Prometheus', program: programs.prometheus, args, isReady });

    const health = await eventually('Prometheus has scraped the hub', async () => {
      const { data } = JSON.parse(await get(out, '/api/v1/targets')) as {
        data: { activeTargets: { labels: { job: string }; health: string; lastError: string }[] };
      };
      const target = data.activeTargets.find(({ labels }) => labels.job === 'stepspan');
      return target?.health === 'unknown' ? undefined : target;
    });
    expect(health).toMatchObject({ health: 'up', lastError: '' });
    const found = await get(out, '/api/v1/query?query=stepspan_hub_start_time_seconds');
    expect(found).toContain('"job":"stepspan"');
  });

  async function network(): Promise<Namespace> {
    const made = await startNamespace();
    cleanUp.push(() => made.remove());
    return made;
  }

  function inside(namespace: Namespace, program: string, args: string[]): number | null {
    const entered = namespace.enter(program, args);
    return spawnSync(entered.program, entered.args, { timeout: 10_000 }).status;
  }

  type Part = {
    readonly name: string;
    readonly program: string;
    readonly args: string[];
    readonly isReady: () => Promise<boolean>;
  };

  async function start(namespace: Namespace, { name, program, args, isReady }: Part): Promise<void> {
    const folder = await makeFolder('relay-part');
    const service = defineService({ name, ...namespace.enter(program, args), folder, isReady });
    cleanUp.push(() => service.remove());
    await service.start();
  }
});

function get(socketPath: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: url }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    asked.on('error', reject).end();
  });
}
