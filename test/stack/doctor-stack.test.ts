// `doctor --stack` against the real Collector, Loki, Prometheus and Alertmanager, with the rules that users get. Grafana and
// Tempo cannot be run here: small servers answer as theirs do by documentation, and prove what stepspan asks, no more.
import { cpSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sources, uids } from '../../grafana/names.ts';
import { provisioned } from '../../src/cli/doctor/stack/grafana.ts';
import { composeAddresses } from '../../src/cli/doctor/stack/index.ts';
import type { RunningCli } from '../support/cli.ts';
import { type HttpServer, serveHttp } from '../support/http-server.ts';
import { type Alertmanager, startAlertmanager } from './support/alertmanager.ts';
import { loadCompose, root } from './support/compose.ts';
import { needs } from './support/external-programs.ts';
import { type Loki, startLoki } from './support/loki.ts';
import { type Prometheus, startPrometheus } from './support/prometheus.ts';
import { eventually, makeFolder } from './support/service.ts';
import { type Stack, startStack } from './support/stack.ts';

/** Lines of a run lost, shown twice, not found, and a stream for each run. */
const wrongConfig = `
limits_config:
  allow_structured_metadata: true
  shard_streams: { enabled: true }
  otlp_config:
    resource_attributes:
      attributes_config:
        - { action: index_label, attributes: [service.name, cicd.pipeline.run.id] }
`;

type Finding = { readonly kind: string; readonly detail: string; readonly remedy?: string };

let stack: Stack;
let hub: RunningCli;
let loki: Loki;
let prometheus: Prometheus;
let alertmanager: Alertmanager;
let tempo: HttpServer;
let grafana: HttpServer;
const password = 'admin:correct-horse';
/** What the stand-in for Grafana has; a test takes something away. */
const inGrafana = new Set<string>([...provisioned.sources, ...provisioned.dashboards]);

const serve = (answer: (url: string, authorization?: string) => { status?: number; body: string }) =>
  serveHttp((request, response) => {
    const { status = 200, body } = answer(request.url ?? '', request.headers.authorization);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });

async function doctor(env: Readonly<Record<string, string>> = {}) {
  const end = await stack.run(['doctor', '--stack', '--json', '--ship-wait', '5s'], {
    STEPSPAN_LOKI_URL: stack.loki.url,
    STEPSPAN_TEMPO_URL: tempo.url,
    STEPSPAN_PROMETHEUS_URL: prometheus.url,
    STEPSPAN_ALERTMANAGER_URL: alertmanager.url,
    STEPSPAN_GRAFANA_URL: grafana.url,
    STEPSPAN_GRAFANA_LOGIN: password,
    ...env,
  });
  const checks = JSON.parse(end.stdout.trimEnd().split('\n').at(-1) ?? '[]') as { what: string; finding: Finding }[];
  return { ...end, checks: new Map(checks.map(({ what, finding }) => [what, finding])) };
}

const kinds = (checks: ReadonlyMap<string, Finding>, ...not: string[]) =>
  [...checks].filter(([, { kind }]) => !['good', ...not].includes(kind)).map(([what]) => what);

