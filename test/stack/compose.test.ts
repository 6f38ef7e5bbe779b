// docker-compose.yml, read by the loader of docker compose: what its head promises holds for every service. No container
// is run; images.test.ts runs what of them can be run without.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCompose, root } from './support/compose.ts';

const compose = loadCompose();
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  test('runs the pinned versions', () => {
    expect(Object.fromEntries(services.map(([name, { image }]) => [name, image]))).toEqual({
      prepare: 'busybox:1.37.0-musl',
      'otel-collector': 'otel/opentelemetry-collector-contrib:0.159.0',
      tempo: 'grafana/tempo:3.0.3',
      loki: 'grafana/loki:3.7.6',
      prometheus: 'prom/prometheus:v3.14.0',
      'hub-door': 'alpine/socat:1.8.0.3',
      'hub-relay': 'alpine/socat:1.8.0.3',
      alertmanager: 'prom/alertmanager:v0.34.0',
      grafana: 'grafana/grafana:13.2.0',
      mailpit: 'axllent/mailpit:v1.30.5',
    });
  });

  test('starts the mail catcher with its profile only, and everything else without one', () => {
    const withProfile = services.filter(([, { profiles }]) => profiles !== undefined);
    expect(withProfile.map(([name, { profiles }]) => [name, profiles])).toEqual([['mailpit', ['mail']]]);
  });

  test.each(services)('%s is limited, restarted, and may do little', (_name, service) => {
    const { cpus, memory } = service.deploy?.resources?.limits ?? {};
    expect(Number(cpus)).toBeGreaterThan(0);
    expect(memory).toMatch(/^[1-9]\d*[MG]$/);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.privileged ?? false).toBe(false);
    const runsOnce = service.restart === 'no';
    expect(service.restart).toBe(runsOnce ? 'no' : 'unless-stopped');
    // What runs once is checked by those who wait for it to succeed.
    if (runsOnce) expect(service.healthcheck?.disable).toBe(true);
    else expect(service.healthcheck?.test?.[0]).toBe('CMD');
  });

  test('has every service that runs once waited for', () => {
    const once = services.filter(([, { restart }]) => restart === 'no').map(([name]) => name);
    for (const name of once) {
      const waiting = services.filter(
        ([, { depends_on }]) => depends_on?.[name]?.condition === 'service_completed_successfully',
      );
      expect(waiting.map(([waiter]) => waiter).sort(), name).toEqual(['grafana', 'loki', 'otel-collector']);
    }
  });

  test('opens ports on loopback only, each once', () => {
    const ports = services.flatMap(([name, service]) => (service.ports ?? []).map((port) => ({ name, ...port })));
    expect(ports.filter(({ host_ip }) => host_ip !== '127.0.0.1')).toEqual([]);
    const published = ports.map(({ published }) => Number(published)).sort((a, b) => a - b);
    expect(published).toEqual([3000, 3100, 3200, 4317, 4318, 8025, 8888, 9090, 9093]);
    // On the host's own network nothing is mapped, and whatever listens does so on the host.
    const onHost = services.filter(([, { network_mode }]) => network_mode === 'host');
    expect(onHost.map(([name, { command }]) => [name, command?.[0]?.split(':')[0]])).toEqual([
      ['hub-door', 'UNIX-LISTEN'],
    ]);
  });

  test('has no password in it', () => {
    for (const [name, { environment }] of services) {
      for (const [variable, value] of Object.entries(environment ?? {})) {
        if (!/PASSWORD|SECRET|TOKEN/.test(variable) || variable.endsWith('__FILE') || variable === 'SECRETS') continue;
        expect([name, variable, value]).toEqual([name, variable, '']);
      }
    }
    expect(compose.services.grafana?.environment).toMatchObject({
      GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/stepspan/grafana-admin-password',
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
    });
  });

  test('keeps data in named volumes, and mounts configuration of this repository, read-only', () => {
    for (const [name, { volumes = [] }] of services) {
      for (const { type, source, read_only } of volumes) {
        if (type === 'volume') {
          expect(compose.volumes, `${name}: ${source}`).toHaveProperty([source]);
          continue;
        }
        expect([name, type, read_only]).toEqual([name, 'bind', true]);
        expect(source.startsWith(`${root}${path.sep}`), source).toBe(true);
        expect(existsSync(source), source).toBe(true);
      }
    }
  });

  test('says in stack/.env.example what can be set, and nothing else', () => {
    const text = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8');
    const used = new Set([...text.matchAll(/\$\{(\w+)/g)].map((match) => match[1]));
    const example = readFileSync(path.join(root, 'stack', '.env.example'), 'utf8');
    const described = new Set([...example.matchAll(/^# ([A-Z_]+)=/gm)].map((match) => match[1]));
    expect([...described].sort()).toEqual([...used].sort());
  });
});
