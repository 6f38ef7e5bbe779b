// Every configuration of the stack, loaded by the program that it is for; and for what is often missing (Tempo, Mimir) keys
// and kinds of values are compared with what its documentation lists. And: the Collector's manifest lists what they use.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { locateBackends } from './support/backends.ts';
import { loadCompose, root } from './support/compose.ts';
import { externalProgram, needs } from './support/external-programs.ts';

const programs = locateBackends();
const { services } = loadCompose();

const read = <T = Record<string, unknown>>(file: string) => parse(readFileSync(path.join(root, file), 'utf8')) as T;

/** Throws, with what the program said, when it ends with anything but 0. */
function run(program: string, args: string[], env: Record<string, string | null> = {}): string {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== null)) as Record<string, string>;
  return execFileSync(program, args, { cwd: root, encoding: 'utf8', env: { PATH: process.env.PATH, ...set } });
}

const withConfig = (files: readonly string[]) => files.flatMap((file) => ['--config', file]);

const collectors = {
  'of one machine': ['otel-collector.yaml'],
  'with metrics of runs': ['otel-collector.yaml', 'otel-collector-metrics.yaml'],
  'of docker compose': ['otel-collector.yaml', 'otel-collector-redaction.yaml'],
  'of an agent': ['stack/scale/agent.yaml'],
  'of a gateway': ['otel-collector.yaml', 'otel-collector-redaction.yaml', 'stack/scale/gateway.yaml'],
} as const;

describe('the Collector', () => {
  test.each(Object.entries(collectors))('loads the configuration %s', (_whose, files) => {
    run(programs.otelcol, ['validate', ...withConfig(files)]);
  });

  test('would say that a configuration is wrong', () => {
    const wrong = [
      'validate',
      ...withConfig(['otel-collector.yaml']),
      '--config',
      'yaml:exporters::otlp_http/loki::qeue: 1',
    ];
    expect(() => run(programs.otelcol, wrong)).toThrow('qeue');
  });

  test('is built from exactly the components that these name', () => {
    type Config = Partial<Record<'receivers' | 'processors' | 'exporters' | 'extensions', Record<string, unknown>>>;
    const named = new Set<string>();
    for (const file of new Set(Object.values(collectors).flat())) {
      for (const kind of ['receivers', 'processors', 'exporters', 'extensions'] as const) {
        for (const name of Object.keys(read<Config>(file)[kind] ?? {})) named.add(`${kind}/${name.split('/')[0]}`);
      }
    }
    // The builder's manifest names Go modules, and the configuration what these call themselves.
    const modules: Record<string, string> = {
      'receivers/otlp': 'otlpreceiver',
      'processors/memory_limiter': 'memorylimiterprocessor',
      'processors/redaction': 'redactionprocessor',
      'exporters/otlp_http': 'otlphttpexporter',
      'exporters/load_balancing': 'loadbalancingexporter',
      'extensions/file_storage': 'filestorage',
    };
    expect([...named].sort()).toEqual(Object.keys(modules).sort());
    const manifest = read<Record<string, { gomod: string }[]>>('stack/collector-builder.yaml');
    const built = (['receivers', 'processors', 'exporters', 'extensions'] as const).flatMap((kind) =>
      (manifest[kind] ?? []).map(({ gomod }) => gomod.split(' ')[0]?.split('/').at(-1)),
    );
    expect(built.sort()).toEqual(Object.values(modules).sort());
  });

  test('has the version of the image that compose runs', () => {
    const { dist } = read<{ dist: { version: string } }>('stack/collector-builder.yaml');
    expect(services['otel-collector']?.image).toBe(`otel/opentelemetry-collector-contrib:${dist.version}`);
    const text = readFileSync(path.join(root, 'stack/collector-builder.yaml'), 'utf8');
    expect(new Set([...text.matchAll(/ v([\d.]+)$/gm)].map((match) => match[1]))).toEqual(new Set([dist.version]));
  });
});

describe('Loki', () => {
  const load = (file: string, ...more: string[]) =>
    run(externalProgram('loki'), [`-config.file=${file}`, '-config.expand-env=true', '-verify-config', ...more]);

  test(
    'loads its configuration with what compose sets, and with every part of it in the distributed mode',
    needs('loki'),
    () => {
      run(
        externalProgram('loki'),
        ['-config.file=stack/loki.yaml', '-config.expand-env=true', '-verify-config'],
        services.loki?.environment,
      );
      for (const target of ['write', 'read', 'backend']) load('stack/scale/loki.yaml', `-target=${target}`);
    },
  );

  test('has what stepspan needs in both', () => {
    const needed = ({ limits_config: limits }: { limits_config: Record<string, unknown> }) => ({
      structured: limits.allow_structured_metadata,
      otlp: limits.otlp_config,
      shards: limits.shard_streams,
      page: limits.max_entries_limit_per_query,
    });
    type Config = Parameters<typeof needed>[0];
    expect(needed(read<Config>('stack/scale/loki.yaml'))).toEqual(needed(read<Config>('stack/loki.yaml')));
  });
});

