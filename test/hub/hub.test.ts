// A hub and its data folder: one at a time, every record counted once over its lives, shipping, retention, archive.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newRunId } from '../../src/core/ids.ts';
import { runningHub, serveMetrics, startHub } from '../../src/hub/index.ts';
import { createJournal, openJournal } from '../../src/journal/index.ts';
import { output } from '../journal/journal-rig.ts';
import { runFinished, runStarted } from '../runs/journal-of.ts';
import { ask, beginRun, endRun, hubOf, nextRunId, scrape, scrapeUntil, tempData } from './hub-rig.ts';

const workflow = 'nightly';

/** A new hub counts the ended runs of this time. */
const countedBeforeMs = 24 * 3_600_000;

describe('the data folder', () => {
  test('has one hub; the second learns who the first is, and can start when that has ended', async () => {
    const data = tempData();
    const first = await hubOf(data);
    const options = { data, host: '127.0.0.1', port: 0, version: '1', env: {}, ship: false };
    const second = await startHub({ ...options, archive: false, retention: undefined, log: () => undefined });
    expect(second).toMatchObject({ kind: 'held', by: { pid: process.pid } });
    if (second.kind === 'held') expect(second.message).toContain(`Process ${process.pid} on`);
    // The first is none the worse for it.
    expect(runningHub(data)?.url).toBe(first.url);
    expect((await ask(first.url, '/healthz')).status).toBe(200);
    await first.stop();
    expect((await hubOf(data)).url).not.toBe('');
  });

  test('says in hub.json where its hub is, until the hub has ended', async () => {
    const data = tempData();
    expect(runningHub(data)).toBeUndefined();
    const hub = await hubOf(data);
    expect(JSON.parse(readFileSync(data.hubFile, 'utf8'))).toMatchObject({
      url: hub.url,
      port: hub.port,
      version: '9.9.9',
      process: { pid: process.pid },
    });
    expect(statSync(data.hubFile).mode & 0o077).toBe(0);
    expect(statSync(join(data.root, 'hub', 'metrics.json'), { throwIfNoEntry: false })?.mode ?? 0).toSatisfy(
      (mode: number) => (mode & 0o077) === 0,
    );
    await hub.stop();
    expect(existsSync(data.hubFile)).toBe(false);
    expect(runningHub(data)).toBeUndefined();
  });
});

