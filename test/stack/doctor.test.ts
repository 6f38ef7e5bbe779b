// `doctor` against the real Collector, Loki, hub and Prometheus: it finds in each what it has sent, and says so where one
// of them is away. A small server in the place of Tempo answers
// its query by trace id from what the Collector passed on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningCli } from '../support/cli.ts';
import { type HttpServer, serveHttp } from '../support/http-server.ts';
import { needs } from './support/external-programs.ts';
import { type Prometheus, startPrometheus } from './support/prometheus.ts';
import { type Stack, startStack } from './support/stack.ts';

type Check = {
  readonly what: string;
  readonly finding: { readonly kind: string; readonly detail: string; readonly remedy?: string };
};

let stack: Stack;
let hub: RunningCli;
let prometheus: Prometheus;
let tempo: HttpServer;

async function doctor(
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; checks: Map<string, Check['finding']> }> {
  const end = await stack.run(['doctor', '--json', '--ship-wait', '5s'], {
    STEPSPAN_LOKI_URL: stack.loki.url,
    STEPSPAN_TEMPO_URL: tempo.url,
    STEPSPAN_PROMETHEUS_URL: prometheus.url,
    ...env,
  });
  const checks = JSON.parse(end.stdout.trimEnd().split('\n').at(-1) ?? '[]') as readonly Check[];
  return { code: end.code, checks: new Map(checks.map(({ what, finding }) => [what, finding])) };
}

describe('doctor', needs('loki'), () => {
  beforeAll(async () => {
    stack = await startStack([]);
    hub = stack.start(['serve', '--port', '0']);
    prometheus = await startPrometheus({ targets: { stepspan: new URL(await hub.url()).host } });
    tempo = await serveHttp((request, response) => {
      const traceId = /^\/api\/traces\/([0-9a-f]{32})$/.exec(request.url ?? '')?.[1];
      const spans = traceId === undefined ? [] : stack.sink.spans(traceId);
      response.writeHead(spans.length === 0 ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ names: spans.map((span) => span.name) }));
    });
  });

  afterAll(async () => {
    hub?.child.kill('SIGTERM');
    await hub?.done;
    await tempo?.close();
    await prometheus?.remove();
    await stack?.close();
  });

  test('finds the log in Loki, the trace in Tempo and the metric in Prometheus', async () => {
    const { code, checks } = await doctor();
    expect([...checks].filter(([, { kind }]) => kind !== 'good')).toEqual([]);
    expect([...checks.keys()]).toEqual([
      'Node',
      'Claude Code',
      'Claude login',
      'Data folder',
      'Hub',
      'Probe run',
      'OTLP endpoint',
      'Log in Loki',
      'Trace in Tempo',
      'Metric of the hub',
      'Metric in Prometheus',
    ]);
    expect(code).toBe(0);
  });

  test('says what to do where nothing takes what was sent, and leaves out who cannot have it', async () => {
    await stack.collector.stop();
    try {
      const { code, checks } = await doctor({ STEPSPAN_CLAUDE: '/nowhere/claude' });
      expect(checks.get('OTLP endpoint')).toMatchObject({ kind: 'bad', remedy: expect.stringContaining('running') });
      expect(checks.get('Claude Code')).toMatchObject({ kind: 'bad' });
      expect(checks.get('Log in Loki')?.kind).toBe('left_out');
      expect(code).toBe(3);
    } finally {
      await stack.collector.start();
    }
  });

  test('leaves out backends without an address, and passes', async () => {
    const { code, checks } = await doctor({
      STEPSPAN_LOKI_URL: '',
      STEPSPAN_TEMPO_URL: '',
      STEPSPAN_PROMETHEUS_URL: '',
    });
    for (const what of ['Log in Loki', 'Trace in Tempo', 'Metric in Prometheus']) {
      expect(checks.get(what)?.kind, what).toBe('left_out');
    }
    expect(code).toBe(0);
  });
});
