// The catalogue against the conventions, against what is served, and against its page.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { metricsDoc, metricsDocPath } from '../../../scripts/generate-metrics-doc.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { catalogue, createMeasure, gauge, type Metric } from '../../../src/readers/measure/index.ts';
import {
  attemptFinished,
  attemptStarted,
  journalOf,
  modelUse,
  runFinished,
  runStarted,
  stepFinished,
} from '../../runs/journal-of.ts';
import { readScrape } from './scraped.ts';

const runId = '20261123-151402-abc123' as RunId;

describe('the catalogue', () => {
  test('names each metric once, by the conventions of Prometheus and OpenMetrics', () => {
    const names = catalogue.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, unit, help } of catalogue) {
      expect(name).toMatch(/^(stepspan|claude_code|cicd_pipeline|gen_ai)_[a-zA-Z][a-zA-Z0-9_]*$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      const base = name.replace(/_total$/, '');
      if (unit !== '') expect(base.toLowerCase(), name).toMatch(new RegExp(`_${unit}$`));
      // Suffixes that the samples of histograms and summaries have.
      if (name.startsWith('stepspan')) expect(base, name).not.toMatch(/_(sum|count|bucket|created)$/);
      expect(help, name).toMatch(/^[A-Z][^"\\\n]*\.$/);
    }
  });

  test('has no label that names a run, a session or a person', () => {
    // What a convention calls the state of a run has one value.
    const labels = catalogue
      .flatMap(({ labels: each }) => Object.keys(each))
      .filter((label) => !/_run_state$/.test(label));
    expect(labels.filter((label) => /run|session|user|account|trace|span|email|pid|host/.test(label))).toEqual([]);
  });

  test('has ascending buckets with a reason', () => {
    for (const metric of catalogue) {
      if (metric.type !== 'histogram') continue;
      expect(metric.buckets).toEqual([...metric.buckets].sort((a, b) => a - b));
      expect(metric.bucketsReason.length).toBeGreaterThan(20);
    }
  });

  test.each(['hub', 'run'] as const)('is what a %s serves, no more and no less, in both formats', async (scope) => {
    const expected = catalogue.filter((metric) => scope === 'hub' || metric.scope === 'run');
    const measure = createMeasure({ scope, version: '1', sinceMs: 0 });
    const text = readScrape((await measure.scrape('text')).text);
    expect([...text.types]).toEqual(expected.map(({ name, type }) => [name, type]));
    const open = await measure.scrape('openmetrics');
    expect(open.text.endsWith('\n# EOF\n')).toBe(true);
    expect([...readScrape(open.text).types]).toEqual(
      expected.map(({ name, type }) => [name.replace(/_total$/, ''), type]),
    );
  });

  test('names every label, and every value of the fixed ones, that a series of a run has', async () => {
    const measure = createMeasure({ scope: 'hub', version: '1', sinceMs: 0 });
    const { records } = journalOf()
      .event(runStarted(['one', 'two'], { budgetUsd: 1 }))
      .event({ type: 'step.started' }, 'one')
      .event(attemptStarted, 'one')
      .output('a\n', 'one')
      .event({ type: 'claude.usage', messageId: 'm', usage: modelUse('opus', 5, 0.5) }, 'one')
      .event({ type: 'claude.cost', costUsd: 1, estimated: false, models: [modelUse('opus', 5, 0.5)] }, 'one')
      .event({ type: 'claude.tool_called', toolUseId: '1', tool: 'Bash', input: '', parentToolUseId: undefined }, 'one')
      .event({ type: 'resource.sampled', cpuSeconds: 1, cpuCores: 1, rssBytes: 9, processes: 2 }, 'one');
    measure.take(runId, records);
    const active = readScrape((await measure.scrape('text', everyGauge())).text);
    measure.take(runId, journalOfEnd(records.length));
    const ended = readScrape((await measure.scrape('text', everyGauge())).text);
    const seen = new Set<string>();
    for (const { name, labels } of [...active.samples, ...ended.samples]) {
      const metric = catalogue.find((each) => name === each.name || isPartOf(name, each));
      if (metric === undefined) throw new Error(`${name} is in no catalogue`);
      seen.add(metric.name);
      const { le: _le, ...own } = labels;
      expect(Object.keys(own).sort()).toEqual(Object.keys(metric.labels).sort());
      for (const [label, values] of Object.entries(metric.labels)) {
        if (values.kind === 'fixed') expect(values.values).toContain(own[label]);
      }
    }
    // All that can be without an outside name is there from the start; the rest needs that name.
    const missing = catalogue.filter(({ name }) => !seen.has(name)).map(({ name }) => name);
    expect(missing.sort()).toEqual(
      [
        'claude_code_code_edit_tool_decision_total',
        'stepspan_retention_unread_records_total',
        'stepspan_secrets_hidden_total',
        'stepspan_stalled_steps',
      ].sort(),
    );
  });
});

test('docs/metrics.md is what the catalogue says; `node scripts/generate-metrics-doc.ts` brings it up to date', () => {
  expect(readFileSync(metricsDocPath, 'utf8')).toBe(metricsDoc());
});

function isPartOf(name: string, metric: Metric): boolean {
  return metric.type === 'histogram' && ['_bucket', '_sum', '_count'].some((part) => name === metric.name + part);
}

/** What a hub adds at each scrape: one sample of every gauge whose labels need no outside name. */
function everyGauge() {
  return catalogue.flatMap((metric) => {
    if (metric.type !== 'gauge' || metric.name === 'stepspan_build_info') return [];
    const labels = Object.entries(metric.labels).map(([label, values]) => [
      label,
      values.kind === 'fixed' ? (values.values[0] ?? '') : 'x',
    ]);
    const isHubs = /^stepspan_(alerts|cursor|data|hub|journal|shipper|stored|tail)_/.test(metric.name);
    return isHubs ? [gauge(metric, Object.fromEntries(labels), 1)] : [];
  });
}

function journalOfEnd(from: number) {
  const { records } = journalOf()
    .event(attemptFinished(), 'one')
    .event(stepFinished(), 'one')
    .event(stepFinished({ kind: 'skip', reason: 'need', message: '' }, 0, 0), 'two')
    .event(runFinished());
  return records.map((record) => ({ ...record, seq: record.seq + from }));
}
