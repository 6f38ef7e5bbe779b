// Labels of runs on metrics: only those that a setting names, so many values of them, and none of it where nothing is set.
import { describe, expect, test } from 'vitest';
import { maxMetricLabels } from '../../../src/core/labels.ts';
import { createMeasure, labelBounds, labelledMetrics, type StoredMeasure } from '../../../src/readers/measure/index.ts';
import { journalOf, runFinished, runStarted, stepFinished } from '../../runs/journal-of.ts';
import { runId, shown } from './measured.ts';

const newMeasure = (labels: readonly string[], stored?: StoredMeasure) =>
  createMeasure({ scope: 'hub', version: '1', sinceMs: 0, labels, stored });

const runWith = (labels?: Readonly<Record<string, string>>) =>
  journalOf()
    .event(runStarted(['a'], labels === undefined ? {} : { labels }))
    .event(stepFinished(), 'a')
    .event(runFinished()).records;

const idOf = (at: number) => `20261123-${String(100_000 + at)}-abc123` as typeof runId;

describe('labels of runs', () => {
  test('are on the metrics of runs, steps and cost if a setting names them, and a run without one lacks it', async () => {
    const measure = newMeasure(['team']);
    measure.take(idOf(1), runWith({ team: 'payments', pr: '42' }));
    measure.take(idOf(2), runWith());
    const scraped = await shown(measure);
    const of = (name: string) =>
      scraped.samples.filter((sample) => sample.name === name && sample.value > 0).map(({ labels }) => labels);
    const common = { workflow: 'nightly', outcome: 'success' };
    expect(of('stepspan_runs_total')).toEqual([{ ...common, label_team: 'payments' }, common]);
    expect(of('stepspan_steps_total')).toEqual([
      { ...common, step: 'a', label_team: 'payments' },
      { ...common, step: 'a' },
    ]);
    expect(of('stepspan_run_duration_seconds_count')).toHaveLength(2);
    // Series of the run were there at 0 before, under its labels.
    expect(scraped.value('stepspan_runs_total', { outcome: 'failure', label_team: 'payments' })).toBe(0);
    expect(scraped.samples.filter(({ labels }) => 'label_pr' in labels)).toEqual([]);
    const named = new Set([...labelledMetrics].map(({ name }) => name));
    const labelled = scraped.samples.filter(({ labels }) => 'label_team' in labels).map(({ name }) => name);
    expect(labelled.filter((name) => !named.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
  });

  test('are on none without the setting', async () => {
    const measure = newMeasure([]);
    measure.take(runId, runWith({ team: 'payments' }));
    const { samples } = await shown(measure);
    expect(samples.flatMap(({ labels }) => Object.keys(labels)).filter((name) => name.startsWith('label_'))).toEqual(
      [],
    );
  });

  test('have so many values, of all keys together; further ones are other, and counted', async () => {
    const measure = newMeasure(['team', 'pr']);
    measure.take(idOf(0), runWith({ team: 'payments' }));
    for (let at = 1; at <= labelBounds.label; at++) measure.take(idOf(at), runWith({ pr: String(at) }));
    const scraped = await shown(measure);
    const values = scraped.samples.filter(({ name }) => name === 'stepspan_runs_total');
    expect(new Set(values.flatMap(({ labels }) => labels.label_pr ?? [])).size).toBe(labelBounds.label);
    expect(scraped.sum('stepspan_runs_total', { label_pr: 'other' })).toBe(1);
    expect(scraped.sum('stepspan_runs_total')).toBe(labelBounds.label + 1);
    expect(scraped.value('stepspan_label_overflow_total', { label: 'label' })).toBeGreaterThan(0);
    expect(maxMetricLabels).toBeLessThan(labelBounds.label);
  });

  test('stay the same over a restart, and start at 0 when the setting changes', async () => {
    const measure = newMeasure(['team']);
    measure.take(runId, runWith({ team: 'payments' }));
    await shown(measure);
    const team = { outcome: 'success', label_team: 'payments' };
    const again = await shown(newMeasure(['team'], measure.stored()));
    expect(again.value('stepspan_runs_total', team)).toBe(1);
    const changed = await shown(newMeasure(['pr'], measure.stored()));
    expect(changed.sum('stepspan_runs_total')).toBe(0);
    expect(changed.sum('stepspan_output_lines_total')).toBe(again.sum('stepspan_output_lines_total'));
  });
});
