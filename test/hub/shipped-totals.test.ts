// What runs ship themselves is counted by the hub, once, when run and hub are killed too. Real processes, as people start them.
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { logsIn } from '../readers/ship/support/json.ts';
import { type OtlpServer, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { scrapeUntil } from './hub-rig.ts';

/** Takes all but lines that say poison. */
async function pickyServer(): Promise<OtlpServer> {
  const server = await startOtlpServer(({ path, body }) => {
    const isPoisoned = path.endsWith('/logs') && logsIn(body).some((log) => String(log.body) === 'poison');
    return isPoisoned ? { kind: 'status', status: 400, body: 'no poison here' } : { kind: 'accept' };
  });
  onTestFinished(server.close);
  return server;
}

async function serve(rig: CliRig, env: Readonly<Record<string, string>> = {}) {
  const hub = rig.start(['serve', '--port', '0'], env);
  const listening = /^listening on (\S+)\n/;
  await hub.said(listening);
  return { ...hub, url: listening.exec(hub.stdout())?.[1] ?? '' };
}

const logs = { signal: 'logs' };
const sent = 'stepspan_shipper_sent_records_total';
const refused = 'stepspan_shipper_refused_records_total';

test('each log record of a run that ships itself counts once, over the deaths of the run and of the hub', async () => {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const server = await pickyServer();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
  const workflow = rig.write(
    'w.yaml',
    "name: w\nsteps:\n  - {id: a, run: printf 'good\\npoison\\nfine\\n'; sleep 600}\n",
  );

  // This hub has no endpoint: all that is sent is sent by the run.
  const first = await serve(rig);
  const run = rig.start(['run', workflow], env);
  await scrapeUntil(first.url, (now) => now.value(refused, logs) === 1 && (now.value(sent, logs) ?? 0) >= 2);
  run.child.kill('SIGKILL');
  first.child.kill('SIGKILL');
  await Promise.all([run.done, first.done]);

  // The next one adopts the run and sends the rest, which is counted with what it did not see.
  const next = await serve(rig, env);
  const isEndTaken = (): boolean =>
    server.events.some(({ attributes }) => attributes['stepspan.event'] === 'run.finished');
  const whole = await scrapeUntil(
    next.url,
    (now) =>
      isEndTaken() &&
      now.sum('stepspan_runs_total') === 1 &&
      now.value('stepspan_shipper_lag_records', logs) === 0 &&
      now.value('stepspan_hub_shipping_runs') === 0,
  );
  const different = new Set([...server.logs, ...server.events].map((log) => inspect(log, { depth: 9 }))).size;
  expect(different).toBeGreaterThan(4);
  expect(whole.value(sent, logs)).toBe(different);
  expect(whole.value(refused, logs)).toBe(1);
  expect(whole.value('stepspan_shipper_sent_bytes_total', logs)).toBeGreaterThan(0);

  // What is sent again was sent again, and what was counted stays.
  const again = await rig.run(['ship', 'latest', '--again'], env);
  expect(again).toMatchObject({ code: 0 });
  const twice = await scrapeUntil(next.url, (now) => (now.value(refused, logs) ?? 0) > 1);
  expect(twice.value(refused, logs)).toBe(2);
  expect(twice.value(sent, logs)).toBe(2 * different);
});

test('requests that fail show while the run is active and nothing is taken', async () => {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const server = await startOtlpServer(() => ({ kind: 'status', status: 503, body: 'not now' }));
  onTestFinished(server.close);
  const workflow = rig.write('w.yaml', 'name: w\nsteps:\n  - {id: a, run: sleep 600}\n');
  const hub = await serve(rig);
  rig.start(['run', workflow], { OTEL_EXPORTER_OTLP_ENDPOINT: server.url });
  const seen = await scrapeUntil(
    hub.url,
    (now) => (now.value('stepspan_shipper_retried_requests_total', logs) ?? 0) > 0,
  );
  expect(seen.value(sent, logs)).toBe(0);
});