describe('doctor --stack', needs('loki'), () => {
  beforeAll(async () => {
    stack = await startStack([]);
    const rules = await makeFolder('rules');
    cpSync(path.join(root, 'alerting/loki/stepspan'), path.join(rules, 'fake'), { recursive: true });
    [loki, alertmanager] = await Promise.all([
      startLoki({ env: { LOKI_RULES_FOLDER: rules } }),
      startAlertmanager({
        config: {
          route: { receiver: 'mail' },
          receivers: [{ name: 'mail', webhook_configs: [{ url: 'http://127.0.0.1:9/' }] }],
        },
      }),
    ]);
    hub = stack.start(['serve', '--port', '0']);
    prometheus = await startPrometheus({
      targets: { stepspan: new URL(await hub.url()).host },
      config: {
        rule_files: [path.join(root, 'alerting/prometheus/*.rules.yaml')],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager.url).host] }] }] },
      },
    });
    await prometheus.scraped();
    tempo = await serve((url) => {
      if (url === '/ready') return { body: 'ready' };
      const spans = stack.sink.spans(/^\/api\/traces\/([0-9a-f]{32})$/.exec(url)?.[1] ?? '');
      return { status: spans.length === 0 ? 404 : 200, body: JSON.stringify(spans.map(({ name }) => name)) };
    });
    grafana = await serve((url, authorization) => {
      if (url === '/api/health') return { body: JSON.stringify({ database: 'ok', version: '13.2.0' }) };
      if (authorization !== `Basic ${Buffer.from(password).toString('base64')}`) return { status: 401, body: '{}' };
      const uid = /^\/api\/(?:datasources|dashboards)\/uid\/([\w-]+)(\/health)?$/.exec(url)?.[1] ?? '';
      return inGrafana.has(uid) ? { body: '{}' } : { status: 404, body: '{"message":"not found"}' };
    });
    // Both ask their rules and targets in turns of their own.
    await eventually('Prometheus knows its Alertmanager', async () => {
      const answer = await (await fetch(`${prometheus.url}/api/v1/alertmanagers`)).text();
      return answer.includes(alertmanager.url) || undefined;
    });
    await eventually('Loki has read its rules', async () => {
      return (await (await fetch(`${loki.url}/prometheus/api/v1/rules`)).text()).includes('Stepspan') || undefined;
    });
  });

  afterAll(async () => {
    hub?.child.kill('SIGTERM');
    await hub?.done;
    await tempo?.close();
    await grafana?.close();
    await Promise.all([prometheus?.remove(), alertmanager?.remove(), loki?.remove()]);
    await stack?.close();
  });

  test('finds every piece well, and the probe run in all of them', async () => {
    // Its Loki is the one that the Collector sends to; that one has no rules, and says so.
    const { code, checks } = await doctor();
    expect(kinds(checks)).toEqual(['Rules of Loki']);
    expect(checks.get('Rules of Loki')?.kind).toBe('advice');
    expect([...checks.keys()].slice(5)).toEqual([
      'Collector',
      'Tempo',
      'Loki',
      'Settings of Loki',
      'Rules of Loki',
      'Prometheus',
      'Scrape of the hub',
      'Rules of Prometheus',
      'Exemplars',
      'Alertmanager of Prometheus',
      'Alertmanager',
      'Receivers of alerts',
      'Grafana',
      'Data sources',
      'Dashboards',
      'Probe run',
      'OTLP endpoint',
      'Log in Loki',
      'Trace in Tempo',
      'Metric of the hub',
      'Metric in Prometheus',
    ]);
    expect(checks.get('Receivers of alerts')?.detail).toContain('webhook');
    expect(code).toBe(0);
  });

  test('says for each piece that is away what to do, and sends nothing that could not arrive', async () => {
    const nowhere = 'http://127.0.0.1:9';
    const { code, checks, stdout } = await doctor({
      OTEL_EXPORTER_OTLP_ENDPOINT: nowhere,
      STEPSPAN_TEMPO_URL: nowhere,
      STEPSPAN_LOKI_URL: nowhere,
      STEPSPAN_PROMETHEUS_URL: nowhere,
      STEPSPAN_ALERTMANAGER_URL: 'http://me:never-shown@127.0.0.1:9',
      STEPSPAN_GRAFANA_URL: nowhere,
    });
    for (const what of ['Collector', 'Tempo', 'Loki', 'Prometheus', 'Alertmanager', 'Grafana']) {
      expect(checks.get(what), what).toMatchObject({ kind: 'bad', remedy: expect.stringContaining('docker compose') });
    }
    expect(checks.get('Probe run')?.kind).toBe('left_out');
    expect(stdout).not.toContain('never-shown');
    expect(code).toBe(3);
  });

  test('logs in to a Loki that asks for a login, a tenant and a header, and shows none of them', async () => {
    const login = `Basic ${Buffer.from('me:never-shown').toString('base64')}`;
    const guard = await serveHttp(async ({ url, headers }, response) => {
      const isKnown =
        headers.authorization === login && headers['x-scope-orgid'] === 'team' && headers['x-key'] === 'k2';
      const answer = isKnown ? await fetch(`${stack.loki.url}${url}`) : new Response('who is there?', { status: 401 });
      response.writeHead(answer.status).end(await answer.text());
    });
    try {
      const { checks, stdout } = await doctor({
        STEPSPAN_LOKI_URL: guard.url.replace('//', '//me:never-shown@'),
        STEPSPAN_LOKI_TENANT: 'team',
        STEPSPAN_LOKI_HEADERS: 'x-key=k2',
      });
      for (const what of ['Loki', 'Settings of Loki', 'Log in Loki']) expect(checks.get(what)?.kind, what).toBe('good');
      expect(stdout).not.toContain('never-shown');
    } finally {
      await guard.close();
    }
  });

  test('names what is missing in Grafana, and asks for a login if none is set', async () => {
    inGrafana.delete('stepspan-run');
    inGrafana.delete('stepspan-tempo');
    try {
      const { checks } = await doctor();
      expect(checks.get('Dashboards')).toMatchObject({ kind: 'bad', detail: 'missing: stepspan-run' });
      expect(checks.get('Data sources')).toMatchObject({ kind: 'bad', detail: 'stepspan-tempo is missing' });
    } finally {
      for (const uid of ['stepspan-run', 'stepspan-tempo']) inGrafana.add(uid);
    }
    const none = await doctor({ STEPSPAN_GRAFANA_LOGIN: '', STEPSPAN_LOKI_URL: 'http://127.0.0.1:9' });
    expect(none.checks.get('Data sources and dashboards')?.kind).toBe('left_out');
    const wrong = await doctor({ STEPSPAN_GRAFANA_LOGIN: 'admin:wrong', STEPSPAN_LOKI_URL: 'http://127.0.0.1:9' });
    expect(wrong.checks.get('Data sources and dashboards')?.kind).toBe('bad');
  });

  test('distinguishes a full Collector from an address that is not a Collector', async () => {
    let status = 503;
    const intake = await serve(() => ({ status, body: '{}' }));
    try {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: intake.url };
      expect((await doctor(env)).checks.get('Collector')?.detail).toContain('refuses new data');
      status = 404;
      expect((await doctor(env)).checks.get('Collector')?.detail).toContain('does not accept OTLP logs');
    } finally {
      await intake.close();
    }
  });

  test('knows a Loki, a Prometheus and an Alertmanager that lack what is needed', async () => {
    const empty = await startPrometheus({ targets: {} });
    const silent = await startAlertmanager({ config: { route: { receiver: 'none' }, receivers: [{ name: 'none' }] } });
    // The rules are read by the other Loki; one that shards by rate is played, as a real one takes seconds to start.
    const sharded = await serve((url) => (url === '/config' ? { body: wrongConfig } : { body: '{}' }));
    try {
      const env = { STEPSPAN_PROMETHEUS_URL: empty.url, STEPSPAN_ALERTMANAGER_URL: silent.url };
      const { checks } = await doctor({
        ...env,
        STEPSPAN_LOKI_URL: sharded.url,
        STEPSPAN_TEMPO_URL: 'http://127.0.0.1:9',
      });
      expect(checks.get('Scrape of the hub')).toMatchObject({ kind: 'bad', detail: 'no job is called stepspan' });
      expect(checks.get('Rules of Prometheus')?.kind).toBe('bad');
      expect(checks.get('Alertmanager of Prometheus')?.kind).toBe('bad');
      expect(checks.get('Receivers of alerts')).toMatchObject({
        kind: 'advice',
        remedy: expect.stringContaining('STEPSPAN_ALERT_MAIL_TO'),
      });
      expect(checks.get('Settings of Loki')).toMatchObject({
        kind: 'bad',
        detail: expect.stringMatching(
          /^stepspan needs 4 of them changed: .*time_sharding_enabled.*enabled: false.*pipeline\.name as.*run\.id not as/,
        ),
      });
    } finally {
      await sharded.close();
      await Promise.all([empty.remove(), silent.remove()]);
    }
  });

  test('finds the rules in a Loki that has them', async () => {
    const { checks } = await doctor({ STEPSPAN_LOKI_URL: loki.url, STEPSPAN_TEMPO_URL: 'http://127.0.0.1:9' });
    expect(checks.get('Rules of Loki')).toMatchObject({ kind: 'good', detail: expect.stringContaining('of stepspan') });
  });
});

describe('what doctor --stack takes for granted', () => {
  test('is where docker-compose.yml has it, and what grafana/ provisions', () => {
    const open = Object.values(loadCompose().services).flatMap(({ ports = [] }) =>
      ports.map(({ host_ip, published }) => `http://${host_ip}:${published}`),
    );
    for (const address of Object.values(composeAddresses)) expect(open).toContain(address);
    expect(provisioned.sources).toEqual(Object.values(sources).map(({ uid }) => uid));
    expect(provisioned.dashboards).toEqual(Object.values(uids));
  });
});
