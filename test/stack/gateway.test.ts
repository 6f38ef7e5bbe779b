// What the Collector does beyond passing on: redaction as a second line of defence, and agents that send to a gateway. Real
// Collectors in the configurations that users get; the trace sink stands for Loki and Tempo both where order is not asked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Collector, startCollector } from './support/collector.ts';
import { needs } from './support/external-programs.ts';
import { type Loki, startLoki } from './support/loki.ts';
import { eventually, freePorts, makeFolder } from './support/service.ts';
import { startTraceSink, type TraceSink } from './support/trace-sink.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const remove of cleanUp.splice(0).reverse()) await remove();
});

async function backends(): Promise<{ loki: Loki; sink: TraceSink }> {
  const loki = await startLoki();
  cleanUp.push(() => loki.remove());
  const sink = await startTraceSink();
  cleanUp.push(() => sink.close());
  return { loki, sink };
}

async function collector(options: Parameters<typeof startCollector>[0]): Promise<Collector> {
  const started = await startCollector(options);
  cleanUp.push(() => started.remove());
  return started;
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const resource = { attributes: [text('service.name', 'stepspan'), text('cicd.pipeline.name', 'test')] };

async function sendLines(to: Collector, lines: readonly string[], attributes: object[] = []): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const logRecords = lines.map((line, index) => ({
    timeUnixNano: `${now + BigInt(index)}`,
    body: { stringValue: line },
    attributes,
    traceId,
    spanId,
  }));
  await post(to, '/v1/logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
}

async function sendSpan(to: Collector, name: string, attributes: object[] = []): Promise<void> {
  const span = { traceId, spanId, name, kind: 1, startTimeUnixNano: '1', endTimeUnixNano: '2', attributes };
  await post(to, '/v1/traces', { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
}

async function post(to: Collector, where: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${to.endpoint}${where}`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
}

async function linesOf(loki: Loki, count: number) {
  const query = '{cicd_pipeline_name="test"}';
  await eventually(`Loki has ${count} lines`, async () => ((await loki.count(query)) >= count ? true : undefined));
  return loki.entries(query);
}

describe('a Collector before Loki', needs('loki'), () => {
  test('otel-collector-redaction.yaml hides keys in lines and attributes, and leaves everything else as it is', async () => {
    const { loki, sink } = await backends();
    const redacting = await collector({
      lokiEndpoint: loki.otlpEndpoint,
      tempoEndpoint: sink.endpoint,
      configs: ['otel-collector.yaml', 'otel-collector-redaction.yaml'],
    });
    // Made of pieces, so that no scanner takes this file for one with keys in it.
    const key = `sk-ant-${'a1B2'.repeat(8)}`;
    const secrets = [
      key,
      `gh${'p_'}${'x9'.repeat(18)}`,
      `AKIA${'Z7'.repeat(8)}`,
      `eyJ${'a'.repeat(12)}.eyJ${'b'.repeat(12)}.${'c'.repeat(12)}`,
    ];
    const plain = [
      'run 20261123-151507-k3f9x2 took 3 s',
      'commit 7123eeb5f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5f',
      'https://example.com/a?b=c',
    ];
    await sendLines(
      redacting,
      [...secrets.map((secret) => `the key is ${secret}!`), ...plain],
      [text('log.iostream', 'stdout'), text('note', `with ${key}`)],
    );
    await sendSpan(redacting, 'step', [text('command', `curl -H "x-api-key: ${key}"`), text('step', 'build')]);

    const entries = await linesOf(loki, secrets.length + plain.length);
    expect(entries.map(({ line }) => line)).toEqual([...secrets.map(() => 'the key is ****!'), ...plain]);
    for (const { metadata } of entries) {
      expect(metadata).toMatchObject({ note: 'with ****', log_iostream: 'stdout', trace_id: traceId });
      // It adds nothing of its own, so a line sent again is the same line.
      expect(Object.keys(metadata).filter((name) => name.includes('redact'))).toEqual([]);
    }
    const [span] = await sink.waitFor(traceId, (spans) => spans.length > 0);
    expect(span?.attributes).toEqual({ command: 'curl -H "x-api-key: ****"', step: 'build' });
  });

  test('an agent sends to a gateway over mutual TLS, keeps what it has taken while that is away, and nobody else gets in', async () => {
    const { loki, sink } = await backends();
    const tls = makeCertificates(await makeFolder('tls'));
    cleanUp.push(() => rm(tls, { recursive: true, force: true }));
    const [port = 0] = await freePorts(1);
    const gateway = await collector({
      lokiEndpoint: loki.otlpEndpoint,
      tempoEndpoint: sink.endpoint,
      configs: ['otel-collector.yaml', 'otel-collector-redaction.yaml', 'stack/scale/gateway.yaml'],
      env: { STEPSPAN_TLS_DIR: tls, STEPSPAN_GATEWAY_LISTEN: `127.0.0.1:${port}` },
    });
    const toGateway = { lokiEndpoint: '', tempoEndpoint: '', configs: ['stack/scale/agent.yaml'] };
    const env = { STEPSPAN_GATEWAY_HOST: '127.0.0.1', STEPSPAN_GATEWAY_PORT: String(port) };
    const agent = await collector({ ...toGateway, env: { ...env, STEPSPAN_TLS_DIR: tls } });

    await sendLines(agent, ['one', 'two']);
    await sendSpan(agent, 'step');
    expect((await linesOf(loki, 2)).map(({ line }) => line)).toEqual(['one', 'two']);
    await sink.waitFor(traceId, (spans) => spans.length > 0);

    // Both killed, as by a power cut: what the agent has said yes to is on its disk.
    await gateway.kill();
    for (let i = 0; i < 20; i += 1) await sendLines(agent, [`kept ${i}`]);
    await agent.kill();
    await gateway.start();
    await agent.start();
    const lines = (await linesOf(loki, 22)).map(({ line }) => line);
    expect(lines).toEqual(['one', 'two', ...Array.from({ length: 20 }, (_, i) => `kept ${i}`)]);

    // Another authority made this one's certificate, so the gateway does not talk to it; the lines stay with it.
    const foreign = makeCertificates(await makeFolder('tls'), tls);
    cleanUp.push(() => rm(foreign, { recursive: true, force: true }));
    const untrusted = await collector({ ...toGateway, env: { ...env, STEPSPAN_TLS_DIR: foreign } });
    await sendLines(untrusted, ['not for you']);
    await eventually(
      'the untrusted agent is refused',
      () => /tls: (unknown certificate authority|bad certificate)/.test(untrusted.output()) || undefined,
    );
    expect(await loki.count('{cicd_pipeline_name="test"}')).toBe(22);
  });
});

/**
 * A folder with an authority and a certificate of it for each side, good for 127.0.0.1.
 * @param trusting the folder whose authority is to be believed instead of the own one
 */
function makeCertificates(folder: string, trusting?: string): string {
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...fresh, '-keyout', 'own.key', '-out', 'own.crt', '-days', '2', '-subj', '/CN=authority');
  writeFileSync(path.join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
  for (const side of ['agent', 'gateway']) {
    openssl('req', ...fresh, '-keyout', `${side}.key`, '-out', `${side}.csr`, '-subj', `/CN=${side}`);
    const signed = ['-CA', 'own.crt', '-CAkey', 'own.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
    openssl('x509', '-req', '-in', `${side}.csr`, '-out', `${side}.crt`, ...signed);
  }
  execFileSync('cp', [
    path.join(trusting ?? folder, trusting === undefined ? 'own.crt' : 'ca.crt'),
    path.join(folder, 'ca.crt'),
  ]);
  return folder;
}
