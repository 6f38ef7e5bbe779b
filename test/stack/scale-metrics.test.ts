// Metrics of many machines, as docs/scale.md has them: real agents with stack/scale/prometheus-agent.yaml write to a real Prometheus,
// which takes the place of Mimir; and the rule that fires for a machine that stops sending.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { serveHttp } from '../support/http-server.ts';
import { locateBackends } from './support/backends.ts';
import { root } from './support/compose.ts';
import { defineService, eventually, freePorts, makeFolder } from './support/service.ts';

const { prometheus, promtool } = locateBackends();
const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const remove of cleanUp.splice(0).reverse()) await remove();
});

/** Before version 3 what is the default there, or has a flag of its own, was a feature to be enabled. */
const isOld = / 2\.\d+/.test(String(execFileSync(prometheus, ['--version'], { stdio: ['ignore', 'pipe', 'pipe'] })));
const asAgent = isOld ? ['--enable-feature=agent,expand-external-labels'] : ['--agent'];

async function start(name: string, args: (folder: string, port: number) => string[], env: Record<string, string> = {}) {
  const folder = await makeFolder(name);
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const service = defineService({
    name,
    program: prometheus,
    args: [...args(folder, port), `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'],
    folder,
    env,
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  cleanUp.push(() => service.remove());
  await service.start();
  return url;
}

/** A hub as far as an agent sees one: on loopback, with the same port on each machine. */
async function hub(): Promise<number> {
  const { port, close } = await serveHttp((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end('stepspan_data_folder_free_bytes 1000\n');
  });
  cleanUp.push(close);
  return port;
}

test('agents of two machines, whose hubs have one address, write different series', async () => {
  const port = await hub();
  const mimir = await start('mimir', (folder) => {
    writeFileSync(path.join(folder, 'empty.yaml'), '{}');
    const storage = `--storage.tsdb.path=${folder}/data`;
    return [`--config.file=${folder}/empty.yaml`, storage, '--web.enable-remote-write-receiver'];
  });
  const ours = readFileSync(path.join(root, 'stack/scale/prometheus-agent.yaml'), 'utf8');
  const config = ours
    .replace('scrape_interval: 15s', 'scrape_interval: 1s')
    .replace('127.0.0.1:9464"', `127.0.0.1:${port}"`)
    .replace('https://mimir.example.com/api/v1/push', `${mimir}/api/v1/write`)
    .replace(/ {4}tls_config:\n(?: {6}.*\n)+/, '');
  expect(config).not.toMatch(/example\.com|tls_config|15s/);
  for (const host of ['build-7', 'build-8']) {
    const args = (folder: string) => {
      writeFileSync(path.join(folder, 'agent.yaml'), config);
      return [`--config.file=${folder}/agent.yaml`, `--storage.agent.path=${folder}/data`, ...asAgent];
    };
    await start(host, args, { HOSTNAME: host });
  }
  const query = 'min by (instance) (stepspan_data_folder_free_bytes)';
  const instances = await eventually('both machines have written', async () => {
    const answer = await fetch(`${mimir}/api/v1/query?${new URLSearchParams({ query })}`);
    const { data } = (await answer.json()) as { data: { result: { metric: { instance: string } }[] } };
    const seen = data.result.map(({ metric }) => metric.instance).sort();
    // Labelled by their common address the two are one.
    return seen.length >= 2 || seen.some((each) => each.startsWith('127.')) ? seen : undefined;
  });
  expect(instances).toEqual([`build-7:${port}`, `build-8:${port}`]);
});

test('the rule of docs/scale.md fires for a machine that stops sending, and not for a hub that does not answer', async () => {
  const folder = await makeFolder('machines');
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const page = readFileSync(path.join(root, 'docs/scale.md'), 'utf8');
  writeFileSync(path.join(folder, 'rules.yaml'), /```yaml\n(groups:[\s\S]*?)```/.exec(page)?.[1] ?? '');
  const gone = {
    exp_labels: { severity: 'critical', instance: 'build-7:9464' },
    exp_annotations: { summary: 'build-7:9464 sends nothing' },
  };
  const at = (eval_time: string, ...exp_alerts: object[]) => ({ eval_time, alertname: 'MachineGone', exp_alerts });
  const played = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: [
          { series: 'up{job="stepspan",instance="build-7:9464"}', values: '1x30 stale _x120 1x30' },
          { series: 'up{job="stepspan",instance="build-8:9464"}', values: '1x30 0x160' },
          { series: 'up{job="node",instance="build-9:9100"}', values: '1x30 stale' },
        ],
        alert_rule_test: [at('30m'), at('38m'), at('50m', gone), at('165m')],
      },
    ],
  };
  writeFileSync(path.join(folder, 'tests.yaml'), stringify(played));
  expect(execFileSync(promtool, ['test', 'rules', 'tests.yaml'], { cwd: folder, encoding: 'utf8' })).toContain(
    'SUCCESS',
  );
});
