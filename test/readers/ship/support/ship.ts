// Starts a shipper for a test, with waits short enough for one, and stops it afterwards.
import { onTestFinished } from 'vitest';
import type { RunFolder } from '../../../../src/journal/index.ts';
import type { Env } from '../../../../src/readers/ship/env.ts';
import { createShipper, type Shipper, type ShipperOptions } from '../../../../src/readers/ship/shipper.ts';
import type { ShipperStatus } from '../../../../src/readers/ship/status.ts';
import type { OtlpServer } from './otlp-server.ts';

export const quickPace = { firstMs: 2, maxMs: 10, misconfiguredMs: 10 };

/** More than any of these tests needs; a hang shows as a failed drain and not as a test that is cut off. */
export const longMs = 20_000;

export async function ship(
  folder: RunFolder,
  server: Pick<OtlpServer, 'url'>,
  env: Env = {},
  more: Partial<ShipperOptions> = {},
): Promise<Shipper> {
  const start = await createShipper({
    folder,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url, ...env },
    pace: quickPace,
    lingerMs: 1,
    ...more,
  });
  if (start.kind !== 'shipping') throw new Error(JSON.stringify(start));
  onTestFinished(() => start.shipper.stop());
  return start.shipper;
}

/** Waits until the status says what is wanted; the shipper reports every change. */
export function until(wanted: (status: ShipperStatus) => boolean): {
  readonly onStatus: (status: ShipperStatus) => void;
  readonly reached: Promise<ShipperStatus>;
} {
  let onStatus = (_status: ShipperStatus): void => {};
  const reached = new Promise<ShipperStatus>((resolve) => {
    onStatus = (status) => {
      if (wanted(status)) resolve(status);
    };
  });
  return { onStatus: (status) => onStatus(status), reached };
}
