// How counters are shown: held back until seen at 0, bounded in number, kept over restarts.
import { describe, expect, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import {
  add,
  createMeasure,
  formatFor,
  labelBounds,
  metrics,
  type StoredMeasure,
} from '../../../src/readers/measure/index.ts';
import { journalOf, runFinished, runStarted, stepFinished } from '../../runs/journal-of.ts';
import { readScrape } from './scraped.ts';

const newMeasure = (stored?: StoredMeasure) => createMeasure({ scope: 'hub', version: '1', sinceMs: 0, stored });
const scrapeOf = async (measure: ReturnType<typeof newMeasure>, seen = true) => {
  const scrape = await measure.scrape('text');
  if (seen) scrape.seen();
  return readScrape(scrape.text);
};

const shortRun = journalOf()
  .event(runStarted(['a']))
  .event(stepFinished(), 'a')
  .event(runFinished()).records;
const first = '20261123-151402-abc123' as RunId;
const second = '20261123-151403-abc123' as RunId;

describe('a new series', () => {
  test('shows 0 at its first scrape and all it has counted at the next, also for a run that is long over', async () => {
    const measure = newMeasure();
    measure.take(first, shortRun);
    const labels = { workflow: 'nightly', outcome: 'success' };
    const before = await scrapeOf(measure);
    expect(before.value('stepspan_runs_total', labels)).toBe(0);
    expect(before.value('stepspan_run_duration_seconds_count', labels)).toBe(0);
    expect(before.value('stepspan_run_duration_seconds_bucket', { ...labels, le: '+Inf' })).toBe(0);
    const after = await scrapeOf(measure);
    expect(after.value('stepspan_runs_total', labels)).toBe(1);
    expect(after.value('stepspan_run_duration_seconds_bucket', { ...labels, le: '+Inf' })).toBe(1);
    // From then on it is no longer new: what it counts shows at once.
    measure.take(second, shortRun);
    expect((await scrapeOf(measure)).value('stepspan_runs_total', labels)).toBe(2);
  });

  test('continues to show 0 until a scraper has seen it', async () => {
    const measure = newMeasure();
    measure.take(first, shortRun);
    await scrapeOf(measure, false);
    await scrapeOf(measure, false);
    expect((await scrapeOf(measure)).sum('stepspan_runs_total')).toBe(0);
    expect((await scrapeOf(measure)).sum('stepspan_runs_total')).toBe(1);
  });

  test('that was made while a scrape was on its way is not taken as seen by it', async () => {
    const measure = newMeasure();
    const scrape = await measure.scrape('text');
    measure.take(first, shortRun);
    scrape.seen();
    expect((await scrapeOf(measure)).sum('stepspan_runs_total')).toBe(0);
  });

  test('that was seen stays seen over a restart, and one that was not stays held', async () => {
    const measure = newMeasure();
    measure.take(first, shortRun);
    const held = structuredClone(measure.stored());
    expect((await scrapeOf(newMeasure(held))).sum('stepspan_runs_total')).toBe(0);
    await scrapeOf(measure);
    const seen = structuredClone(measure.stored());
    expect((await scrapeOf(newMeasure(seen))).sum('stepspan_runs_total')).toBe(1);
  });
});

describe('names from outside', () => {
  test('beyond their bound are shown as one, and counted', async () => {
    const measure = newMeasure();
    const beyond = 7;
    for (let index = 0; index < labelBounds.workflow + beyond; index++) {
      const runId = `20261123-${String(index).padStart(6, '0')}-abc123` as RunId;
      measure.take(runId, journalOf().event(runStarted([], { workflow: `w${index}` })).records);
    }
    await scrapeOf(measure);
    const scraped = await scrapeOf(measure);
    const started = scraped.samples.filter(({ name }) => name === 'stepspan_runs_started_total');
    expect(started).toHaveLength(labelBounds.workflow + 1);
    expect(scraped.value('stepspan_runs_started_total', { workflow: 'other' })).toBe(beyond);
    expect(scraped.value('stepspan_active_runs', { workflow: 'other' })).toBe(beyond);
    const overflow = scraped.value('stepspan_label_overflow_total', { label: 'workflow' });
    expect(overflow).toBeGreaterThanOrEqual(beyond);
    // A scrape looks at labels too, and counts nothing.
    expect((await scrapeOf(measure)).value('stepspan_label_overflow_total', { label: 'workflow' })).toBe(overflow);
    // Who has a place keeps it over a restart.
    const again = newMeasure(structuredClone(measure.stored()));
    again.take(second, journalOf().event(runStarted([], { workflow: 'w3' })).records);
    expect((await scrapeOf(again)).value('stepspan_runs_started_total', { workflow: 'w3' })).toBe(2);
  });

  test('of any kind make a scrape that can be read', async () => {
    const measure = newMeasure();
    const names = ['', 'other', '__proto__', 'constructor', 'a"b\\c\nd', '\ud800', 'x'.repeat(1000), 'a\0b', 'é'];
    for (const [index, workflow] of names.entries()) {
      const runId = `20261123-${String(index).padStart(6, '0')}-abc123` as RunId;
      measure.take(
        runId,
        journalOf()
          .event(runStarted(['__proto__', ''], { workflow }))
          .event(stepFinished(), '__proto__').records,
      );
      measure.apply(add(metrics.hidden, { kind: workflow }));
    }
    await scrapeOf(measure);
    const scraped = await scrapeOf(measure);
    expect(scraped.sum('stepspan_runs_started_total')).toBe(names.length);
    expect(scraped.sum('stepspan_steps_total', { step: '__proto__', outcome: 'success' })).toBe(names.length);
    expect(scraped.value('stepspan_runs_started_total', { workflow: 'unknown' })).toBe(1);
  });

  test('a counter never goes down, nor to NaN, whatever an event says', async () => {
    const measure = newMeasure();
    for (const value of [3, -2, Number.NaN, Number.POSITIVE_INFINITY])
      measure.apply(add(metrics.recoveries, {}, value));
    await scrapeOf(measure);
    expect((await scrapeOf(measure)).value('stepspan_journal_recoveries_total')).toBe(3);
  });
});

test('a state of a catalogue with other labels or buckets is left behind, metric by metric', async () => {
  const measure = newMeasure();
  measure.take(first, shortRun);
  await scrapeOf(measure);
  const stored = JSON.parse(JSON.stringify(measure.stored()));
  stored.series.metrics.stepspan_runs_total.labels = ['workflow', 'result'];
  stored.series.metrics.stepspan_run_duration_seconds.buckets = [1, 2];
  stored.series.metrics.stepspan_gone_total = { labels: [], series: [{ labels: [], seen: true, value: 1 }] };
  const again = newMeasure(stored);
  const scraped = await scrapeOf(again);
  expect(scraped.sum('stepspan_runs_total')).toBe(0);
  expect(scraped.sum('stepspan_run_duration_seconds_count')).toBe(0);
  expect(scraped.sum('stepspan_runs_started_total')).toBe(1);
});

describe('the formats', () => {
  test('OpenMetrics has exemplars that name trace and span; the text format has none of either', async () => {
    const measure = newMeasure();
    measure.take(first, shortRun);
    await scrapeOf(measure);
    const open = await measure.scrape('openmetrics');
    expect(open.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const exemplars = readScrape(open.text).samples.filter(({ exemplar }) => exemplar !== undefined);
    expect(exemplars.map(({ name }) => name).sort()).toEqual([
      'cicd_pipeline_run_duration_seconds_bucket',
      'stepspan_run_duration_seconds_bucket',
      'stepspan_step_duration_seconds_bucket',
    ]);
    for (const { exemplar } of exemplars) {
      expect(exemplar).toEqual({
        trace_id: '0123456789abcdef0123456789abcdef',
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      });
    }
    const text = await measure.scrape('text');
    expect(text.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.text).not.toContain('trace_id');
    expect(text.text).not.toContain('# EOF');
    // Both have the same samples: one does not spoil the other.
    const plain = (scraped: string) =>
      readScrape(scraped).samples.map(({ name, labels, value }) => ({ name, labels, value }));
    expect(plain((await measure.scrape('openmetrics')).text)).toEqual(plain(text.text));
  });

  test.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3',
      'openmetrics',
    ],
    ['text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.1', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=nonsense', 'text'],
    [',;=;;q', 'text'],
  ])('%s gets %s', (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });
});