describe('Prometheus', () => {
  test('is of the version that compose runs, and Alertmanager too', () => {
    const versionOf = (program: string) => / version ([\d.]+) /.exec(run(program, ['--version']))?.[1];
    const { prometheus, promtool, alertmanager, amtool } = programs;
    expect([prometheus, promtool].map((each) => `prom/prometheus:v${versionOf(each)}`)).toEqual(
      Array(2).fill(services.prometheus?.image),
    );
    expect([alertmanager, amtool].map((each) => `prom/alertmanager:v${versionOf(each)}`)).toEqual(
      Array(2).fill(services.alertmanager?.image),
    );
  });

  test('loads its configuration and every rule that it names', () => {
    const said = run(programs.promtool, ['check', 'config', 'stack/prometheus.yaml']);
    expect(said).toContain('stepspan.rules.yaml');
    run(programs.promtool, ['check', 'config', '--agent', '--syntax-only', 'stack/scale/prometheus-agent.yaml']);
  });

  test('scrapes every service of compose that has metrics, by its name there, and keeps exemplars', () => {
    type Config = { scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[] };
    const jobs = read<Config>('stack/prometheus.yaml').scrape_configs;
    const targets = Object.fromEntries(jobs.map((job) => [job.job_name, job.static_configs[0]?.targets[0]]));
    expect(targets).toEqual({
      stepspan: '127.0.0.1:9464',
      'otel-collector': 'otel-collector:8888',
      loki: 'loki:3100',
      tempo: 'tempo:3200',
      prometheus: '127.0.0.1:9090',
      alertmanager: 'alertmanager:9093',
      grafana: 'grafana:3000',
    });
    for (const target of Object.values(targets)) {
      const [host = ''] = target?.split(':') ?? [];
      if (host !== '127.0.0.1') expect(services).toHaveProperty([host]);
    }
    expect(services.prometheus?.command).toContain('--enable-feature=exemplar-storage');
    // For runs that send their metrics themselves.
    expect(services.prometheus?.command).toContain('--web.enable-otlp-receiver');
  });
});

const duration = z.string().regex(/^\d+(ns|us|ms|s|m|h)$/);
const retention = z.strictObject({ compaction: z.strictObject({ block_retention: duration }) });
/** What stack/ uses of Tempo 3.0.3's manifest. A key that is not here has to be looked up there first. */
const tempo = z.strictObject({
  multitenancy_enabled: z.boolean().optional(),
  stream_over_http_enabled: z.boolean(),
  server: z.strictObject({
    http_listen_port: z.int(),
    log_level: z.enum(['debug', 'info', 'warn', 'error']).optional(),
  }),
  distributor: z.strictObject({
    receivers: z.strictObject({
      otlp: z.strictObject({ protocols: z.strictObject({ http: z.strictObject({ endpoint: z.string() }) }) }),
    }),
  }),
  memberlist: z
    .strictObject({
      abort_if_cluster_join_fails: z.boolean(),
      bind_port: z.int(),
      join_members: z.array(z.string()),
    })
    .optional(),
  ingest: z.strictObject({ kafka: z.strictObject({ address: z.string(), topic: z.string() }) }).optional(),
  live_store: z.strictObject({ readiness_target_lag: duration }).optional(),
  block_builder: z.strictObject({ assigned_partitions: z.record(z.string(), z.array(z.int())) }).optional(),
  backend_scheduler: z.strictObject({ provider: z.strictObject({ compaction: retention }) }),
  backend_worker: retention.extend({
    backend_scheduler_addr: z.string().optional(),
    ring: z.strictObject({ kvstore: z.strictObject({ store: z.string() }) }).optional(),
  }),
  querier: z.strictObject({ frontend_worker: z.strictObject({ frontend_address: z.string() }) }).optional(),
  query_frontend: z.strictObject({ search: z.strictObject({ max_duration: duration }) }),
  storage: z.strictObject({
    trace: z.strictObject({
      backend: z.enum(['local', 's3']),
      wal: z.strictObject({ path: z.string() }),
      local: z.strictObject({ path: z.string() }).optional(),
      s3: z.strictObject({ bucket: z.string(), endpoint: z.string(), region: z.string() }).optional(),
    }),
  }),
  overrides: z.strictObject({
    defaults: z.strictObject({ global: z.strictObject({ max_bytes_per_trace: z.int() }) }),
  }),
  usage_report: z.strictObject({ reporting_enabled: z.literal(false) }),
});

describe('Tempo', () => {
  test.each(['stack/tempo.yaml', 'stack/scale/tempo.yaml'])('loads %s', needs('tempo'), (file) => {
    run(externalProgram('tempo'), [`-config.file=${file}`, '-config.verify=true']);
  });

  test.each(['stack/tempo.yaml', 'stack/scale/tempo.yaml'])('%s has keys that are known, and their kinds', (file) => {
    expect(() => tempo.parse(read(file))).not.toThrow();
  });

  test('listens where the Collector of compose sends', () => {
    const { distributor } = tempo.parse(read('stack/tempo.yaml'));
    const { port } = new URL(services['otel-collector']?.environment?.TEMPO_OTLP_ENDPOINT ?? '');
    expect(distributor.receivers.otlp.protocols.http.endpoint).toBe(`0.0.0.0:${port}`);
  });
});

describe('what is in stack/', () => {
  test('is parsed as YAML without a complaint, each file of it', () => {
    const files = ['stack', 'stack/scale'].flatMap((folder) =>
      readdirSync(path.join(root, folder))
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => `${folder}/${name}`),
    );
    expect(files.length).toBeGreaterThanOrEqual(9);
    for (const file of files) expect(read(file), file).toBeTypeOf('object');
  });
});
