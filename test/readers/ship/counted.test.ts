// What was shipped of a run, over all who shipped it: kept beside the position, and nobody else's to change.
import { expect, onTestFinished, test } from 'vitest';
import { acquireLock, savedPosition } from '../../../src/journal/index.ts';
import { savedCounted } from '../../../src/readers/ship/counted.ts';
import { createShipper } from '../../../src/readers/ship/shipper.ts';
import { startOtlpServer } from './support/otlp-server.ts';
import { finishedRun } from './support/runs.ts';
import { longMs, ship } from './support/ship.ts';

test('grows over all who ship a run, also where one starts over', async () => {
  const { folder } = await finishedRun(['one', 'two', 'three']);
  const sink = await startOtlpServer();
  onTestFinished(sink.close);
  await (await ship(folder, sink)).done;
  // Three lines and two events; the spans of the run's start and of the run.
  const once = { sent: 5, refused: 0, rejected: 0, retried: 0 };
  expect(savedCounted(folder)).toMatchObject({ logs: once, traces: { ...once, sent: 2 } });
  // Nothing is left to send.
  await (await ship(folder, sink)).done;
  expect(savedCounted(folder)).toMatchObject({ logs: once, traces: { ...once, sent: 2 } });
  const again = await ship(folder, sink, {}, { again: true });
  await again.drain(longMs);
  await again.done;
  expect(savedCounted(folder)).toMatchObject({ logs: { ...once, sent: 10 }, traces: { ...once, sent: 4 } });
});

test('is left alone, as the position is, by one who would start over while another ships', async () => {
  const { folder } = await finishedRun(['one', 'two', 'three']);
  const sink = await startOtlpServer();
  onTestFinished(sink.close);
  await (await ship(folder, sink)).done;
  const [position, counted] = [savedPosition(folder, 'ship-logs'), savedCounted(folder)];
  const lock = await acquireLock(folder, 'ship', 'another');
  const start = await createShipper({ folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }, again: true });
  expect(start.kind).toBe('held');
  expect(savedPosition(folder, 'ship-logs')).toBe(position);
  expect(savedCounted(folder)).toEqual(counted);
  if (lock.kind === 'acquired') lock.release();
});
