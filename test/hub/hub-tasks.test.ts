// What a hub does for runs beside counting them: shipping, retention, archive.
import { existsSync, readdirSync, rmSync, statfsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { startHub } from '../../src/hub/index.ts';
import { acquireLock, archiveSealed, openJournal, savedPosition } from '../../src/journal/index.ts';
import { askSearchIndex } from '../../src/runs/search-index.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { until } from '../support/until.ts';
import { beginRun, endRun, hubOf, scrapeUntil, tempData } from './hub-rig.ts';

describe('shipping', () => {
  test('sends what nobody has sent, counts it, and leaves a run alone that another process ships', async () => {
    const server = await startOtlpServer();
    onTestFinished(server.close);
    const data = tempData();
    const mine = beginRun(data);
    await endRun(mine);
    const others = beginRun(data);
    await endRun(others);
    const lock = await acquireLock(data.runDir(others.runId), 'ship', 'its own stepspan');
    const hub = await hubOf(data, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url } });
    const shippedOf = (runId: RunId) => savedPosition(data.runDir(runId), 'ship-logs') ?? 0;
    const { nextSeq } = await openJournal(data.runDir(mine.runId)).head();
    await until(() => shippedOf(mine.runId) === nextSeq);
    const scraped = await scrapeUntil(
      hub.url,
      (now) => (now.value('stepspan_shipper_sent_records_total', { signal: 'logs' }) ?? 0) >= 8,
    );
    // Three lines, and five events: the run, the step and the attempt began, the step and the run ended.
    expect(scraped.value('stepspan_shipper_sent_records_total', { signal: 'logs' })).toBe(8);
    expect(scraped.value('stepspan_shipper_lag_records', { signal: 'logs' })).toBe(nextSeq);
    expect(scraped.value('stepspan_shipper_lag_seconds', { signal: 'logs' })).toBeGreaterThan(0);
    expect(shippedOf(others.runId)).toBe(0);
    if (lock.kind === 'acquired') lock.release();
    const drained = await scrapeUntil(
      hub.url,
      (now) => now.value('stepspan_shipper_lag_records', { signal: 'logs' }) === 0,
    );
    expect(drained.value('stepspan_shipper_lag_seconds', { signal: 'logs' })).toBe(0);
    expect(shippedOf(others.runId)).toBe(nextSeq);
    expect(server.logs).toHaveLength(6);
  });

  test('closes the spans of a run that it has adopted', async () => {
    const server = await startOtlpServer();
    onTestFinished(server.close);
    const data = tempData();
    const { journal, runId } = beginRun(data);
    await journal.close();
    await hubOf(data, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url } });
    const sent = (text: string) => server.traces.some((body) => body.includes(text));
    await until(() => sent('RUN nightly'));
    expect(server.traces.some((body) => body.includes(runId) && body.includes('abandoned'))).toBe(true);
  });

  test('without shipping sends nothing', async () => {
    const server = await startOtlpServer();
    onTestFinished(server.close);
    const data = tempData();
    await endRun(beginRun(data));
    const hub = await hubOf(data, { ship: false, env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url } });
    await scrapeUntil(hub.url, (now) => now.sum('stepspan_runs_total') === 1);
    await scrapeUntil(hub.url, (now) => (now.value('stepspan_journal_bytes') ?? 0) > 0);
    await hub.stop();
    expect(server.requests).toEqual([]);
  });

  test('with settings that cannot be used is refused before anything is taken', async () => {
    const data = tempData();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    const start = await startHub({
      data,
      env,
      host: '127.0.0.1',
      port: 0,
      version: '1',
      ship: true,
      archive: false,
      retention: undefined,
      log: () => undefined,
    });
    expect(start).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('http/protobuf')] });
    await hubOf(data);
  });
});

describe('housekeeping', () => {
  test('compresses runs that have ended, removes those past the limit, and counts both', async () => {
    const data = tempData();
    const old = beginRun(data);
    await endRun(old);
    const longAgo = new Date(Date.now() - 3_600_000);
    const { journalDir } = data.runDir(old.runId);
    for (const name of readdirSync(journalDir)) utimesSync(join(journalDir, name), longAgo, longAgo);
    const hub = await hubOf(data, { retention: { maxAgeMs: 1_800_000, maxBytes: undefined } });
    const removed = await scrapeUntil(
      hub.url,
      (now) =>
        now.value('stepspan_retention_removed_runs_total') === 1 &&
        // What it had counted stays, though the run is gone; a new series shows its value one scrape after its 0.
        now.value('stepspan_runs_total', { outcome: 'success' }) === 1,
    );
    expect(removed.value('stepspan_retention_removed_bytes_total')).toBeGreaterThan(0);
    expect(existsSync(data.runDir(old.runId).dir)).toBe(false);
    await hub.stop();

    const young = beginRun(data);
    await endRun(young);
    const archiving = await hubOf(data, { archive: true });
    const archived = await scrapeUntil(
      archiving.url,
      (now) => now.value('stepspan_journal_segments', { form: 'archived' }) === 1,
    );
    expect(archived.value('stepspan_archived_segments_total')).toBe(1);
    expect(archived.value('stepspan_journal_segments', { form: 'raw' })).toBe(0);
    expect(archived.value('stepspan_stored_runs')).toBe(1);
    expect(archived.value('stepspan_journal_bytes')).toBeGreaterThan(0);
    // As the file system itself says; what is free changes while one looks.
    const disk = statfsSync(data.root);
    expect(archived.value('stepspan_data_folder_size_bytes')).toBe(disk.blocks * disk.bsize);
    const free = archived.value('stepspan_data_folder_free_bytes') ?? 0;
    expect(Math.abs(free - disk.bavail * disk.bsize)).toBeLessThan(0.05 * disk.blocks * disk.bsize);
  });
});

test('an archived run is indexed for searches, also by a hub that has lost what the last one kept of ended runs', async () => {
  const data = tempData();
  const run = beginRun(data);
  await endRun(run);
  const { journalDir } = data.runDir(run.runId);
  await archiveSealed(data.runDir(run.runId));
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(journalDir, longAgo, longAgo);
  const isDenied = () => !askSearchIndex(data, 'haystack')(run.runId);
  const hub = await hubOf(data, { archive: true });
  await until(isDenied);
  expect(askSearchIndex(data, 'three')(run.runId)).toBe(true);
  await hub.stop();
  for (const file of [data.hub.endedRuns, data.hub.searchIndex]) rmSync(file);
  await hubOf(data, { archive: true });
  await until(isDenied);
});