describe('what is counted', () => {
  test('are at 0 first, follow a run while it is active, and end with it', async () => {
    const data = tempData();
    const { url } = await hubOf(data);
    await scrape(url);
    const run = beginRun(data);
    const seen = await scrapeUntil(url, (now) => now.value('stepspan_active_runs', { workflow }) === 1);
    expect(seen.value('stepspan_runs_total', { workflow, outcome: 'timeout' })).toBe(0);
    const going = await scrapeUntil(url, (now) => now.value('stepspan_output_lines_total', { stream: 'stdout' }) === 3);
    expect(going.value('stepspan_active_steps', { workflow })).toBe(1);
    expect(going.value('stepspan_run_progress_ratio', { workflow })).toBe(0);
    await endRun(run);
    const ended = await scrapeUntil(url, (now) => now.value('stepspan_active_runs', { workflow }) === 0);
    expect(ended.value('stepspan_runs_total', { workflow, outcome: 'success' })).toBe(1);
    expect(ended.value('stepspan_run_progress_ratio', { workflow })).toBeUndefined();
  });

  test('is each record once, however the hub comes and goes, and also when it is never stopped but dies', async () => {
    // A part: how many lines come, and whether the hub then stops well, or its state of that life is lost.
    const part = fc.record({ lines: fc.nat(5), saved: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (parts) => {
        const data = tempData();
        const run = beginRun(data);
        const subject = { step: 'build', attempt: 1 };
        const state = join(data.root, 'hub', 'metrics.json');
        let lines = 3;
        for (const { lines: more, saved } of parts) {
          const before = existsSync(state) ? readFileSync(state) : undefined;
          const hub = await hubOf(data);
          for (let line = 0; line < more; line++) run.journal.output(output('x\n', { subject }));
          lines += more;
          await scrapeUntil(hub.url, (now) => now.value('stepspan_output_lines_total', { stream: 'stdout' }) === lines);
          await hub.stop();
          // A hub that was killed leaves the state of an earlier moment.
          if (!saved && before !== undefined) writeFileSync(state, before);
        }
        await endRun(run);
        const hub = await hubOf(data);
        const ended = await scrapeUntil(hub.url, (now) => now.sum('stepspan_runs_total') > 0);
        expect(ended.value('stepspan_output_lines_total', { stream: 'stdout' })).toBe(lines);
        expect(ended.value('stepspan_runs_started_total')).toBe(1);
        expect(ended.value('stepspan_runs_total', { outcome: 'success' })).toBe(1);
        expect(ended.value('stepspan_step_cpu_seconds_total')).toBe(1);
        await hub.stop();
      }),
      { numRuns: 8, interruptAfterTimeLimit: 20_000 },
    );
  });

  test('is kept before it is shown, so that no crash takes back what a scrape has seen', async () => {
    const data = tempData();
    const hub = await hubOf(data);
    await endRun(beginRun(data));
    await scrapeUntil(hub.url, (now) => now.sum('stepspan_runs_total') === 1);
    const state = JSON.parse(readFileSync(join(data.root, 'hub', 'metrics.json'), 'utf8'));
    const runs = state.series.metrics.stepspan_runs_total.series as { labels: string[]; value: number }[];
    expect(runs.find(({ labels }) => labels[1] === 'success')?.value).toBe(1);
  });

  test('of a hub that comes back includes what happened without it', async () => {
    const data = tempData();
    const first = await hubOf(data);
    await endRun(beginRun(data));
    await scrapeUntil(first.url, (now) => now.sum('stepspan_runs_total') === 1);
    await first.stop();
    await endRun(beginRun(data));
    await endRun(beginRun(data), runFinished({ kind: 'timeout', message: 'x', limitMs: 1 }));
    const second = await hubOf(data);
    const scraped = await scrapeUntil(second.url, (now) => now.sum('stepspan_runs_total') === 3);
    expect(scraped.value('stepspan_run_failures_total', { reason: 'timeout' })).toBe(1);
  });

  test('of a new hub leaves out runs of before its bound, but for when they succeeded', async () => {
    const data = tempData();
    const old = beginRun(data, newRunId(new Date(Date.now() - countedBeforeMs - 60_000)), { workflow: 'weekly' });
    await endRun(old);
    const active = beginRun(data, newRunId(new Date(Date.now() - countedBeforeMs - 90_000)), { workflow: 'long' });
    const hub = await hubOf(data);
    await scrapeUntil(hub.url, (now) => now.value('stepspan_active_runs', { workflow: 'weekly' }) === 0);
    const scraped = await scrapeUntil(
      hub.url,
      (now) => now.value('stepspan_runs_started_total', { workflow: 'long' }) === 1,
    );
    expect(scraped.value('stepspan_runs_total', { workflow: 'weekly', outcome: 'success' })).toBe(0);
    expect(scraped.value('stepspan_runs_started_total', { workflow: 'weekly' })).toBe(0);
    const succeeded = scraped.value('stepspan_run_last_success_timestamp_seconds', { workflow: 'weekly' }) ?? 0;
    expect(Math.abs(succeeded - Date.now() / 1000)).toBeLessThan(600);
    await endRun(active);
  });

  test('starts at 0 when its state is damaged; this is reported, and the file is kept', async () => {
    const data = tempData();
    mkdirSync(join(data.root, 'hub'), { recursive: true });
    writeFileSync(join(data.root, 'hub', 'metrics.json'), '{"stepspanMetrics":1,');
    const hub = await hubOf(data);
    expect(hub.lines.join()).toMatch(/cannot be used .* they start at 0/);
    expect(existsSync(join(data.root, 'hub', 'metrics.json.unusable'))).toBe(true);
    expect((await scrape(hub.url)).sum('stepspan_runs_total')).toBe(0);
  });

  test('of a journal of a later version is reported once, and the others continue', async () => {
    const data = tempData();
    const later = nextRunId();
    await endRun(beginRun(data, later));
    const segment = join(data.runDir(later).journalDir, `${'0'.repeat(20)}.seg`);
    const bytes = readFileSync(segment);
    // The major version of its format, see src/journal/format.ts.
    bytes.writeUInt16LE(99, 8);
    writeFileSync(segment, bytes);
    const hub = await hubOf(data);
    await endRun(beginRun(data));
    const scraped = await scrapeUntil(hub.url, (now) => now.sum('stepspan_runs_total') === 1);
    expect(scraped.value('stepspan_hub_errors_total', { task: 'follow' })).toBe(1);
    expect(hub.lines).toEqual([expect.stringContaining(`run ${later}, follow`)]);
    expect(hub.lines.join()).toContain('Use the stepspan that wrote it, or a later one.');
  });
});

describe('the metrics of one run', () => {
  test('are served by its own process, and wait at its end for a scrape that has had all of it', async () => {
    const data = tempData();
    const run = beginRun(data);
    const reader = openJournal(data.runDir(run.runId), { onAppend: run.journal.onAppend });
    const start = await serveMetrics({ reader, host: '127.0.0.1', port: 0, version: '9.9.9' });
    if (start.kind === 'failed') throw new Error(start.message);
    const { server } = start;
    await scrapeUntil(server.url, (now) => now.value('stepspan_active_runs') === 1);
    await endRun(run);
    const closed = server.close(60_000);
    const last = await scrapeUntil(server.url, (now) => now.sum('stepspan_runs_total') === 1);
    expect(last.types.has('stepspan_adopted_runs_total')).toBe(false);
    // A scraper that continues is answered until one of its answers held nothing back.
    await Promise.all([closed, scrape(server.url).catch(() => undefined)]);
    await expect(scrape(server.url)).rejects.toThrow();
  });

  test('end at once when nobody waits', async () => {
    const data = tempData();
    const journal = createJournal(data.runDir(nextRunId()));
    journal.event(runStarted([]));
    const start = await serveMetrics({ reader: openJournal(journal.folder), host: '127.0.0.1', port: 0, version: '1' });
    if (start.kind === 'failed') throw new Error(start.message);
    await start.server.close();
    await journal.close();
    expect(
      await serveMetrics({ reader: openJournal(journal.folder), host: '0.0.0.0', port: 0, version: '1' }),
    ).toMatchObject({
      kind: 'failed',
    });
  });
});
