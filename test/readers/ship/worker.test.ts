// The shipper in a worker thread: the same as in this one, seen through messages.
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunFolder } from '../../../src/journal/index.ts';
import type { Shipper } from '../../../src/readers/ship/shipper.ts';
import type { ShipperStatus } from '../../../src/readers/ship/status.ts';
import { startShipperWorker } from '../../../src/readers/ship/worker-client.ts';
import { type OtlpServer, type Reply, startOtlpServer } from './support/otlp-server.ts';
import { finishedRun, newRun, print, runFinished } from './support/runs.ts';
import { longMs, quickPace, until } from './support/ship.ts';

async function server(reply?: () => Reply): Promise<OtlpServer> {
  const sink = await startOtlpServer(reply);
  onTestFinished(() => sink.close());
  return sink;
}

async function started(
  folder: RunFolder,
  url: string,
  onStatus: (status: ShipperStatus) => void = () => undefined,
): Promise<Shipper> {
  const start = await startShipperWorker({
    folder,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url },
    pace: quickPace,
    lingerMs: 1,
    onStatus,
  });
  if (start.kind !== 'shipping') throw new Error(JSON.stringify(start));
  onTestFinished(() => start.shipper.stop());
  return start.shipper;
}

describe('a worker', () => {
  test('ships a finished run and ends', async () => {
    const sink = await server();
    const { folder } = await finishedRun(['a', 'b']);
    const shipper = await started(folder, sink.url);
    await shipper.done;
    expect(sink.logs.map(({ body }) => body)).toEqual(['a', 'b']);
    expect(shipper.status().logs).toMatchObject({ state: { kind: 'finished' }, sent: 4 });
    expect(await shipper.drain(longMs)).toMatchObject({ kind: 'drained' });
  });

  test('follows a live run, drains when asked, and continues', async () => {
    const sink = await server();
    const { folder, journal } = newRun();
    const shipper = await started(folder, sink.url);
    print(journal, ['one']);
    expect((await shipper.drain(longMs)).kind).toBe('drained');
    expect(sink.logs.map(({ body }) => body)).toEqual(['one']);
    print(journal, ['two']);
    journal.event(runFinished);
    await journal.close();
    await shipper.done;
    expect(sink.logs.map(({ body }) => body)).toEqual(['one', 'two']);
  });

  test('says what is still to be sent when the time is up, and releases the lock on stop', async () => {
    const sink = await server(() => ({ kind: 'status', status: 503, body: 'later' }));
    const { folder } = await finishedRun(['a']);
    const hasFailed = until(({ logs, traces }) => logs.retries > 0 && traces.retries > 0);
    const shipper = await started(folder, sink.url, hasFailed.onStatus);
    await hasFailed.reached;
    expect(await shipper.drain(1)).toMatchObject({
      kind: 'pending',
      // Both signals go to one place, which fails for both in the same way.
      message: expect.stringMatching(/^3 lines and events are still to be sent \(HTTP 503: later\)$/),
    });
    await shipper.stop();
    expect(shipper.status().logs).toMatchObject({ state: { kind: 'stopped' }, shippedSeq: 0 });
    const second = await server();
    await (await started(folder, second.url)).done;
    expect(second.logs.map(({ body }) => body)).toEqual(['a']);
  });

  test('says who ships the run already', async () => {
    const sink = await server();
    const { folder } = newRun();
    await started(folder, sink.url);
    const other = await startShipperWorker({ folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } });
    expect(other).toMatchObject({ kind: 'held', by: { pid: process.pid } });
  });

  test('says which settings cannot be used', async () => {
    const { folder } = newRun();
    const start = await startShipperWorker({ folder, env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' } });
    expect(start).toMatchObject({ kind: 'invalid', problems: [expect.stringContaining('grpc')] });
  });
});
